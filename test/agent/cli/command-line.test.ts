import assert from 'node:assert/strict';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { homeAt } from '../../../agent/identity/home.ts';
import { startTicksOf, writeStatus } from '../../../agent/identity/status-file.ts';
import { openJournal } from '../../../agent/spool/open-journal.ts';
import { keyId } from '../../../proto/frame.ts';
import { toHex } from '../../../proto/ids.ts';
import { joinArgs, shell } from './shell.ts';

describe('muster-agent status', () => {
  it('says that a home has not joined', async (t) => {
    const at = shell(t);
    assert.equal(await at.run('status'), 1);
    assert.match(at.out, /not joined/);
    assert.equal(await at.run('status', '--json'), 1);
    assert.deepEqual(JSON.parse(at.out), { joined: false });
  });

  it('says who it is and that no agent runs, also when one left its status behind', async (t) => {
    const at = shell(t);
    await at.run(...joinArgs(at));
    writeStatus(homeAt(at.home).status, {
      pid: process.pid,
      startTicks: '1',
      state: 'connected',
      sinceMs: 0,
    });
    assert.equal(await at.run('status', '--json'), 1);
    const said = JSON.parse(at.out);
    assert.deepEqual([said.joined, said.running, said.connected, said.trustSerial], [true, false, false, 1]);
    assert.equal(said.root, toHex(keyId('root', at.controller.root.publicKey)));
    assert.equal(await at.run('status'), 1);
    assert.match(at.out, /not running/);
  });

  it('is 0 while its agent is connected, and says why when it is not', async (t) => {
    const at = shell(t);
    await at.run(...joinArgs(at));
    const running = { pid: process.pid, startTicks: startTicksOf(process.pid) ?? '', sinceMs: 0 };
    writeStatus(homeAt(at.home).status, { ...running, state: 'connected', url: 'https://c' });
    assert.equal(await at.run('status'), 0);
    assert.match(at.out, /connected to https:\/\/c since/);
    writeStatus(homeAt(at.home).status, { ...running, state: 'waiting', reason: 'nobody there' });
    assert.equal(await at.run('status'), 1);
    assert.match(at.out, /not connected since .*: nobody there/);
    writeStatus(homeAt(at.home).status, { ...running, state: 'removing' });
    assert.equal(await at.run('status'), 1);
    assert.match(at.out, /being removed from this host since/);
    await at.run('status', '--json');
    assert.equal(JSON.parse(at.out).removing, true);
  });
});

it('who dials nobody does not mind a proxy that the agent could not use', async (t) => {
  const at = shell(t);
  await at.run(...joinArgs(at));
  at.env.HTTPS_PROXY = 'socks5://proxy.test:1080';
  assert.equal(await at.run('status'), 1);
  assert.match(at.out, /not running/);
  assert.equal(await at.run('run', '--log-level', 'error'), 2, 'and who dials, does');
  assert.match(at.notes, /HTTPS_PROXY is not/);
  assert.equal(await at.run('leave', '--yes'), 0);
});

describe('muster-agent leave', () => {
  it('asks, and takes anything but yes for no', async (t) => {
    const at = shell(t);
    await at.run(...joinArgs(at));
    assert.equal(await at.run('leave'), 2);
    at.answer = 'maybe';
    assert.equal(await at.run('leave'), 2);
    assert.ok(existsSync(join(at.home, 'identity.json')));
    at.answer = 'y';
    assert.equal(await at.run('leave'), 0);
    assert.deepEqual(readdirSync(at.home), []);
  });

  it('is refused while an agent is at work there, and where there is nothing to leave', async (t) => {
    const at = shell(t);
    assert.equal(await at.run('leave', '--yes'), 2);
    await at.run(...joinArgs(at));
    const journal = openJournal({
      file: homeAt(at.home).journal,
      newEpoch: () => new Uint8Array(16),
      onCorrupt: () => {},
      now: () => 0,
    });
    assert.equal(await at.run('leave', '--yes'), 1);
    journal.close();
    assert.equal(await at.run('leave', '--yes'), 0);
  });

  it('makes another agent of it when it joins again', async (t) => {
    const at = shell(t);
    await at.run(...joinArgs(at));
    await at.run('leave', '--yes');
    await at.run(...joinArgs(at));
    const [first, second] = at.controller.enrolments;
    assert.notDeepEqual(first?.request.signPublicKey, second?.request.signPublicKey);
    assert.notDeepEqual(first?.request.epoch, second?.request.epoch);
  });
});

describe('muster-agent', () => {
  it('prints its version and its help on standard output', async (t) => {
    const at = shell(t);
    assert.equal(await at.run('--version'), 0);
    assert.match(at.out, /^\d+\.\d+\.\d+\n$/);
    assert.equal(await at.run('join', '--help'), 0);
    assert.match(at.out, /--token-file/);
  });

  it('heeds every flag of run, whatever its setting is called', async (t) => {
    const at = shell(t);
    for (const flag of [
      'log-level',
      'url',
      'proxy',
      'parallel-runs',
      'waiting-runs',
      'reserve-mib',
      'cache-mib',
    ]) {
      assert.equal(await at.run('run', `--${flag}`, '://'), 2);
      assert.match(at.notes, new RegExp(`--${flag} is`));
    }
  });

  it('does not run in a home that has not joined, nor with a policy that is misread', async (t) => {
    const at = shell(t);
    assert.equal(await at.run('run'), 2);
    assert.match(at.notes, /belongs to no fleet yet/);
    await at.run(...joinArgs(at));
    writeFileSync(join(at.home, 'policy.json'), '{"require": "operators"}');
    assert.equal(await at.run('run', '--log-level', 'silent'), 2);
    assert.match(at.notes, /policy\.json/);
  });
});
