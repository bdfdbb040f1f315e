/** On a real folder of slots; what is fetched and what the new version says is made up. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { createUpgrades } from '../../../agent/upgrade/engine.ts';
import type { UpgradePorts, UpgradeRun } from '../../../agent/upgrade/ports.ts';
import { programFolder } from '../../../agent/upgrade/program-folder.ts';
import { signRelease } from '../../../certs/release.ts';
import { applyTrust, pinned, signTrust } from '../../../certs/trust.ts';
import type { Message } from '../../../proto/codec.ts';
import { type KeyPair, sha512 } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { parseSlotRelease } from '../../../proto/slots.ts';
import { CONTROLLER, FLEET, RELEASE, ROOT, signPair } from '../../proto/fixture.ts';
import { TRUST_INPUT } from '../../proto/signed.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { requires } from '../../support/requires.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const OLD = Buffer.from('the program that runs');
const OTHER = sha512(Buffer.from('some other program'));
const NEW = Buffer.from('the program that is to run'.repeat(10_000));

interface Given {
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
  signal?: AbortSignal;
  freeBytes?: number;
  root?: string;
  ports?: Partial<UpgradePorts>;
  folder?: Partial<UpgradePorts['folder']>;
}

async function upgrade(t: TestContext, given: Given = {}) {
  const root = given.root ?? temporaryFolder(t);
  mkdirSync(join(root, 'a'));
  writeFileSync(join(root, 'a', 'agent'), OLD, { mode: 0o755 });
  symlinkSync('a', join(root, 'current'));
  const packed = join(temporaryFolder(t), 'packed');
  writeFileSync(packed, given.packed ?? zstdCompressSync(NEW));
  const { version = '0.2.0' } = given;
  const restarts: string[] = [];
  const lines: string[] = [];
  const real = programFolder(root);
  const over = new AbortController();
  const ports: UpgradePorts = {
    clock: virtualClock(),
    log: { debug() {}, info() {}, warn() {}, error() {} },
    folder: {
      ...real,
      ...(given.freeBytes !== undefined && { freeBytes: () => given.freeBytes ?? 0 }),
      ...given.folder,
    },
    slot: 'a',
    running: { version: '0.1.5', form: 'executable', arch: 'x64' },
    bootId: '0-1',
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
    ...{ jobId: '0f'.repeat(16), attempt: 1, check: given.check ?? false },
    signal: AbortSignal.any([over.signal, ...(given.signal ? [given.signal] : [])]),
    say: (line) => lines.push(line),
    command: async () => ({ stdout: `${version}\n`, stderr: '', exitCode: 0, ...given.says }),
  };
  const build = { form: 'executable', arch: 'x64', sha512: sha512(NEW), length: NEW.length, ...given.build };
  const signed = signRelease(given.key ?? RELEASE, { agentVersion: version, builds: [build] });
  const content = { sha512: new Uint8Array(64), length: 1, key: new Uint8Array(32) };
  const task = {
    ...signed,
    ...(given.unsigned && { signatures: [] }),
    ...{ contents: [content], onlineWithinMs: 120_000 },
  } as Message<'UpgradeTask'>;
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

test('a release that fits is put into the other slot, whole, before anything points there', async (t) => {
  const { root, restarts, lines, folder } = await upgrade(t);
  assert.deepEqual(restarts, ['b'], 'it ends once, when the other slot is the current one');
  assert.deepEqual(lines, ['0.1.5 → 0.2.0', 'released']);
  assert.deepEqual(readFileSync(join(root, 'b', 'agent')), NEW);
  assert.deepEqual(
    [statSync(join(root, 'b')).mode & 0o777, statSync(join(root, 'b', 'agent')).mode & 0o777],
    [0o755, 0o755],
  );
  const release = parseSlotRelease(readFileSync(join(root, 'b', 'release.json'), 'utf8'));
  assert.deepEqual(
    [release?.version, release?.form, release?.arch, release?.length],
    ['0.2.0', 'executable', 'x64', NEW.length],
  );
  const trial = folder.trial();
  assert.deepEqual(
    [
      trial?.order,
      trial?.old,
      trial?.new,
      trial?.oldVersion,
      trial?.newVersion,
      trial?.withinSeconds,
      trial?.outcome,
    ],
    [`${'0f'.repeat(16)}-1`, 'a', 'b', '0.1.5', '0.2.0', 120, undefined],
  );
});

const STRANGER = signPair('a release key of nobody');
const REFUSED: readonly [string, Given, RegExp][] = [
  ['that nobody signed', { unsigned: true }, /nobody signed it/],
  ["that a controller's key signed", { key: CONTROLLER }, /no release key of this fleet/],
  ['that a key of nobody signed', { key: STRANGER }, /no release key of this fleet/],
  ['whose key was revoked', { trust: { revoked: [keyId('release', RELEASE.publicKey)] } }, /was revoked/],
  ['of a lower version', { version: '0.1.4' }, /0\.1\.5 runs here, and is not replaced by 0\.1\.4/],
  ['of a lower version in other digits', { version: '0.0.99' }, /which is lower/],
  ['below what the fleet allows', { trust: { minimumAgentVersion: '1.0.0' } }, /lower than 1\.0\.0/],
  ['for another processor', { build: { arch: 'arm64' } }, /no executable for x64/],
  [
    'for a Node of the host, where an executable runs',
    { build: { form: 'bundle', arch: '' } },
    /no executable for x64/,
  ],
  ['with another digest than what came', { build: { sha512: OTHER } }, /another digest/],
  ['that is longer than it says', { build: { length: NEW.length - 1 } }, /longer than the release says/],
  ['that is shorter than it says', { build: { length: NEW.length + 1 } }, /with another digest/],
  ['whose content was cut', { packed: zstdCompressSync(NEW).subarray(0, 40) }, /./],
  ['whose content is nothing that was packed', { packed: Buffer.from('<html>') }, /./],
  ['for which there is no room', { freeBytes: 1_000 }, /needs \d+ bytes where the agent is installed/],
  [
    'that does not start here',
    { says: { exitCode: 127, stderr: 'x\nGLIBC_2.38 not found' } },
    /does not start here: GLIBC_2\.38 not found/,
  ],
  ['that says it is another version', { says: { stdout: '0.1.0\n' } }, /says that it is version 0\.1\.0/],
];
for (const [what, given, why] of REFUSED)
  test(`a release ${what} changes nothing`, async (t) => {
    const { result, isAsBefore } = await upgrade(t, given);
    assert.equal(result.state, 'failed');
    assert.match(result.reason ?? '', why);
    assert.ok(isAsBefore);
  });

test('what was not unpacked whole leaves nothing behind', async (t) => {
  const { root } = await upgrade(t, { build: { sha512: OTHER } });
  assert.deepEqual(readdirSync(root).sort(), ['a', 'current']);
});

test('a check says what would change, and the same program is unchanged, whatever its release.json says', async (t) => {
  const checked = await upgrade(t, { check: true });
  assert.deepEqual(checked.result, { state: 'succeeded', change: 'would-change', reason: '0.1.5 → 0.2.0' });
  assert.ok(checked.isAsBefore && !existsSync(join(checked.root, 'b')));

  const root = temporaryFolder(t);
  const { result, isAsBefore } = await upgrade(t, {
    root,
    build: { sha512: sha512(OLD), length: OLD.length },
  });
  assert.deepEqual([result.state, result.change], ['succeeded', 'unchanged']);
  assert.ok(isAsBefore);

  const lying = temporaryFolder(t);
  mkdirSync(join(lying, 'b'));
  const lie = {
    version: '0.2.0',
    form: 'executable',
    arch: 'x64',
    sha512: Buffer.from(sha512(NEW)).toString('hex'),
    length: NEW.length,
  };
  writeFileSync(join(lying, 'b', 'release.json'), JSON.stringify(lie));
  writeFileSync(join(lying, 'b', 'agent'), 'something else', { mode: 0o755 });
  const { restarts } = await upgrade(t, { root: lying });
  assert.deepEqual(restarts, ['b']);
  assert.deepEqual(readFileSync(join(lying, 'b', 'agent')), NEW);
});

test('a run that was cancelled before the swap leaves the agent as it is', async (t) => {
  const cancelled = AbortSignal.abort(new Error('cancelled'));
  const { result, isAsBefore } = await upgrade(t, { signal: cancelled });
  assert.equal(result.state, 'failed');
  assert.ok(isAsBefore);
});

test('a swap that the disk does not take leaves no trial, and others go on', async (t) => {
  let goesOn = 0;
  const failing = () => {
    throw new Error('no room');
  };
  const { result, isAsBefore, root } = await upgrade(t, {
    ports: { alone: async () => () => void goesOn++ },
    folder: { pointTo: failing },
  });
  assert.deepEqual([result.state, result.reason, goesOn], ['failed', 'no room', 1]);
  assert.ok(isAsBefore && !existsSync(join(root, 'trial.new')));
});

test('the next agent tells what became of it', async (t) => {
  const { folder, ports, task, run, root } = await upgrade(t);
  const quiet = { ...run, signal: new AbortController().signal };
  const next = createUpgrades({ ...ports, slot: 'b', running: { ...ports.running, version: '0.2.0' } });
  next.begin();
  const told = next.carryOut(task, quiet);
  next.online();
  assert.deepEqual(await told, { state: 'succeeded', change: 'changed', reason: '0.1.5 → 0.2.0' });
  assert.equal(existsSync(join(root, 'trial')), false);
  assert.equal(folder.lastTrial()?.outcome?.result, 'kept');
  // Said again after a crash that its report did not outlive.
  assert.equal((await createUpgrades({ ...ports, slot: 'b' }).carryOut(task, quiet)).change, 'changed');
});

test('a version that is online too late does not stay', async (t) => {
  const { ports, root, restarts } = await upgrade(t);
  execFileSync('ln', [join(root, 'trial', 'back'), join(root, 'trial', 'outcome')]);
  createUpgrades({ ...ports, slot: 'b' }).online();
  assert.equal(restarts.length, 2);
  assert.ok(existsSync(join(root, 'trial')), 'that is for the launcher');
});

test('a full disk changes nothing', requires('root', 'mounts'), async (t) => {
  const root = join(temporaryFolder(t), 'small');
  mkdirSync(root);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=128k', 'none', root]);
  try {
    const { result, isAsBefore } = await upgrade(t, { root, freeBytes: Number.MAX_SAFE_INTEGER });
    assert.match(result.reason ?? '', /ENOSPC/);
    assert.ok(isAsBefore);
    assert.deepEqual(readdirSync(root).sort(), ['a', 'current']);
  } finally {
    execFileSync('umount', [root]);
  }
});
