import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { commandLine } from '../../../agent/cli/command-line.ts';
import { nameFrom } from '../../../agent/cli/join.ts';
import type { Surroundings } from '../../../agent/cli/surroundings.ts';
import { homeAt } from '../../../agent/identity/home.ts';
import { startTicksOf, writeStatus } from '../../../agent/identity/status-file.ts';
import { openJournal } from '../../../agent/spool/open-journal.ts';
import { encodeToken } from '../../../certs/enrolment.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { toHex } from '../../../proto/ids.ts';
import { nameProblem } from '../../../proto/name.ts';
import { type FakeController, fakeController } from '../../support/fake-controller.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

interface Shell {
  readonly home: string;
  readonly folder: string;
  readonly controller: FakeController;
  readonly token: string;
  out: string;
  notes: string;
  stdin: string;
  answer: string | undefined;
  hostname: string;
  run(...argv: string[]): Promise<number>;
}

function shell(t: TestContext): Shell {
  const folder = temporaryFolder(t);
  const clock = virtualClock();
  const random = seededRandom('command line');
  const controller = fakeController({ clock, random });
  const home = join(folder, 'home');
  const token = encodeToken({
    secret: random(32),
    fleetId: controller.fleetId,
    rootKeyId: keyId('root', controller.root.publicKey),
    urls: ['https://gone.test:7443', 'https://controller.test:7443'],
  });
  writeFileSync(join(folder, 'token'), `${token}\n`);
  const it: Shell = {
    home,
    folder,
    controller,
    token,
    out: '',
    notes: '',
    stdin: '',
    answer: undefined,
    hostname: 'Web-01.Example.org',
    async run(...argv) {
      it.out = '';
      it.notes = '';
      const around: Surroundings = {
        env: { MUSTER_AGENT_HOME: home },
        clock,
        random,
        dial: controller.dial,
        stdinIsTerminal: it.answer !== undefined,
        readStdin: async () => it.stdin,
        readFile: (path) => readFileSync(path, 'utf8'),
        ask: async () => it.answer ?? '',
        print: (text) => {
          it.out += text;
        },
        note: (text) => {
          it.notes += text;
        },
        columns: 80,
        hostname: () => it.hostname,
        machineId: () => 'ab'.repeat(16),
        onStop: () => {},
      };
      const status = commandLine(argv, around);
      await clock.settle();
      return status;
    },
  };
  return it;
}

const joinArgs = (at: Shell, ...more: string[]) => [
  'join',
  '--token-file',
  join(at.folder, 'token'),
  ...more,
];

describe('muster-agent join', () => {
  it('joins with the token of a file, named after its host, and prints who it is', async (t) => {
    const at = shell(t);
    at.controller.behaviour.unreachable = (url) => url.includes('gone');
    assert.equal(await at.run(...joinArgs(at, '--label', 'role=web', '--label', 'env=prod')), 0);
    assert.match(at.out, /^joined as web-01\.example\.org \([0-9a-f]{32}\)\n$/);
    const [enrolment] = at.controller.enrolments;
    assert.deepEqual({ ...enrolment?.request.labels }, { role: 'web', env: 'prod' });
    assert.equal(enrolment?.request.replace, false);
    assert.deepEqual(
      at.controller.dialled.map(({ url }) => url),
      ['wss://gone.test:7443/agent', 'wss://controller.test:7443/agent'],
    );
    assert.deepEqual(readdirSync(at.home).sort(), ['counter', 'identity.json', 'journal.db', 'trust.json']);
  });

  it('takes the token from standard input, a prompt or, with a warning, the command line', async (t) => {
    for (const prepare of [
      (at: Shell) => {
        at.stdin = at.token;
        return ['--token-file', '-'];
      },
      (at: Shell) => {
        at.answer = at.token;
        return [];
      },
      (at: Shell) => ['--token', at.token],
    ]) {
      const at = shell(t);
      const args = prepare(at);
      assert.equal(await at.run('join', '--json', ...args), 0, at.notes);
      assert.equal(JSON.parse(at.out).state, 'active');
      assert.equal(at.notes.includes('can be read by every user'), args[0] === '--token');
      assert.ok(!at.notes.includes(at.token));
    }
  });

  it('tells the secret only to a controller that the root vouches for', async (t) => {
    const at = shell(t);
    at.controller.behaviour.controllerKey = signKeyPair(new Uint8Array(32).fill(3));
    assert.equal(await at.run(...joinArgs(at)), 5);
    assert.match(at.notes, /could not prove/);
    assert.equal(at.controller.enrolments.length, 0);
  });

  for (const [code, status] of [
    ['token-used', 5],
    ['token-expired', 5],
    ['token-unknown', 5],
    ['token-revoked', 5],
    ['name-taken', 2],
    ['label-not-allowed', 2],
  ] as const)
    it(`says what the controller refused, and joins nothing: ${code}`, async (t) => {
      const at = shell(t);
      at.controller.behaviour.refuseProof = { code };
      assert.equal(await at.run(...joinArgs(at)), status);
      assert.equal(at.notes.split('\n').length, 2);
      assert.equal(existsSync(join(at.home, 'identity.json')), false);
    });

  it('keeps its keys when the grant is lost, so that the same token grants it again', async (t) => {
    const at = shell(t);
    at.controller.behaviour.refuseProof = { code: 'unavailable' };
    assert.equal(await at.run(...joinArgs(at)), 5);
    at.controller.behaviour.refuseProof = undefined;
    assert.equal(await at.run(...joinArgs(at)), 0);
    assert.deepEqual(at.controller.hellos[0]?.agentId, at.controller.hellos.at(-1)?.agentId);
  });

  it('says when nobody is there', async (t) => {
    const at = shell(t);
    at.controller.behaviour.unreachable = true;
    assert.equal(await at.run(...joinArgs(at)), 5);
    assert.match(at.notes, /not reachable/);
  });

  it('refuses a grant that the controller did not sign', async (t) => {
    const at = shell(t);
    at.controller.behaviour.grantKey = signKeyPair(new Uint8Array(32).fill(3));
    assert.equal(await at.run(...joinArgs(at)), 5);
    assert.equal(existsSync(join(at.home, 'identity.json')), false);
  });

  it('says that it waits when an operator has to approve it', async (t) => {
    const at = shell(t);
    at.controller.behaviour.enrolState = 'pending';
    assert.equal(await at.run(...joinArgs(at)), 0);
    assert.match(at.notes, /approve/);
  });

  it('refuses what is no token, and never repeats it', async (t) => {
    for (const text of [
      '',
      'nonsense',
      'muster-join-',
      `${shell(t).token.slice(0, -4)}`,
      `x${shell(t).token}`,
    ]) {
      const at = shell(t);
      writeFileSync(join(at.folder, 'token'), text);
      assert.equal(await at.run(...joinArgs(at)), 2, text);
      assert.match(at.notes, /^muster-agent: this is not a join token/);
      assert.equal(text.length > 8 && at.notes.includes(text), false);
      assert.equal(existsSync(at.home), false);
    }
  });

  it('refuses wrong use before it touches anything', async (t) => {
    const at = shell(t);
    for (const args of [
      ['join'],
      ['join', '--token-file', join(at.folder, 'none')],
      joinArgs(at, '--token', at.token),
      joinArgs(at, '--label', 'role'),
      joinArgs(at, '--label', 'ro le=web'),
      joinArgs(at, '--label', 'role=$(id)'),
      joinArgs(at, '--name', '../../etc'),
      joinArgs(at, '--name', 'UPPER'),
      joinArgs(at, '--name', 'a'.repeat(255)),
      joinArgs(at, '--url', 'controller'),
      joinArgs(at, '--urgent'),
      ['joyn'],
      [],
    ]) {
      assert.equal(await at.run(...args), 2, args.join(' '));
      assert.ok(at.notes.length > 0);
    }
    assert.equal(existsSync(at.home), false);
    assert.equal(at.controller.dialled.length, 0);
  });

  it('does nothing in a home that has joined this fleet, and says when something was asked for', async (t) => {
    const at = shell(t);
    await at.run(...joinArgs(at));
    const before = readFileSync(join(at.home, 'identity.json'), 'utf8');
    assert.equal(await at.run(...joinArgs(at)), 0);
    assert.match(at.notes, /already/);
    assert.equal(await at.run(...joinArgs(at, '--name', 'another')), 1);
    assert.equal(await at.run(...joinArgs(at, '--label', 'a=b')), 1);
    assert.equal(at.controller.enrolments.length, 1);
    assert.equal(readFileSync(join(at.home, 'identity.json'), 'utf8'), before);
  });

  it('refuses a home of another fleet', async (t) => {
    const at = shell(t);
    await at.run(...joinArgs(at));
    const root = signKeyPair(new Uint8Array(32).fill(4));
    const foreign = {
      secret: new Uint8Array(32),
      fleetId: keyId('root', root.publicKey),
      rootKeyId: keyId('root', root.publicKey),
      urls: ['https://x'],
    };
    writeFileSync(join(at.folder, 'token'), encodeToken(foreign));
    assert.equal(await at.run(...joinArgs(at)), 2);
    assert.match(at.notes, /belongs to another fleet.*leave/);
    assert.equal(at.controller.enrolments.length, 1);
  });

  it('refuses a home on which an agent is at work', async (t) => {
    const at = shell(t);
    mkdirSync(at.home);
    const journal = openJournal({
      file: homeAt(at.home).journal,
      newEpoch: () => new Uint8Array(16),
      onCorrupt: () => {},
      now: () => 0,
    });
    t.after(() => journal.close());
    assert.equal(await at.run(...joinArgs(at)), 1);
    assert.match(at.notes, /another agent is at work/);
  });

  it('shows what a controller says without its control characters', async (t) => {
    const at = shell(t);
    at.controller.behaviour.refuseProof = { code: 'token-used', detail: 'by \u001b[31mred\u202e\u0007' };
    await at.run(...joinArgs(at));
    assert.match(at.notes, /by \?\[31mred\?\?\n$/);
  });
});

describe('a name made of a host name', () => {
  for (const hostname of [
    'Web-01.Example.org',
    'WIN_BOX',
    '-a-',
    'ünï',
    'a..b',
    '$(id)x',
    'x'.repeat(300),
    '\u202eabc',
  ])
    it(`is one that a fleet takes: ${hostname.slice(0, 30)}`, () =>
      assert.equal(nameProblem(nameFrom(hostname)), undefined));

  it('is refused with a hint where nothing is left of it', async (t) => {
    const at = shell(t);
    at.hostname = '...';
    assert.equal(await at.run(...joinArgs(at)), 2);
    assert.match(at.notes, /not a valid agent name/);
  });
});

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
  });
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
