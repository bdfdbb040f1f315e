import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import type { Packed } from '../../../../controller/installer/build.ts';
import type { Program } from '../../../../controller/installer/builds/program.ts';

export const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');

export async function bytesOf(packed: Packed): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of packed.open()) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** A program whose agent is one line, and whose runtimes nobody has. */
export async function madeUpProgram(
  folder: string,
  archives: { x64?: string; arm64?: string } = {},
): Promise<Program> {
  const bundle = join(folder, 'agent.cjs');
  await writeFile(bundle, "console.log('the agent', process.argv.length);\n");
  const version = process.version.slice(1);
  const runtime = (arch: 'x64' | 'arm64') => ({
    ...{ name: `node-linux-${arch}`, version },
    sha512: archives[arch] ?? sha512(Buffer.from(`never made: ${arch}`)),
  });
  return {
    bundle,
    runtimes: { x64: runtime('x64'), arm64: runtime('arm64') },
    injector: join(import.meta.dirname, '../../../../controller/installer/builds/injector.ts'),
    folders: [folder],
  };
}

export type Entry = [Partial<Header> & { name: string }, Uint8Array | undefined];

/** An archive as npm has them. Resolves to its digest. */
export async function writeArchive(path: string, entries: readonly Entry[]): Promise<string> {
  const tar = pack();
  for (const [headers, bytes] of entries) {
    if (bytes) tar.entry(headers, Buffer.from(bytes));
    else tar.entry(headers);
  }
  tar.finalize();
  await pipeline(tar, createGzip({ level: constants.Z_BEST_SPEED }), createWriteStream(path));
  return sha512(await readFile(path));
}

/** This machine's node, said to be of another one: enough of it for whatever does not run it. */
export async function foreignNode(): Promise<Buffer> {
  const node = await readFile(process.execPath);
  node.writeUInt16LE(ELF_AARCH64, ELF_MACHINE_AT);
  return node;
}

export const ELF_MACHINE_AT = 18;
export const ELF_AARCH64 = 183;
