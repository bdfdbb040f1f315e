import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { newKey } from '../hosts/ssh-files.ts';
import { SSHD_NEEDS } from '../hosts/sshd.ts';
import { requires } from '../support/requires.ts';
import { until } from '../support/until.ts';
import { MUSTER, start } from './fleet.ts';
import { addressOf, type Installing, NO_SERVICE, startInstalling } from './installing.ts';

const NEEDS = { ...requires('script'), ...SSHD_NEEDS };

/** `muster` at a terminal of its own, of 30 rows and 100 columns. */
function atTerminal(t: TestContext, { fleet, env }: Installing, args: readonly string[]) {
  const line = `stty rows 30 cols 100; exec ${[MUSTER, ...args].join(' ')}`;
  const running = start(t, 'script', ['-qefc', line, '/dev/null'], {
    env: { ...env, MUSTER_HOME: fleet.home, MUSTER_URL: '', TERM: 'xterm', NO_COLOR: '' },
    keepInput: true,
  });
  let answered = 0;
  const seen = (): string => stripVTControlCharacters(running.stdout());
  return {
    ended: running.ended,
    seen,
    /** Types this once the question has been asked. */
    async answer(question: RegExp, text: string): Promise<void> {
      const asked = await until(
        String(question),
        () => question.exec(seen().slice(answered)) ?? undefined,
        20_000,
      );
      answered += asked.index + asked[0].length;
      running.child.stdin?.write(text);
    },
  };
}

test('passphrases and host keys are asked for at the terminal, each once for all hosts', NEEDS, async (t) => {
  const key = newKey('ed25519', 'hush hush');
  const installing = await startInstalling(t, key);
  const { fleet, host, home } = installing;
  const hosts = await Promise.all([host({ name: 'a' }), host({ name: 'b' })]);
  const known = join(home, '.ssh', 'known_hosts');
  writeFileSync(known, `${hosts[1].knownHost}\n`);
  writeFileSync(join(home, '.ssh', 'config'), 'HashKnownHosts no\n');
  const terminal = atTerminal(t, installing, ['install', ...NO_SERVICE, ...hosts.map(addressOf)]);
  const questions = [
    terminal.answer(
      /The host key of [\d.]+ port 2222 is not known: ssh-ed25519 SHA256:\S+\s+Is that its key\? \[y\/N\] /,
      'y\n',
    ),
    terminal.answer(/Passphrase for \S+id_ed25519: /, 'hush hush\n'),
  ];
  await Promise.all(questions);
  const { status } = await terminal.ended;
  const seen = terminal.seen();
  assert.equal(status, 0, seen);
  assert.equal(seen.match(/Passphrase/g)?.length, 1, seen);
  assert.ok(!seen.includes('hush'), seen);
  assert.match(seen, /0\/2 hosts · /);
  assert.match(readFileSync(known, 'utf8'), new RegExp(`\\[${hosts[0].address}\\]:2222 ssh-ed25519 `));
  assert.equal((await fleet.client.call('agents.list', { query: {} })).length, 2);
});

test('Ctrl-C at a question begins nothing more and leaves the terminal as it was', NEEDS, async (t) => {
  const installing = await startInstalling(t);
  const one = await installing.host({ name: 'a' });
  writeFileSync(join(installing.home, '.ssh', 'known_hosts'), '');
  const terminal = atTerminal(t, installing, ['install', ...NO_SERVICE, addressOf(one)]);
  await terminal.answer(/Is that its key\? \[y\/N\] /, '\x03');
  const { status } = await terminal.ended;
  assert.equal(status, 1, terminal.seen());
  assert.match(terminal.seen(), /finishing 1 host/);
  assert.match(terminal.seen(), /the host key is not known/);
});
