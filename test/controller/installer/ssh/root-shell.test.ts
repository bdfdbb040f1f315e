import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { RemoteShell } from '../../../../controller/installer/shell.ts';
import { BEAT, END_OF_ANSWER, request, rootLoop } from '../../../../controller/installer/ssh/root-loop.ts';
import type { SshHost } from '../../../hosts/sshd.ts';
import { SSHD_NEEDS } from '../../../hosts/sshd.ts';
import { requires } from '../../../support/requires.ts';
import { until } from '../../../support/until.ts';
import { type Stage, stage } from './stage.ts';

describe('the root shell of a connection', SSHD_NEEDS, () => {
  async function open(t: {
    after(fn: () => unknown): void;
  }): Promise<{ on: Stage; host: SshHost; shell: RemoteShell }> {
    const on = stage(t);
    const host = await on.hosts.start();
    const shell = await (await on.connect(on.destination(host))).rootShell();
    return { on, host, shell };
  }

  test('answers with status, stdout and stderr, each by itself', async (t) => {
    const { shell } = await open(t);
    const answer = await shell.run('echo out; echo err >&2; exit 3');
    assert.deepEqual(answer, { status: 3, stdout: 'out\n', stderr: 'err\n' });
    const next = await shell.run('printf "no newline"; printf "\\n\\n" >&2');
    assert.deepEqual(next, { status: 0, stdout: 'no newline', stderr: '\n\n' });
  });

  test('is one process for all scripts, and what one does to its surroundings is gone in the next', async (t) => {
    const { shell } = await open(t);
    const first = await shell.run('cd /usr; x=1; set -e; echo $$; exit 1');
    const second = await shell.run('pwd; echo "[$x]"; false; echo $$');
    assert.equal(second.stdout, `/\n[]\n${first.stdout}`);
  });

  test('gives a script its input to the byte, and then an end', async (t) => {
    const { shell } = await open(t);
    const input = Buffer.alloc(700_001, 'a\0\xff\n');
    const { stdout } = await shell.run('sha512sum; wc -c </dev/stdin', { input });
    assert.equal(stdout, `${createHash('sha512').update(input).digest('hex')}  -\n0\n`);
    assert.equal((await shell.run('cat')).stdout, '', 'without input there is an end at once');
  });

  test('takes input that comes in pieces, and is told how far it got', async (t) => {
    const { shell } = await open(t);
    const seen: number[] = [];
    async function* pieces() {
      for (const piece of ['one ', '', 'two']) yield Buffer.from(piece);
    }
    const { stdout } = await shell.run('cat', {
      input: pieces(),
      onProgress: (bytes) => void seen.push(bytes),
    });
    assert.equal(stdout, 'one two');
    assert.deepEqual(seen, [4, 7]);
  });

  test('goes on behind a script that left its input unread', async (t) => {
    const { shell } = await open(t);
    const input = Buffer.alloc(20_000_000);
    assert.deepEqual((await shell.run('head -c 1 >/dev/null; echo enough', { input })).stdout, 'enough\n');
    assert.equal((await shell.run('echo next')).stdout, 'next\n');
  });

  test('works with the tools of busybox as well', requires('busybox'), async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    copyFileSync('/bin/busybox', host.see('/usr/local/bin/busybox'));
    await host.run(['busybox', '--install', '-s', '/usr/local/sbin']);
    await host.run(['ln', '-sf', '/usr/local/bin/busybox', '/bin/sh']);
    const shell = await (await on.connect(on.destination(host))).rootShell();
    const input = Buffer.alloc(700_001, 'a\0\xff\n');
    const { stdout } = await shell.run('type head; sha512sum', { input });
    const digest = createHash('sha512').update(input).digest('hex');
    assert.equal(stdout, `head is /usr/local/sbin/head\n${digest}  -\n`);
    assert.equal((await shell.run('head -c 1 >/dev/null; echo enough', { input })).stdout, 'enough\n');
    assert.equal((await shell.run('echo next >&2')).stderr, 'next\n');
  });

  test('goes on while keys are exchanged anew', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start({ settings: ['RekeyLimit 1M'] });
    const shell = await (await on.connect(on.destination(host))).rootShell();
    const { stdout } = await shell.run('wc -c', { input: Buffer.alloc(10_000_000) });
    assert.equal(stdout, '10000000\n');
    assert.equal((await shell.run('head -c 1000000 /dev/zero | tr "\\0" x')).stdout.length, 1_000_000);
  });

  test('keeps no more than an answer may be long, and is ended by one that is longer', async (t) => {
    const { on, host } = await open(t);
    const connection = await on.connect(on.destination(host));
    const shell = await connection.rootShell();
    const whole = await shell.run('head -c 1048576 /dev/zero | tr "\\0" x');
    assert.equal(whole.stdout.length, 1_048_576);
    const before = process.memoryUsage().rss;
    await assert.rejects(shell.run('yes'), { because: 'step', detail: /more than 1 MiB/ });
    assert.ok(connection.gone.aborted);
    assert.ok(process.memoryUsage().rss - before < 64 * 1024 * 1024);
    await until('it has ended there', async () => !(await host.run(['ps', 'ax'])).includes('yes'));
  });

  test('ends with its connection, and so does what it runs', async (t) => {
    const { on, host } = await open(t);
    const connection = await on.connect(on.destination(host));
    const own = await connection.rootShell();
    const pid = (await own.run('echo $$')).stdout.trim();
    const running = own.run('echo $$; exec sleep 1000');
    await until('it runs', async () => (await host.run(['sh', '-c', 'ps ax'])).includes('sleep 1000'));
    await connection.close();
    await assert.rejects(running, { because: 'cut' });
    await until('they have ended', async () => {
      const processes = await host.run(['ps', 'ax', '-o', 'pid,args']);
      return !processes.includes('sleep 1000') && !new RegExp(`^ *${pid} `, 'm').test(processes);
    });
  });
});

describe('the far end of a root shell', () => {
  /** Its process, without SSH. */
  function start(t: { after(fn: () => unknown): void }, leaseSeconds: number) {
    const child = spawn('sh', ['-c', rootLoop('mark', leaseSeconds)], { stdio: 'pipe', detached: true });
    let out = '';
    child.stdout.on('data', (data) => {
      out += data;
    });
    child.stdin.on('error', () => {});
    let isOver = false;
    child.once('close', () => {
      isOver = true;
    });
    t.after(() => child.stdin.end());
    return { child, out: () => out, isOver: () => isOver };
  }

  test('ends, with what it runs, when it hears nothing of us any more', async (t) => {
    const { child, out, isOver } = start(t, 1);
    await until('it is there', () => out().includes('mark 0'));
    child.stdin.write(request('key', 'echo started; exec sleep 1000', false));
    await until('it runs', () => out().includes('started'));
    await until('it has ended', isOver);
    assert.equal(child.signalCode, 'SIGTERM');
  });

  test('goes on as long as it hears of us, and leaves with us', async (t) => {
    const { child, out, isOver } = start(t, 2);
    const beating = setInterval(() => child.stdin.write(BEAT), 200);
    t.after(() => clearInterval(beating));
    child.stdin.write(request('key', 'sleep 3; echo rested', false));
    await until('it answers', () => out().includes('rested'));
    assert.ok(!isOver());
    clearInterval(beating);
    child.stdin.end(END_OF_ANSWER);
    await until('it has ended', isOver);
    assert.equal(child.exitCode, 0);
    await until('no timer is left', () => !isAnyAlive(child.pid ?? 0));
  });
});

/** Whether a process of this group is alive. */
function isAnyAlive(pid: number): boolean {
  try {
    process.kill(-pid, 0);
    return true;
  } catch {
    return false;
  }
}
