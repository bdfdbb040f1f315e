import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { zstdCompressSync } from 'node:zlib';
import { createUpgrades } from '../../../agent/upgrade/engine.ts';
import { sha512 } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { parseSlotRelease } from '../../../proto/slots.ts';
import { CONTROLLER, RELEASE, signPair } from '../../proto/fixture.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { requires } from '../../support/requires.ts';
import { until } from '../../support/until.ts';
import { type Given, NEW, OLD, OTHER, upgrade } from './upgrade-stage.ts';

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

test('what lies whole in the other slot, from a time before that went back or was cut off, is taken again', async (t) => {
  const { root } = await upgrade(t);
  rmSync(join(root, 'trial'), { recursive: true });
  rmSync(join(root, 'current'));
  symlinkSync('a', join(root, 'current'));
  writeFileSync(join(root, 'b', 'release.json'), 'cut');
  const again = await upgrade(t, { root });
  assert.deepEqual([again.restarts, again.lines], [['b'], ['0.1.5 → 0.2.0']], 'and not fetched again');
  assert.equal(parseSlotRelease(readFileSync(join(root, 'b', 'release.json'), 'utf8'))?.version, '0.2.0');
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

test('two at once take turns at the one other slot', async (t) => {
  const { ports, task, run, root } = await upgrade(t, { says: { exitCode: 1 } });
  let inside = 0;
  let most = 0;
  const watched = {
    ...ports,
    fetch: async (...args: Parameters<typeof ports.fetch>) => {
      most = Math.max(most, ++inside);
      await setImmediate();
      inside -= 1;
      return ports.fetch(...args);
    },
  };
  rmSync(join(root, 'b'), { recursive: true });
  const upgrades = createUpgrades(watched);
  const both = [1, 2].map((attempt) => upgrades.carryOut(task, { ...run, attempt }).catch(() => {}));
  await Promise.all(both);
  assert.equal(most, 1);
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

test('an upgrade that comes while another is under way waits for its end, and finds the slot as that left it', async (t) => {
  const { ports, task, run, root } = await upgrade(t, { check: true });
  const first = Promise.withResolvers<never>();
  let fetched = 0;
  const both = createUpgrades({
    ...ports,
    fetch: (...args) => (++fetched === 1 ? first.promise : ports.fetch(...args)),
  });
  const failing = both.carryOut(task, { ...run, check: false });
  const second = both.carryOut(task, { ...run, check: false, jobId: '0e'.repeat(16) });
  await until('the first fetches', () => fetched === 1);
  await setImmediate();
  assert.equal(fetched, 1);
  first.reject(new Error('the link is down'));
  await assert.rejects(failing, /the link is down/);
  await assert.rejects(second, /the agent stops/);
  assert.deepEqual([ports.folder.trial()?.order, fetched], [`${'0e'.repeat(16)}-1`, 2]);
  assert.deepEqual(readFileSync(join(root, 'b', 'agent')), NEW);
});

test('a version on trial leaves the one before alone, and calls nothing done, until it stays', async (t) => {
  const { ports, task, run, root, folder } = await upgrade(t);
  let looked = 0;
  const has: typeof folder.has = (...args) => {
    looked += 1;
    return folder.has(...args);
  };
  const running = { ...ports.running, version: '0.2.0' };
  const next = createUpgrades({ ...ports, slot: 'b', running, folder: { ...folder, has } });
  next.begin();
  const told = next.carryOut(task, {
    ...run,
    jobId: '0e'.repeat(16),
    signal: new AbortController().signal,
  });
  await setImmediate();
  assert.equal(looked, 0);
  next.online();
  assert.deepEqual(await told, { state: 'succeeded', change: 'unchanged', reason: '0.2.0' });
  assert.equal(existsSync(join(root, 'trial')), false);
});

test('where somebody else tries a version out, nothing is put into its slot', async (t) => {
  const { root } = await upgrade(t);
  writeFileSync(join(root, 'b', 'agent'), 'the program of an installer');
  const { result, restarts } = await upgrade(t, { root, jobId: '0e'.repeat(16) });
  assert.deepEqual(result, { state: 'failed', reason: 'version 0.2.0 is being tried out here' });
  assert.deepEqual(restarts, []);
  assert.equal(readFileSync(join(root, 'b', 'agent'), 'utf8'), 'the program of an installer');
});

test('a version that an installer kept does not hold up the next upgrade', async (t) => {
  const { ports, root, restarts } = await upgrade(t);
  execFileSync('ln', [join(root, 'trial', 'kept'), join(root, 'trial', 'outcome')]);
  createUpgrades({ ...ports, slot: 'b' }).online();
  assert.equal(restarts.length, 1);
  assert.deepEqual([existsSync(join(root, 'trial')), existsSync(join(root, 'last-trial'))], [false, true]);
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
