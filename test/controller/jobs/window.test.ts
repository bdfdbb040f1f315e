import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failuresOf, type Pace, paceOf, step } from '../../../controller/jobs/window.ts';
import { seededFractions } from '../../../controller/targeting/limit.ts';

const ALL: Pace = { batch: null, maxFailures: null };

test('without a batch everybody has his turn at once', () => {
  const waiting = ['a', 'b', 'c'];
  assert.deepEqual(step({ inFlight: 0, waiting, failures: 0 }, ALL).take, waiting);
});

test('a place that is free is given to the next one, and to nobody while none is', () => {
  const waiting = ['d', 'e', 'f'];
  const pace = { batch: 3, maxFailures: null };
  assert.deepEqual(step({ inFlight: 3, waiting, failures: 9 }, pace).take, []);
  assert.deepEqual(step({ inFlight: 2, waiting, failures: 9 }, pace).take, ['d']);
  assert.deepEqual(step({ inFlight: 0, waiting, failures: 9 }, pace).take, waiting);
  assert.deepEqual(step({ inFlight: 5, waiting, failures: 0 }, pace).take, []);
});

test('as many may fail as is said; one more, and nobody has a turn any more', () => {
  const waiting = ['d'];
  const pace = { batch: 2, maxFailures: 3 };
  assert.deepEqual(step({ inFlight: 0, waiting, failures: 3 }, pace), { take: ['d'], stop: null });
  assert.deepEqual(step({ inFlight: 0, waiting, failures: 4 }, pace), {
    take: [],
    stop: 'not started: 4 runs failed, --max-failures 3',
  });
  assert.match(
    step({ inFlight: 0, waiting, failures: 1 }, { batch: null, maxFailures: 0 }).stop ?? '',
    /1 run failed, --max-failures 0/,
  );
});

test('what somebody cancelled did not fail; everything else that is no success did', () => {
  const states = ['failed', 'timed-out', 'rejected', 'expired', 'interrupted', 'lost'] as const;
  assert.equal(failuresOf(states.map((state) => ({ state, runs: 2 }))), 12);
  const others = ['queued', 'sent', 'accepted', 'running', 'succeeded', 'cancelled'] as const;
  assert.equal(failuresOf(others.map((state) => ({ state, runs: 2 }))), 0);
});

test('shares are of the targets: a batch is rounded up and never nobody, failures are rounded down', () => {
  assert.deepEqual(paceOf({ batch: '25%', maxFailures: '10%' }, 25), { batch: 7, maxFailures: 2 });
  assert.deepEqual(paceOf({ batch: '1%', maxFailures: '1%' }, 3), { batch: 1, maxFailures: 0 });
  assert.deepEqual(paceOf({ batch: '100%', maxFailures: '100%' }, 8), { batch: 8, maxFailures: 8 });
  assert.deepEqual(paceOf({ batch: '99', maxFailures: '0' }, 8), { batch: 8, maxFailures: 0 });
  assert.deepEqual(paceOf({}, 8), ALL);
});

test('a pace that is none is refused', () => {
  for (const batch of ['0', '0%', '101%', '-1', '1.5', '', 'all', '10 %', '99999999'])
    assert.throws(() => paceOf({ batch }, 8), { code: 'bad-request' }, batch);
  for (const maxFailures of ['101%', '-1', '1.5', '', 'few', '99999999'])
    assert.throws(() => paceOf({ maxFailures }, 8), { code: 'bad-request' }, maxFailures);
});

type Ended = 'succeeded' | 'failed' | 'cancelled';

/** One random history of a job: places are freed in any order, some by cancels, some failures turn into success later. */
function live(seed: number): void {
  const random = seededFractions(seed);
  const below = (most: number): number => Math.floor(random() * most);
  const targets = 1 + below(40);
  const batch = random() < 0.2 ? null : 1 + below(10);
  const maxFailures = random() < 0.4 ? null : below(6);
  const failRate = random();
  let waiting = Array.from({ length: targets }, (_, at) => `${at}`);
  const inFlight = new Set<string>();
  const ended = new Map<string, Ended>();
  const taken: string[] = [];
  let stopped = false;
  let failuresAtStop = 0;
  const failures = (): number => [...ended.values()].filter((one) => one === 'failed').length;

  const go = (): void => {
    const next = step({ inFlight: inFlight.size, waiting, failures: failures() }, { batch, maxFailures });
    if (next.stop !== null) {
      if (!stopped) failuresAtStop = failures();
      stopped = true;
      for (const id of waiting) ended.set(id, 'cancelled');
      waiting = [];
    }
    for (const id of next.take) {
      inFlight.add(id);
      taken.push(id);
    }
    waiting = waiting.filter((id) => !inFlight.has(id));
    const story = `seed ${seed}: batch ${batch}, ${inFlight.size} in flight, ${waiting.length} waiting`;
    if (batch !== null) assert.ok(inFlight.size <= batch, story);
    // No place is lost: whoever waits does so because all are taken.
    if (waiting.length > 0) assert.equal(inFlight.size, batch, story);
  };

  go();
  for (let turn = 0; inFlight.size + waiting.length > 0; turn++) {
    assert.ok(turn < 1_000, `seed ${seed} does not end`);
    const open = [...inFlight, ...(random() < 0.1 ? waiting : [])];
    const id = open[below(open.length)] ?? '';
    const end =
      random() < 0.1 || !inFlight.has(id) ? 'cancelled' : random() < failRate ? 'failed' : 'succeeded';
    inFlight.delete(id);
    waiting = waiting.filter((one) => one !== id);
    ended.set(id, end);
    const lost = [...ended].find(([, state]) => state === 'failed');
    if (lost && random() < 0.1) ended.set(lost[0], 'succeeded');
    go();
  }

  assert.equal(ended.size, targets, `seed ${seed}`);
  assert.deepEqual(
    taken,
    [...taken].sort((a, b) => Number(a) - Number(b)),
    `seed ${seed}: out of order`,
  );
  if (maxFailures === null) assert.equal(stopped, false);
  // What ran when the last one too many failed may fail as well, and nothing else.
  if (stopped && maxFailures !== null)
    assert.ok(
      failures() <= failuresAtStop + (batch ?? targets) - 1 && failuresAtStop === maxFailures + 1,
      `seed ${seed}`,
    );
}

test('over random histories: never more than the batch at once, no place lost, no failure more than was in flight, and all end', () => {
  for (let seed = 1; seed <= 2_000; seed++) live(seed);
});
