import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Account, isAccountName, localAccounts, parsePasswd } from '../../../agent/executor/account.ts';
import { checkSpec } from '../../../agent/executor/check.ts';
import type { RunSpec, Task } from '../../../agent/executor/run.ts';
import { command, script, shell, specOf } from './machine.ts';
import { fileTask } from './tasks/machine.ts';

const PASSWD = `root:x:0:0:root:/root:/bin/bash
# a comment
+::::::
agent:x:900:900::/var/lib/agent:/bin/sh
alice:x:1000:1000:Alice,,,:/home/alice:/bin/zsh
bare:x:1001:1001::/nonexistent:
broken:x:many:1:::
`;
const PEOPLE = parsePasswd(PASSWD);

function machineOf(self: string, programs: string[] = ['setpriv']) {
  const own = PEOPLE.find((account) => account.name === self);
  assert.ok(own);
  return {
    accounts: {
      self: () => own,
      find: async (name: string) => PEOPLE.find((account) => account.name === name),
    },
    programs: {
      find: (name: string) =>
        programs.includes(name) ? { path: `/bin/${name}` } : { exitCode: 127 as const },
      isDirectory: (path: string) => ['/', '/root', '/srv', '/home/alice', '/var/lib/agent'].includes(path),
      isOpenToAll: () => true,
    },
  };
}

const check = (more: Partial<RunSpec>, self = 'root', programs?: string[]) =>
  checkSpec(specOf(shell('true'), more), machineOf(self, programs));

test('passwd is read with its oddities: comments, NIS lines, empty shells', () => {
  assert.deepEqual(
    PEOPLE.map((account: Account) => account.name),
    ['root', 'agent', 'alice', 'bare'],
  );
  assert.deepEqual(PEOPLE[3], { name: 'bare', uid: 1001, gid: 1001, home: '/nonexistent', shell: '/bin/sh' });
});

test('no user means the agent’s own', async () => {
  for (const user of ['', 'agent']) {
    const checked = await check({ user, cwd: '' }, 'agent');
    assert.deepEqual(
      [checked.otherUser, checked.account.name, checked.cwd],
      [false, 'agent', '/var/lib/agent'],
    );
  }
});

test('root may run as another user, in that user’s home', async () => {
  const checked = await check({ user: 'alice', cwd: '' });
  assert.deepEqual([checked.otherUser, checked.account.uid, checked.cwd], [true, 1000, '/home/alice']);
});

test('without a home the working directory is the root', async () => {
  assert.equal((await check({ user: 'bare', cwd: '' })).cwd, '/');
});

test('who cannot become another user says why', async () => {
  await assert.rejects(check({ user: 'alice' }, 'agent'), {
    code: 'cannot-switch-user',
    detail: 'the agent runs as agent, not as root',
  });
  await assert.rejects(check({ user: 'root' }, 'agent'), { code: 'cannot-switch-user' });
  await assert.rejects(check({ user: 'alice' }, 'root', []), {
    code: 'cannot-switch-user',
    detail: 'needs setpriv of util-linux',
  });
});

test('a user that is not there, and names that are no names, are refused', async () => {
  await assert.rejects(check({ user: 'mallory' }), { code: 'no-such-user', detail: 'mallory' });
  for (const name of ['', '-u', '--', 'a:b', 'a b', '../x', 'a\nb', 'a\0', '.', 'x'.repeat(300)])
    assert.equal(isAccountName(name), false, JSON.stringify(name));
  for (const name of ['root', '_apt', 'alice@example.org', 'EXAMPLE\\alice', 'machine$', 'a.b-c'])
    assert.equal(isAccountName(name), true, name);
});

test('the name service is asked with a valid name only, and its answer has to carry that name', async () => {
  const accounts = localAccounts({ passwdFile: '/nonexistent/passwd' });
  assert.equal((await accounts.find('root'))?.uid, 0);
  assert.equal(await accounts.find('0'), undefined);
  assert.equal(await accounts.find('--help'), undefined);
});

test('a working directory has to be absolute and to exist', async () => {
  assert.equal((await check({ cwd: '/srv' })).cwd, '/srv');
  await assert.rejects(check({ cwd: '/no/such' }), { code: 'no-such-directory', detail: '/no/such' });
  await assert.rejects(check({ cwd: 'srv' }), { code: 'no-such-directory' });
});

test('what no machine could start is refused with the task that asks for it', async () => {
  const refused = async (spec: RunSpec, detail: RegExp) =>
    assert.rejects(checkSpec(spec, machineOf('root')), { code: 'bad-task', detail });
  await refused(specOf([]), /no task/);
  await refused(specOf(shell('true'), { jobId: '../../etc' }), /job id/);
  await refused(specOf([shell('true'), command('a', 'b\0')]), /task 2: .*NUL/);
  await refused(specOf(command('')), /no name/);
  await refused(specOf(command()), /no name/);
  await refused(specOf(shell('a\0b')), /NUL/);
  await refused(specOf(script('x', ['\0'])), /NUL/);
  await refused(specOf(shell('true'), { cwd: '/srv\0' }), /NUL/);
  await refused(specOf(shell('true'), { env: { 'A=B': '1' } }), /name of an environment variable/);
  await refused(specOf(shell('true'), { env: { '-S': '1' } }), /name of an environment variable/);
  await refused(specOf(shell('true'), { env: { A: 'x\0y' } }), /NUL/);
});

test('what the agent does by itself is refused for another user, whole and with what to do instead', async () => {
  const file: Task = { kind: 'file', ...fileTask('/etc/motd') };
  const service: Task = { kind: 'service', unit: 'x', state: 'started', enabled: '' };
  const check = (tasks: Task[], user: string) => checkSpec(specOf(tasks, { user }), machineOf('root'));
  await assert.rejects(check([shell('true'), file], 'alice'), {
    code: 'bad-task',
    detail: /tasks of kind file are done as the agent's own user, not as alice; "owner" says whose/,
  });
  await assert.rejects(check([service], 'alice'), { code: 'bad-task' });
  await check([file, service], 'root');
  await check([shell('true')], 'alice');
});
