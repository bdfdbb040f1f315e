import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createProber, type OwnProbe } from '../../../controller/rollouts/probing.ts';
import { unreachable } from '../../../controller/rollouts/reach.ts';
import type { ProbeSockets, Refuses } from '../../../proto/probe-socket.ts';
import { virtualClock } from '../../support/virtual-clock.ts';

const never = new AbortController().signal;
const WEB_1 = { name: 'web-1', address: '10.0.0.1' };
const tcp = (more: Partial<OwnProbe> = {}): OwnProbe =>
  ({ name: 'up', tcp: { host: '{address}', port: 80 }, ...more }) as OwnProbe;

/** A prober whose tries are answered by `answer`, which throws where one fails. */
function world(answer: (asked: string, signal: AbortSignal) => unknown) {
  const clock = virtualClock();
  const asked: { what: string; atMs: number; refuses: Refuses | undefined }[] = [];
  const ask = async (what: string, signal: AbortSignal, refuses?: Refuses): Promise<void> => {
    asked.push({ what, atMs: clock.monotonicMs(), refuses });
    await answer(what, signal);
  };
  const sockets: ProbeSockets = {
    http: ({ url }, signal, refuses) => ask(url, signal, refuses),
    tcp: ({ host, port }, signal, refuses) => ask(`${host} ${port}`, signal, refuses),
  };
  return { clock, asked, prober: createProber(clock, sockets, unreachable) };
}
const hangs = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
const fails = (why = 'refused') => {
  throw new Error(why);
};

test('a probe that holds at once has held', async () => {
  const { prober, asked } = world(() => {});
  assert.deepEqual(await prober.all([tcp()], [WEB_1], undefined, never), { held: true, reason: null });
  assert.deepEqual(
    asked.map(({ what }) => what),
    ['10.0.0.1 80'],
  );
});

for (const [address, url] of [
  ['10.0.0.1', 'http://10.0.0.1:80/web-1'],
  ['2001:db8::1', 'http://[2001:db8::1]:80/web-1'],
  [null, 'http://web-1:80/web-1'],
] as const)
  test(`{address} of a host at ${address} makes ${url}`, async () => {
    const { prober, asked } = world(() => {});
    const probe: OwnProbe = { name: 'page', http: { url: 'http://{address}:80/{name}' } };
    await prober.all([probe], [{ name: 'web-1', address }], undefined, never);
    assert.equal(asked[0]?.what, url);
  });

test('a name that looks like a pattern of replacements is put in as it is', async () => {
  const { prober, asked } = world(() => {});
  await prober.all(
    [tcp({ tcp: { host: '{name}', port: 1 } } as never)],
    [{ name: '$&', address: null }],
    0,
    never,
  );
  assert.equal(asked[0]?.what, '$& 1');
});

test('each try is told what it may not reach, by the host that it is for', async () => {
  const { prober, asked } = world(() => {});
  const local = { name: 'here', address: '127.0.0.1' };
  await prober.all([tcp()], [WEB_1, local], undefined, never);
  const [far, near] = asked;
  assert.match(far?.refuses?.('127.0.0.1') ?? '', /own machine/);
  assert.equal(near?.refuses?.('127.0.0.1'), undefined);
  assert.match(near?.refuses?.('169.254.169.254') ?? '', /never/);
});

test('it tries again until it holds, and gives up in time with the last reason', async () => {
  const { prober, clock, asked } = world(() => fails('status 503'));
  const result = prober.all([tcp({ everyMs: 1_000, withinMs: 3_500 })], [WEB_1], undefined, never);
  await clock.advance(10_000);
  assert.deepEqual(await result, {
    held: false,
    reason: 'probe up did not hold within 3.5 s: status 503',
  });
  assert.deepEqual(
    asked.map(({ atMs }) => atMs),
    [0, 1_000, 2_000, 3_000],
  );
});

test('a try that nobody answers ends after its timeout', async () => {
  const { prober, clock } = world((_, signal) => hangs(signal));
  const result = prober.all(
    [tcp({ timeoutMs: 500, withinMs: 1_000, everyMs: 600 })],
    [WEB_1],
    undefined,
    never,
  );
  await clock.advance(5_000);
  assert.match((await result).reason ?? '', /no answer within/);
});

test('what held and then does not go on to hold is named with its host', async () => {
  let tries = 0;
  const { prober, clock } = world(() => {
    tries += 1;
    if (tries > 6) fails();
  });
  const other = { name: 'web-2', address: '10.0.0.2' };
  const result = prober.all([tcp({ everyMs: 1_000 })], [WEB_1, other], 60_000, never);
  await clock.advance(60_000);
  const { held, reason } = await result;
  assert.equal(held, false);
  assert.match(reason ?? '', /^web-[12]: probe up did not go on to hold: refused$/);
  assert.ok(tries < 10, 'the first that does not hold ends it all');
});

test('need of the last so many tries', async () => {
  let tries = 0;
  const { prober, clock } = world(() => {
    tries += 1;
    if (tries % 2 === 0) fails();
  });
  const result = prober.all([tcp({ need: 2, of: 3, everyMs: 1_000 })], [WEB_1], undefined, never);
  await clock.advance(5_000);
  assert.equal((await result).held, true);
  assert.equal(tries, 3);
});

test('an abort ends it with its reason, also what waits for its place', async () => {
  const { prober, clock, asked } = world((_, signal) => hangs(signal));
  const over = new AbortController();
  const hosts = Array.from({ length: 100 }, (_, index) => ({ name: `web-${index}`, address: null }));
  const result = prober.all([tcp()], hosts, undefined, over.signal);
  await clock.settle();
  assert.equal(asked.length, 64);
  over.abort(new Error('paused'));
  await assert.rejects(result, /paused/);
  assert.equal(asked.length, 64);
  assert.equal(clock.pending, 0);
});

test('hosts that hang take the places of others, and not their time', async () => {
  let tries = 0;
  const { prober, clock } = world((what, signal) => {
    if (what.startsWith('slow')) return hangs(signal);
    tries += 1;
    return tries === 1 ? fails() : undefined;
  });
  const named = (name: string) => ({ name, address: null });
  const slow = Array.from({ length: 200 }, (_, index) => named(`slow-${index}`));
  const bad = prober.all([tcp({ timeoutMs: 5_000, withinMs: 5_001 })], slow, undefined, never);
  await clock.settle();
  const good = prober.all([tcp({ everyMs: 1_000, withinMs: 2_001 })], [named('web-1')], undefined, never);
  await clock.advance(60_000);
  assert.equal((await bad).held, false);
  assert.deepEqual(await good, { held: true, reason: null });
});

test('what a host says of itself does not fill the history', async () => {
  const { prober, clock } = world(() => fails(`altnames\n${'DNS:x, '.repeat(10_000)}`));
  const result = prober.all([tcp()], [WEB_1], undefined, never);
  await clock.advance(60_000);
  const { reason } = await result;
  assert.ok((reason?.length ?? 0) < 400);
  assert.doesNotMatch(reason ?? '', /\n/);
});
