import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { nameFrom } from '../../../agent/cli/join.ts';
import { homeAt } from '../../../agent/identity/home.ts';
import { openJournal } from '../../../agent/spool/open-journal.ts';
import { encodeToken } from '../../../certs/enrolment.ts';
import { signKeyPair } from '../../../proto/crypto.ts';
import { keyId } from '../../../proto/frame.ts';
import { nameProblem } from '../../../proto/name.ts';
import { joinArgs, type Shell, shell } from './shell.ts';

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
    assert.deepEqual(readdirSync(at.home).sort(), [
      'counter',
      'identity.json',
      'journal.db',
      'journal.db-mark',
      'trust.json',
    ]);
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
