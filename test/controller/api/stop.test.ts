import assert from 'node:assert/strict';
import { Agent, get } from 'node:http';
import { test } from 'node:test';
import { API_LIMITS } from '../../../controller/api/limits.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import { AGENT, bearer, createWorld, requestOf, until, type World } from './fixture.ts';
import { openReader } from './reader.ts';

/** A request whose verb waits until `answer` is called. */
function holdJobs(world: World) {
  const held = { reached: false, answer: (): void => {} };
  const wait = new Promise<void>((resolve) => {
    held.answer = resolve;
  });
  world.verbs.jobs.list = async () => {
    held.reached = true;
    await wait;
    return [];
  };
  return held;
}

test('stopping ends every stream with an event that says so, and where to go on', async () => {
  const world = await createWorld();
  world.history.over = false;
  world.history.events = [
    {
      kind: 'state',
      seq: 7,
      agentId: AGENT,
      attempt: 1,
      state: 'running',
      task: 0,
      outcome: null,
      tasks: [],
      atMs: 1,
    },
  ];
  const url = await world.listen();
  const readers = await Promise.all([openReader(url), openReader(url, { query: { after: 9 } })]);
  await readers[0]?.until(1);
  await world.api.stop();
  for (const [index, reader] of readers.entries()) {
    await reader.end();
    assert.ok(reader.ended);
    assert.equal(reader.events.at(-1)?.type, 'end');
    assert.deepEqual(JSON.parse(reader.events.at(-1)?.data ?? ''), {
      why: 'stopping',
      after: [7, 9][index],
    });
  }
  await world.close();
});

test('the word of the bus that the controller stops ends the streams as well', async () => {
  const world = await createWorld();
  world.history.over = false;
  const reader = await openReader(await world.listen());
  world.bus.emit({ type: 'stopping' });
  await reader.end();
  assert.equal(JSON.parse(reader.events.at(-1)?.data ?? '').why, 'stopping');
  const reply = await world.api.app.inject(requestOf('status', 'viewer'));
  assert.equal(reply.json().error.code, 'shutting-down');
  await world.close();
});

test('a stop waits for what is in flight, refuses what comes, and leaves no connection open', async () => {
  const world = await createWorld();
  const held = holdJobs(world);
  const url = await world.listen();
  const agent = new Agent({ keepAlive: true });
  const ask = (path: string) =>
    new Promise<{ status: number | undefined; connection: string | undefined }>((resolve, reject) => {
      get(new URL(path, url), { agent, headers: bearer('viewer') }, (response) => {
        response
          .resume()
          .once('end', () =>
            resolve({ status: response.statusCode, connection: response.headers.connection }),
          );
      }).once('error', reject);
    });
  await Promise.all([1, 2, 3].map(() => ask('/healthz'))); // three connections; one stays idle
  const first = ask('/api/v1/jobs');
  await until(() => held.reached, 'the request');
  let stopped = false;
  const stop = world.api.stop().then(() => {
    stopped = true;
  });
  assert.deepEqual(await ask('/api/v1/status'), { status: 503, connection: 'close' });
  assert.equal(stopped, false);
  held.answer();
  assert.deepEqual(await first, { status: 200, connection: 'close' });
  await stop;
  const open = () =>
    new Promise<number>((resolve) => world.server.getConnections((_error, count) => resolve(count)));
  let left = await open();
  await until(() => {
    void open().then((count) => {
      left = count;
    });
    return left === 0;
  }, 'every connection is closed');
  await world.close();
  agent.destroy();
});

test('a request that takes too long is cut off, and the stop goes on', async () => {
  const clock = virtualClock();
  const world = await createWorld({ clock });
  const held = holdJobs(world);
  const url = await world.listen();
  const answer = fetch(new URL('/api/v1/jobs', url), { headers: bearer('viewer') }).catch(() => 'cut');
  await until(() => held.reached, 'the request');
  const stop = world.api.stop();
  await clock.advance(API_LIMITS.drainMs);
  await stop;
  assert.equal(await answer, 'cut');
  assert.equal(clock.pending, 0);
  await world.close();
});

test('a stop leaves no timer and no listener behind, and a second one does no harm', async () => {
  const clock = virtualClock();
  let listeners = 0;
  const bus = {
    on: () => {
      listeners++;
      let on = true;
      return () => {
        if (on) listeners--;
        on = false;
      };
    },
  };
  const world = await createWorld({ clock, bus, checks: { store: async () => undefined } });
  world.history.over = false;
  await world.api.app.inject(requestOf('ready'));
  const reader = await openReader(await world.listen());
  await until(() => listeners === 2, 'the stream listens');
  await world.api.stop();
  await world.api.stop();
  await reader.end();
  assert.deepEqual({ listeners, timers: clock.pending }, { listeners: 0, timers: 0 });
  await world.close();
});

test('a client that leaves in the middle of its request is not waited for', async () => {
  const clock = virtualClock();
  const world = await createWorld({ clock });
  const held = holdJobs(world);
  const url = await world.listen();
  const request = get(new URL('/api/v1/jobs', url), { headers: bearer('viewer') });
  request.once('error', () => undefined);
  await until(() => held.reached, 'the request');
  request.destroy();
  await until(() => world.lines.some((line) => line.includes('"route":"jobs.list"')), 'the end in the log');
  assert.ok(world.lines.some((line) => line.includes('"status":499')));
  await world.api.stop(); // the clock stands still: waiting would never end
  held.answer();
  await world.close();
});
