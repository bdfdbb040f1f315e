import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import type { Socket } from 'node:net';
import { afterEach, beforeEach, test } from 'node:test';
import { issueServer, makeAuthority } from '../../../certs/tls.ts';
import { openHistory } from '../../../controller/api/history.ts';
import { API_LIMITS, SERVER_OPTIONS } from '../../../controller/api/limits.ts';
import { streamEvents } from '../../../controller/api/replies.ts';
import type { RunEvent } from '../../../controller/api/verbs.ts';
import { systemRandom } from '../../../proto/system.ts';
import { virtualClock } from '../../support/virtual-clock.ts';
import {
  AGENT,
  bearer,
  createWorld,
  JOB,
  OTHER_AGENT,
  outputEvent,
  requestOf,
  until,
  type World,
} from './fixture.ts';
import { openReader } from './reader.ts';

const clock = virtualClock();
let world: World;
let url: URL;
beforeEach(async () => {
  world = await createWorld({ clock });
  world.history.over = false;
  url = await world.listen();
});
afterEach(() => world.close());

const bytes = (text: string) => Buffer.from(text);
const created = { kind: 'job', seq: 1, what: 'created', by: 'ann', atMs: 1 } as const;
const running = (seq: number): RunEvent => ({
  kind: 'state',
  seq,
  agentId: AGENT,
  attempt: 1,
  state: 'running',
  task: 0,
  outcome: null,
  tasks: [],
  atMs: 2,
});
const outcome = {
  exitCode: 0,
  signal: null,
  durationMs: 1.5,
  outputBytes: 3,
  storedBytes: 3,
  truncated: false,
  reason: null,
  code: null,
  awaySinceMs: null,
  gaps: [],
};

/** Writes to the history and says so. */
function happens(...events: RunEvent[]): void {
  world.history.events.push(...events);
  world.changed();
}

const ids = (events: { id: string }[]): number[] => events.map((event) => Number(event.id));
const lastOf = (events: { type: string; data: string }[]) => {
  const last = events.at(-1);
  return [last?.type, JSON.parse(last?.data ?? 'null')];
};

test('a reader gets the history, then what happens, then the end', async () => {
  world.history.events = [created, running(2)];
  const reader = await openReader(url);
  assert.equal(reader.status, 200);
  assert.equal(reader.headers['content-type'], 'text/event-stream');
  assert.equal(reader.headers['cache-control'], 'no-store');
  assert.equal(reader.headers['x-content-type-options'], 'nosniff');
  await reader.until(2);
  happens(outputEvent(3, bytes('hé')));
  await reader.until(3);
  world.history.over = true;
  happens({ ...running(4), state: 'succeeded', outcome } as RunEvent, { ...created, seq: 5, what: 'ended' });
  await reader.end();
  assert.ok(reader.ended, 'the answer is complete');
  assert.deepEqual(
    reader.events.map((event) => event.type),
    ['job', 'state', 'output', 'state', 'job', 'end'],
  );
  assert.deepEqual(ids(reader.events.slice(0, 5)), [1, 2, 3, 4, 5]);
  const data = reader.events.map((event) => JSON.parse(event.data));
  assert.deepEqual(data[0], { what: 'created', by: 'ann', atMs: 1 });
  assert.equal(Buffer.from(data[2].base64, 'base64').toString(), 'hé');
  assert.deepEqual(data[3].outcome, outcome);
  assert.deepEqual(data[5], { why: 'over', after: 5 });
  for (const [index, event] of reader.events.entries())
    streamEvents[event.type as keyof typeof streamEvents].strict().parse(data[index]);
});

test('a job that is over ends at once, also when it has no history', async () => {
  world.history.over = true;
  const reader = await openReader(url);
  await reader.end();
  assert.deepEqual(lastOf(reader.events), ['end', { why: 'over', after: 0 }]);
});

test('what comes between the last page and the word that the job is over is sent', async () => {
  const { jobs } = world.verbs;
  let read = 0;
  // The first page says "over" a moment before its last row is there.
  jobs.events = async () => {
    read++;
    if (read === 1) return { events: [created], over: true };
    return { events: read === 2 ? [running(2)] : [], over: true };
  };
  const reader = await openReader(url);
  await reader.end();
  assert.deepEqual(
    reader.events.map((event) => event.type),
    ['job', 'state', 'end'],
  );
});

test('an event during the reading of a page is not missed', async () => {
  const { jobs } = world.verbs;
  const { events } = jobs;
  let late = true;
  jobs.events = async (...args) => {
    const page = await events(...args);
    if (late) {
      late = false;
      happens(running(1)); // after the page was read, before anybody waits
    }
    return page;
  };
  const reader = await openReader(url);
  await reader.until(1);
});

test('a reader comes back with Last-Event-ID, or with after, and gets only what is new', async () => {
  world.history.over = true;
  world.history.events = [created, running(2), outputEvent(3, bytes('a')), outputEvent(4, bytes('b'))];
  const all = async (options: Parameters<typeof openReader>[1]) => {
    const reader = await openReader(url, options);
    await reader.end();
    return ids(reader.events.filter((event) => event.type !== 'end'));
  };
  assert.deepEqual(await all({}), [1, 2, 3, 4]);
  assert.deepEqual(await all({ lastEventId: '2' }), [3, 4]);
  assert.deepEqual(await all({ query: { after: 3 } }), [4]);
  assert.deepEqual(await all({ query: { after: 3 }, lastEventId: '1' }), [4]);
  assert.deepEqual(await all({ query: { after: 1 }, lastEventId: '3' }), [4]);
  assert.deepEqual(await all({ lastEventId: '4' }), []);
});

test('one agent can be asked for, also where the store gives the rows of all', async () => {
  world.history.over = true;
  world.history.events = [
    created,
    running(2),
    outputEvent(3, bytes('theirs'), { agentId: OTHER_AGENT }),
    outputEvent(4, bytes('ours')),
  ];
  const reader = await openReader(url, { query: { agentId: AGENT } });
  await reader.end();
  assert.deepEqual(ids(reader.events.filter((event) => event.type !== 'end')), [1, 2, 4]);
});

test('who does not follow gets what is there, and the place to come back to', async () => {
  world.history.events = Array.from({ length: 500 }, (_, index) => running(index + 1));
  const reader = await openReader(url, { query: { follow: false } });
  await reader.end();
  assert.equal(reader.events.length, 501);
  assert.deepEqual(lastOf(reader.events), ['end', { why: 'no-follow', after: 500 }]);
});

test('a job that nobody knows is an error and not a stream', async () => {
  const reply = await world.api.app.inject({
    ...requestOf('jobs.events', 'viewer'),
    url: `/api/v1/jobs/${'f'.repeat(32)}/events`,
  });
  assert.deepEqual([reply.statusCode, reply.json().error.code], [404, 'no-such-job']);
});

test('news of another job wakes nobody', async () => {
  const reader = await openReader(url);
  await until(() => reader.text !== '', 'the first bytes');
  const { reads } = world.history;
  world.bus.emit({ type: 'job-changed', jobId: 'f'.repeat(32) });
  world.bus.emit({ type: 'agent-online', agentId: AGENT });
  await clock.settle();
  assert.equal(world.history.reads, reads);
  happens(running(1));
  await reader.until(1);
  assert.equal(world.history.reads, reads + 1);
});

test('a quiet stream says every 15 seconds that it is still there', async () => {
  const reader = await openReader(url);
  await until(() => clock.pending > 0, 'the heartbeat is set');
  for (const beats of [1, 2, 3]) {
    await clock.advance(API_LIMITS.heartbeatMs - 1);
    assert.equal(reader.text.split(': still here').length - 1, beats - 1);
    await clock.advance(1);
    await until(() => reader.text.split(': still here').length - 1 === beats, `heartbeat ${beats}`);
  }
  assert.deepEqual(reader.events, []);
  happens(running(1));
  await reader.until(1);
});

test('a reader that leaves is forgotten at once', async () => {
  const metric = async () => {
    const page = await world.api.app.inject(requestOf('metrics', 'viewer'));
    return /^muster_api_streams (\d+)$/m.exec(page.body)?.[1];
  };
  const reader = await openReader(url);
  await until(() => reader.text !== '', 'the first bytes');
  assert.equal(await metric(), '1');
  reader.leave();
  let open: string | undefined;
  await until(() => {
    void metric().then((value) => {
      open = value;
    });
    return open === '0';
  }, 'the stream is closed');
  assert.equal(clock.pending, 0, 'no timer is left');
  const { reads } = world.history;
  world.changed();
  assert.equal(world.history.reads, reads, 'nobody reads any more');
});

test('a slow reader costs a page of memory, and gets everything when it comes round', async () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  const total = 1200;
  world.history.events = Array.from({ length: total }, (_, index) => outputEvent(index + 1, piece));
  world.history.over = true;
  let pulled = 0;
  const { jobs } = world.verbs;
  const { events } = jobs;
  jobs.events = async (...args) => {
    const page = await events(...args);
    pulled += page.events.length;
    return page;
  };
  const sockets: Socket[] = [];
  world.server.on('connection', (socket: Socket) => sockets.push(socket));
  const reader = await openReader(url, { paused: true });
  // What is pulled goes into the buffers of the kernel until they are full; then nothing more may be pulled.
  let before = -1;
  while (before !== pulled) {
    before = pulled;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  assert.ok(pulled < total / 2, `${pulled} of ${total} were pulled`);
  const held = sockets.reduce((sum, socket) => sum + socket.writableLength, 0);
  assert.ok(held < 512 * 1024, `${held} bytes are held`);
  reader.resume();
  await until(() => reader.closed, 'the rest', 20_000);
  assert.deepEqual(
    ids(reader.events.slice(0, total)),
    Array.from({ length: total }, (_, index) => index + 1),
  );
  assert.equal(reader.events.at(-1)?.type, 'end');
});

test('pages have few rows where rows are large, and many where they are small', async () => {
  const asked: number[] = [];
  const pageOf = (bytes: number) => {
    const data = Buffer.alloc(bytes);
    const jobs = {
      async events(_jobId: string, afterSeq: number, limit: number) {
        asked.push(limit);
        const events = Array.from({ length: limit }, (_, index) => outputEvent(afterSeq + index + 1, data));
        return { events, over: false };
      },
    };
    return openHistory(jobs, { jobId: JOB, after: 0 });
  };
  const large = pageOf(64 * 1024);
  for (let page = 0; page < 5; page++) await large.next();
  assert.deepEqual(asked.splice(0), [4, 4, 4, 4, 4]);
  assert.equal(large.seq, 20);
  const small = pageOf(40);
  for (let page = 0; page < 6; page++) await small.next();
  assert.deepEqual(asked, [4, 8, 16, 32, 64, 64]);
});

test('a reader that takes nothing for two minutes gives its place back', async () => {
  const piece = Buffer.alloc(64 * 1024, 'x');
  world.history.events = Array.from({ length: 1200 }, (_, index) => outputEvent(index + 1, piece));
  const reader = await openReader(url, { paused: true });
  await until(() => clock.pending > 0, 'the stream waits for its reader');
  let before = -1;
  while (before !== world.history.reads) {
    before = world.history.reads;
    for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
  }
  await clock.advance(API_LIMITS.stallMs);
  reader.resume();
  await reader.end();
  assert.equal(reader.ended, false, 'the connection broke');
  assert.equal(clock.pending, 0);
});

test('a hundred streams are served, the next is told to try later, and one that ends makes room', async () => {
  const readers = await Promise.all(Array.from({ length: API_LIMITS.streams }, () => openReader(url)));
  const refused = await world.api.app.inject(requestOf('jobs.events', 'viewer'));
  assert.deepEqual([refused.statusCode, refused.json().error.code], [503, 'try-later']);
  assert.equal(refused.json().error.retryable, true);
  happens(running(1));
  await Promise.all(readers.map((reader) => reader.until(1)));
  readers[0]?.leave();
  await until(() => clock.pending < API_LIMITS.streams, 'one is gone');
  const reader = await openReader(url);
  assert.equal(reader.status, 200);
  for (const one of [reader, ...readers]) one.leave();
});

test('a request that fails before its stream begins takes no place', async () => {
  for (let count = 0; count < API_LIMITS.streams + 5; count++) {
    const reply = await world.api.app.inject({
      ...requestOf('jobs.events', 'viewer'),
      url: `/api/v1/jobs/${'f'.repeat(32)}/events`,
    });
    assert.equal(reply.statusCode, 404);
  }
});

test('a store that fails in the middle breaks the stream off, and the log says why', async () => {
  const reader = await openReader(url);
  await until(() => reader.text !== '', 'the first bytes');
  world.verbs.jobs.events = () => Promise.reject(new Error('disk on fire'));
  world.changed();
  await reader.end();
  assert.equal(reader.ended, false, 'it does not look complete');
  assert.ok(world.lines.some((line) => line.includes('disk on fire')));
});

test('the stream is the same over TLS', async () => {
  const now = Date.parse('2026-01-01');
  const authority = await makeAuthority({ random: systemRandom, now, days: 3650, name: 'Test' });
  const { certPem, keyPem } = await issueServer({
    random: systemRandom,
    authority,
    hosts: ['127.0.0.1'],
    now,
    days: 3650,
  });
  const server = createServer({ ...SERVER_OPTIONS, cert: certPem, key: keyPem });
  const other = await createWorld({ server, clock });
  try {
    const secure = await other.listen();
    secure.protocol = 'https:';
    other.history.events = [created, outputEvent(2, Buffer.alloc(60_000, 1))];
    const reader = await openReader(secure, { ca: authority.certPem });
    await reader.end();
    assert.deepEqual(
      reader.events.map((event) => event.type),
      ['job', 'output', 'end'],
    );
  } finally {
    await other.close();
  }
});

test("a run's output comes as it was written, or one stream of it", async () => {
  world.history.events = [
    created,
    outputEvent(2, Buffer.from([0, 0xc3])),
    outputEvent(3, Buffer.from([0xa9, 0xff])),
    outputEvent(4, bytes('err'), { stream: 'stderr' }),
    outputEvent(5, bytes('theirs'), { agentId: OTHER_AGENT }),
    outputEvent(6, Buffer.alloc(0)),
    running(7),
    ...Array.from({ length: 200 }, (_, index) => outputEvent(index + 8, bytes('x'))),
  ];
  const output = async (path: string) => {
    const reply = await world.api.app.inject({
      method: 'GET',
      url: `/api/v1/jobs/${JOB}/output/${path}`,
      headers: bearer('viewer'),
    });
    return { ...reply, bytes: reply.rawPayload };
  };
  const first = Buffer.from([0, 0xc3, 0xa9, 0xff]);
  const rest = bytes('x'.repeat(200));
  const both = await output('web-1');
  assert.equal(both.headers['content-type'], 'application/octet-stream');
  assert.deepEqual(both.bytes, Buffer.concat([first, bytes('err'), rest]));
  assert.deepEqual((await output(`${AGENT}?stream=stdout`)).bytes, Buffer.concat([first, rest]));
  assert.deepEqual((await output(`${AGENT}?stream=stderr`)).bytes, bytes('err'));
  assert.equal((await output('web-2')).statusCode, 404);
});
