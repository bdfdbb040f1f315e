import assert from 'node:assert/strict';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { openSocket, socketFailure } from '../../../../controller/installer/ssh/socket.ts';
import { systemClock } from '../../../../proto/system.ts';
import { startRelay } from '../../../hosts/relay.ts';
import { PASSWORD } from '../../../hosts/ssh-files.ts';
import { SSHD_NEEDS } from '../../../hosts/sshd.ts';
import { until } from '../../../support/until.ts';
import { stage } from './stage.ts';

type Context = { after(fn: () => unknown): void };

/** Something that listens and is no SSH server. */
async function listen(t: Context, onConnection: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.resume();
    onConnection(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { address: '127.0.0.1', port: (server.address() as AddressInfo).port, sockets };
}

const LINE = `${'x'.repeat(4096)}\n`;
const forever = new AbortController().signal;
const failed = (code: string) => socketFailure(Object.assign(new Error(code), { code }), 'web-1', 22);

describe('a host that cannot be connected to', () => {
  test('says whether it is its name, its port, or the way', async (t) => {
    const on = stage(t);
    const nobody = await listen(t, () => {});
    const to = on.destination(nobody);
    await assert.rejects(on.connect({ ...to, port: 1 }), {
      because: 'unreachable',
      detail: /port 1: refused/,
    });
    await assert.rejects(on.connect({ ...to, host: 'no-such-host.invalid' }), { because: 'name-unknown' });
    assert.equal(failed('EHOSTUNREACH').message, 'no connection: port 22: no route to the host');
    assert.equal(failed('EAI_AGAIN').because, 'name-unknown');
    // Time is up before anything else happens.
    const hurried = {
      ...systemClock,
      after(_: number, fn: () => void) {
        queueMicrotask(fn);
        return () => {};
      },
    };
    const attempt = openSocket('127.0.0.1', nobody.port, {
      clock: hurried,
      timeoutMs: 10_000,
      signal: forever,
    });
    await assert.rejects(attempt, { because: 'unreachable', detail: 'timed out after 10 s' });
  });

  test('says that there is no SSH server, whatever it does instead', async (t) => {
    const on = stage(t);
    const cases: [(socket: Socket) => void, RegExp, timeoutMs?: number][] = [
      [() => {}, /says nothing for 0\.3 s/, 300],
      [(socket) => socket.end(), /closed the connection at once/],
      [
        (socket) => void socket.write('HTTP/1.1 400 Bad Request\r\n\r\n'),
        /^it says "HTTP\/1\.1 400 Bad Request"$/,
        1000,
      ],
      [
        (socket) => {
          const more = (): void => {
            while (!socket.destroyed && socket.write(LINE));
          };
          socket.on('drain', more);
          more();
        },
        /^it says "x+"$/,
      ],
    ];
    for (const [behaviour, detail, timeoutMs = 10_000] of cases) {
      const listening = await listen(t, behaviour);
      await assert.rejects(on.connect(on.destination(listening), { timeoutMs }), {
        because: 'no-ssh',
        detail,
      });
      await until('its connection is closed', () =>
        [...listening.sockets].every(({ destroyed }) => destroyed),
      );
    }
  });
});

describe('a connection', SSHD_NEEDS, () => {
  test('that breaks in the middle of a copy ends what is running on both sides', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const relay = await startRelay(t, host, { cutAfterBytes: 3_000_000 });
    const connection = await on.connect(on.destination(relay));
    const shell = await connection.rootShell();
    const copy = shell.run('cat >/root/file; echo whole >/root/oracle', { input: Buffer.alloc(20_000_000) });
    await assert.rejects(copy, { because: 'cut' });
    assert.ok(connection.gone.aborted);
    await assert.rejects(shell.run('true'), { because: 'cut' });
    await until('its shell has ended', async () => !(await host.run(['ps', 'ax'])).includes('while read'));
    await assert.rejects(
      host.run(['cat', '/root/oracle']),
      /No such file/,
      'what was cut is no end of input',
    );
  });

  test('to a host that falls silent is given up, and what it ran has an end there too', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const relay = await startRelay(t, host);
    const connection = await on.connect(on.destination(relay));
    const shell = await connection.rootShell();
    relay.stall();
    await assert.rejects(shell.run('true', { silenceMs: 200 }), { because: 'silent', detail: /0\.2 s/ });
    await until('the connection is closed', () => relay.open === 0);
  });

  test('that was cut while the operator was asked is made again with his answer', async (t) => {
    const on = stage(t);
    const settings = ['LoginGraceTime 3', 'PasswordAuthentication yes'];
    const host = await on.hosts.start({ users: [{ name: 'carol', key: false }], settings });
    const relay = await startRelay(t, host);
    let asked = 0;
    const ask = async () => {
      asked += 1;
      await until('the host has given up', () => relay.open === 0);
      return PASSWORD;
    };
    // A second is a minute; the host gives three of them.
    const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() * 60 };
    await on.connect(on.destination(relay, { user: 'carol' }), { ask, clock });
    assert.equal(asked, 1);
  });

  test('can be given up at any moment, and leaves nothing open', async (t) => {
    const on = stage(t);
    const host = await on.hosts.start();
    const relay = await startRelay(t, host);
    const before = process.getActiveResourcesInfo().length;
    for (let delayMs = 0; delayMs < 60; delayMs += 6) {
      const stop = new AbortController();
      const reason = new Error('stopped');
      const attempt = on.connector().connect(on.destination(relay), stop.signal);
      const cancel = systemClock.after(delayMs, () => stop.abort(reason));
      const connection = await attempt.catch((error) => {
        assert.equal(error, reason);
        return undefined;
      });
      cancel();
      await connection?.close();
      await until('it is closed', () => relay.open === 0);
    }
    await until('nothing is left', () => process.getActiveResourcesInfo().length <= before);
  });
});
