/** An upgrade on a real folder of slots; what is fetched and what the new version says is made up. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { createUpgrades } from '../../../agent/upgrade/engine.ts';
import type { UpgradePorts, UpgradeRun } from '../../../agent/upgrade/ports.ts';
import { programFolder } from '../../../agent/upgrade/program-folder.ts';
import { signRelease } from '../../../certs/release.ts';
import { applyTrust, pinned, signTrust } from '../../../certs/trust.ts';
import type { Message } from '../../../proto/codec.ts';
import { type KeyPair, sha512 } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { systemClock } from '../../../proto/system.ts';
import { FLEET, RELEASE, ROOT } from '../../proto/fixture.ts';
import { TRUST_INPUT } from '../../proto/signed.ts';
import { temporaryFolder } from '../../support/folder.ts';

export const OLD = Buffer.from('the program that runs');
export const OTHER = sha512(Buffer.from('some other program'));
export const NEW = Buffer.from('the program that is to run'.repeat(10_000));

export const BOOT_ID = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

export interface Given {
  key?: KeyPair;
  /** No signature at all. */
  unsigned?: boolean;
  trust?: Partial<typeof TRUST_INPUT>;
  version?: string;
  build?: Partial<Message<'Build'>>;
  /** In place of what was packed. */
  packed?: Uint8Array;
  says?: { stdout?: string; stderr?: string; exitCode?: number | undefined };
  check?: boolean;
  jobId?: string;
  signal?: AbortSignal;
  freeBytes?: number;
  /** The folder of the program; left out: a new one, with the program that runs in slot a. */
  root?: string;
  /** Of what is to run; default NEW. */
  program?: Uint8Array;
  /** Called when nothing is left to prepare. */
  begin?(): void;
  ports?: Partial<UpgradePorts>;
  folder?: Partial<UpgradePorts['folder']>;
}

export async function upgrade(t: { after(fn: () => void): void }, given: Given = {}) {
  const root = given.root ?? temporaryFolder(t);
  const { program = NEW } = given;
  if (!existsSync(join(root, 'a'))) {
    mkdirSync(join(root, 'a'));
    writeFileSync(join(root, 'a', 'agent'), OLD, { mode: 0o755 });
    symlinkSync('a', join(root, 'current'));
  }
  const packed = join(temporaryFolder(t), 'packed');
  writeFileSync(packed, given.packed ?? zstdCompressSync(program));
  const { version = '0.2.0' } = given;
  const restarts: string[] = [];
  const lines: string[] = [];
  const real = programFolder(root);
  const over = new AbortController();
  const ports: UpgradePorts = {
    clock: systemClock,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    folder: {
      ...real,
      ...(given.freeBytes !== undefined && { freeBytes: () => given.freeBytes ?? 0 }),
      ...given.folder,
    },
    slot: 'a',
    running: { version: '0.1.5', form: 'executable', arch: 'x64' },
    bootId: BOOT_ID,
    trust: () => {
      const signed = signTrust({ ...TRUST_INPUT, ...given.trust }, [ROOT]);
      return applyTrust(pinned(FLEET, keyId('root', ROOT.publicKey)), signed);
    },
    fetch: async () => ({ path: packed, release: () => lines.push('released') }),
    alone: async () => () => {},
    restart() {
      restarts.push(real.current() ?? '');
      over.abort(new Error('the agent stops'));
    },
    ...given.ports,
  };
  const run: UpgradeRun = {
    ...{ jobId: given.jobId ?? '0f'.repeat(16), attempt: 1, check: given.check ?? false },
    signal: AbortSignal.any([over.signal, ...(given.signal ? [given.signal] : [])]),
    say: (line) => lines.push(line),
    command: async () => ({ stdout: `${version}\n`, stderr: '', exitCode: 0, ...given.says }),
  };
  const build = {
    form: 'executable',
    arch: 'x64',
    sha512: sha512(program),
    length: program.length,
    ...given.build,
  };
  const signed = signRelease(given.key ?? RELEASE, { agentVersion: version, builds: [build] });
  const content = { sha512: new Uint8Array(64), length: 1, key: new Uint8Array(32) };
  const task = {
    ...signed,
    ...(given.unsigned && { signatures: [] }),
    ...{ contents: [content], onlineWithinMs: 120_000 },
  } as Message<'UpgradeTask'>;
  given.begin?.();
  const result = await createUpgrades(ports)
    .carryOut(task, run)
    .catch((error: Error) => ({ state: 'failed', reason: error.message, change: undefined }));
  const isAsBefore =
    real.current() === 'a' &&
    !existsSync(join(root, 'trial')) &&
    restarts.length === 0 &&
    real.formIn('a') === 'executable';
  return { root, result, restarts, lines, isAsBefore, folder: real, ports, task, run };
}
