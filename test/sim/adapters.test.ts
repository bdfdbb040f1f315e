/** What is made up in a history behaves as what it stands for: one suite against both. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { type LogFile, openOutputLog } from '../../agent/executor/output.ts';
import { openLogFile } from '../../agent/executor/storage.ts';
import { dialWebSocket, type Transport } from '../../agent/link/transport.ts';
import { type KeptFiles, keptFiles } from '../../agent/spool/kept-files.ts';
import { openDoor, type Socket } from '../../controller/gateway/socket.ts';
import { temporaryFolder } from '../support/folder.ts';
import { memoryLog } from '../support/memory-log.ts';
import { until } from '../support/until.ts';
import { diceOf } from './dice.ts';
import { simulatedKept } from './kept.ts';
import { createLife } from './life.ts';
import { createNetwork } from './network.ts';
import { createScheduler } from './scheduler.ts';

const RUN = { jobId: '00112233445566778899aabbccddeeff', attempt: 1 };
const never = new AbortController().signal;

/** Both ends of a connection, and what to wait with for what travels on it. */
interface Ends {
  agent: Transport;
  controller: Socket;
  /** What the controller's side was told. */
  up: { messages: string[]; closed: number };
  settle(what: string, condition: () => boolean): Promise<unknown>;
}

const told = (socket: Socket, up: Ends['up']): void => {
  socket.onMessage = (bytes) => void up.messages.push(Buffer.from(bytes ?? []).toString());
  socket.onClose = () => {
    up.closed += 1;
  };
};

async function real(t: TestContext): Promise<Ends> {
  const server = createServer();
  const up = { messages: [] as string[], closed: 0 };
  const { promise, resolve } = Promise.withResolvers<Socket>();
  const door = openDoor(server, (socket) => {
    told(socket, up);
    resolve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address);
  const agent = await dialWebSocket(`ws://127.0.0.1:${address.port}/agent`, never);
  const controller = await promise;
  t.after(async () => {
    agent.terminate();
    controller.terminate();
    door.close();
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  return { agent, controller, up, settle: until };
}

async function simulated(): Promise<Ends> {
  const scheduler = createScheduler(diceOf('order'), (cause) => assert.fail(String(cause)));
  const network = createNetwork(scheduler, diceOf('network'));
  const lives = [createLife(scheduler.after, () => {}), createLife(scheduler.after, () => {})] as const;
  const up = { messages: [] as string[], closed: 0 };
  let controller: Socket | undefined;
  network.listen(lives[0], (socket) => {
    told(socket, up);
    controller = socket;
  });
  const dialling = network.dialFrom('web-1', lives[1])('wss://controller.test/agent', never);
  await scheduler.runUntil(1_000);
  const agent = await dialling;
  assert.ok(controller);
  return {
    agent,
    controller,
    up,
    async settle(what, condition) {
      await scheduler.runUntil(scheduler.nowMs + 10_000);
      assert.ok(condition(), what);
    },
  };
}

for (const [name, connect] of [
  ['a real connection', real],
  ['a simulated connection', simulated],
] as const) {
  describe(name, () => {
    const receive = (agent: Transport) => {
      const down = { messages: [] as string[], closed: 0 };
      agent.receive({
        message: (bytes) => void down.messages.push(Buffer.from(bytes).toString()),
        closed: () => {
          down.closed += 1;
        },
      });
      return down;
    };

    it('keeps the order in both directions, and holds what comes before it is received', async (t) => {
      const { agent, controller, up, settle } = await connect(t);
      const words = Array.from({ length: 50 }, (_, n) => `${n}`);
      for (const word of words) controller.send(Buffer.from(word));
      for (const word of words) agent.send(Buffer.from(word));
      await settle('all went up', () => up.messages.length === words.length);
      const down = receive(agent);
      await settle('all came down', () => down.messages.length === words.length);
      assert.deepEqual([up.messages, down.messages], [words, words]);
    });

    it('delivers what was sent before a close, and tells each side once', async (t) => {
      const { agent, controller, up, settle } = await connect(t);
      const down = receive(agent);
      agent.send(Buffer.from('last'));
      agent.close();
      agent.send(Buffer.from('too late'));
      await settle('both know', () => up.closed === 1 && down.closed === 1);
      assert.deepEqual(up.messages, ['last']);
      controller.terminate();
      agent.terminate();
      await settle('nothing more is told', () => up.closed === 1 && down.closed === 1);
    });

    it('tells both sides when one cuts it', async (t) => {
      const { agent, controller, up, settle } = await connect(t);
      const down = receive(agent);
      controller.terminate();
      await settle('both know', () => up.closed === 1 && down.closed === 1);
    });

    it('holds what comes for a side that does not read, and goes on when it does', async (t) => {
      const { agent, controller, up, settle } = await connect(t);
      receive(agent);
      controller.pause();
      agent.send(Buffer.from('one'));
      agent.send(Buffer.from('two'));
      controller.resume();
      await settle('it reads', () => up.messages.length === 2);
      assert.deepEqual(up.messages, ['one', 'two']);
    });
  });
}

for (const [name, open] of [
  ['a log on a disk', (t: TestContext) => openLogFile(join(temporaryFolder(t), 'log'), true)],
  ['a simulated log', () => memoryLog()],
] as const) {
  it(`${name} gives back what was written, and what is left of it`, (t) => {
    const file: LogFile = open(t);
    const text = (at: number, length: number) => Buffer.from(file.read(at, length)).toString();
    assert.equal(file.size, 0);
    file.write(0, [Buffer.from('abc'), Buffer.from('def')]);
    file.write(4, [Buffer.from('XYZ')]);
    file.sync();
    assert.deepEqual([file.size, text(0, 10), text(5, 1)], [7, 'abcdXYZ', 'Y']);
    file.truncate(5);
    assert.deepEqual([file.size, text(3, 10)], [5, 'dX']);
    file.remove();
    file.close();
  });
}

for (const [name, open] of [
  [
    'outputs kept on a disk',
    (t: TestContext) => keptFiles(join(temporaryFolder(t), 'spool'), async () => {}),
  ],
  [
    'simulated kept outputs',
    () => {
      const now = createLife(
        (_, fn) => {
          queueMicrotask(fn);
          return () => {};
        },
        () => {},
      );
      return simulatedKept(now, new Map(), diceOf('disk'), () => false);
    },
  ],
] as const) {
  it(`${name} are there whole, until they are removed`, async (t) => {
    const files: KeptFiles = open(t);
    const { log } = openOutputLog({ capBytes: 100_000, file: memoryLog() });
    for (let n = 0; n < 100; n++) log.append(n % 3 === 0 ? 'stderr' : 'stdout', Buffer.alloc(500, n));
    assert.equal(files.open(RUN, log.stored), undefined);
    await files.keep(RUN, log);
    assert.deepEqual(files.list(), [RUN]);
    const opened = files.open(RUN, log.stored);
    const bytes = (from: { read(at: number, most: number): { data: Uint8Array }[] }) =>
      Buffer.concat(from.read(10_000, 9_000).map(({ data }) => data));
    assert.ok(opened && bytes(opened).equals(bytes(log)));
    opened.close();
    files.remove(RUN);
    assert.deepEqual(files.list(), []);
  });
}
