import { createHash } from 'node:crypto';
import { toHex } from '../../proto/ids.ts';
import { createCentral } from './central.ts';
import { type Dice, diceOf } from './dice.ts';
import { scheduleFaults } from './faults.ts';
import { createJudge, type Suffered } from './judge.ts';
import { Dead } from './life.ts';
import { createMachine } from './machine.ts';
import { createNetwork } from './network.ts';
import { createOperators } from './operators.ts';
import { createOracle } from './oracle.ts';
import { createPost, type Post } from './post.ts';
import { createStage } from './processes.ts';
import { createRolloutJudge } from './rollout-judge.ts';
import { createRollouts } from './rollouts.ts';
import { createScheduler, quiet } from './scheduler.ts';
import { createStory } from './story.ts';
import { Violation } from './verdict.ts';
import type { Weakness } from './weakness.ts';

/** One history, from its seed alone. */
export interface History {
  readonly seed: number;
  readonly lines: readonly string[];
  /** Of all that happened: the same seed gives the same. */
  readonly digest: string;
  readonly violation: Violation | undefined;
  readonly virtualMs: number;
  readonly turns: number;
  readonly starts: number;
}

export async function live(seed: number, weakness?: Weakness): Promise<History> {
  const dice = diceOf(`history ${seed}`);
  let violation: Violation | undefined;
  let putBacks = 0;
  const convict = (found: Violation): void => {
    violation ??= found;
    scheduler.stop();
  };
  const caught = (cause: unknown): void => {
    if (cause instanceof Dead) return;
    if (cause instanceof Violation) return convict(cause);
    const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    convict(new Violation(20, `a process would have ended: ${what}`));
  };
  /** A check that is called from within the product, which must not meet what it throws. */
  const guarded =
    <Given extends unknown[]>(check: (...given: Given) => void) =>
    (...given: Given): void => {
      try {
        check(...given);
      } catch (cause) {
        caught(cause);
      }
    };
  hearRejections(caught);

  const scheduler = createScheduler(dice.fork('order'), caught);
  const story = createStory(() => scheduler.nowMs);
  const network = createNetwork(scheduler, dice.fork('network'));
  const oracle = createOracle(
    guarded((performance) => {
      story.tell(performance.host, `starts ${performance.token}`);
      judge.started(performance);
      rolloutJudge.started(performance);
    }),
  );
  const central = createCentral({
    machine: createMachine('controller', scheduler, dice.fork('controller')),
    network,
    story,
    dice: dice.fork('central'),
    weakness,
    nowMs: () => scheduler.nowMs,
    committed: guarded(() => {
      judge.committed();
      rolloutJudge.committed();
    }),
  });
  const hosts = Array.from({ length: 3 + dice.below(6) }, (_, index) => `web-${index + 1}`);
  const suffered = new Map<string, Suffered>(hosts.map((host) => [host, newSufferings()]));
  const posts: Post[] = hosts.map((host) => {
    const machine = createMachine(host, scheduler, dice.fork(host));
    const post: Post = createPost({
      machine,
      network,
      stage: createStage(
        machine,
        dice.fork(`${host} programs`),
        oracle,
        (token) => operators.programOf(token) ?? rollouts.programOf(token, host),
      ),
      story,
      dice: dice.fork(`${host} agent`),
      weakness,
      nowMs: () => scheduler.nowMs,
      later: (delayMs, fn) => void scheduler.after(delayMs, fn),
      receipted: guarded((epoch, seq) => judge.receipted(post, epoch, seq)),
      accepted: guarded((jobId) => judge.accepted(post, jobId)),
    });
    return post;
  });
  const operators = createOperators({
    scheduler,
    dice: dice.fork('operators'),
    story,
    central,
    hosts,
    asked: (ask) => faults.asked(ask.hosts),
    acknowledged: guarded((ask, job, targets) => judge.acknowledged(ask, job, targets)),
  });
  const rollouts = createRollouts({
    ...{ scheduler, story, central, hosts, dice: dice.fork('rollouts') },
    putBacks: () => putBacks,
  });
  const rolloutJudge = createRolloutJudge({
    ...{ scheduler, central, rollouts, oracle },
    putBacks: () => putBacks,
  });
  const judge = createJudge({
    scheduler,
    central,
    posts,
    operators: {
      ...operators,
      askOf: (token) => operators.askOf(token) ?? rollouts.askOf(token),
    },
    oracle,
    suffered: (host) => suffered.get(host) ?? newSufferings(),
    lagMs: (host) => network.slowestDownMs(host),
    road: network.road,
    wokenMs: (host) => network.road(host).wokenMs,
    darkSinceMs: (host) => network.road(host).darkSinceMs,
    disturbedMs(host) {
      const { dark, asleep, rate, disturbedMs } = network.road(host);
      return dark || asleep || rate !== undefined ? scheduler.nowMs : disturbedMs;
    },
  });

  enrol(central.disk.eye, posts, central.machine.times.wallMs());
  story.tell('seed', `${seed}: ${hosts.length} agents${weakness ? `, weakened: ${weakness.what}` : ''}`);
  central.start();
  for (const post of posts) scheduler.after(dice.between(0, 3_000), post.start);
  const look = (): void => {
    guarded(judge.look)();
    scheduler.after(5_000, look);
  };
  scheduler.after(5_000, look);

  const stormMs = dice.between(60_000, 600_000);
  plan(dice.fork('asks'), stormMs, 3, 14, () => operators.ask());
  plan(dice.fork('cancels'), stormMs, 0, 5, () => operators.cancel());
  const rolls = dice.fork('rolls');
  if (rolls.chance(ROLLING)) {
    plan(rolls, stormMs / 2, 1, 2, () => rollouts.start());
    plan(rolls, stormMs, 0, 12, () => rollouts.say());
  }
  const faults = scheduleFaults({
    scheduler,
    dice: dice.fork('faults'),
    story,
    network,
    central,
    posts,
    suffered,
    stormMs,
    storePutBack() {
      putBacks += 1;
      judge.storePutBack();
    },
  });

  function plan(chance: Dice, untilMs: number, least: number, most: number, fn: () => void): void {
    const count = least + chance.below(most - least + 1);
    for (let n = 0; n < count; n++) scheduler.after(chance.between(2_000, untilMs), fn);
  }

  try {
    await scheduler.runUntil(stormMs);
    faults.end();
    if (!violation) story.tell('seed', 'all faults have ended');
    const endMs = stormMs + HEAL_MOST_MS;
    while (!violation && scheduler.nowMs < endMs) {
      await scheduler.runUntil(scheduler.nowMs + HEAL_STEP_MS);
      guarded(rollouts.tend)();
      const isSettled = judge.isSettled() && rolloutJudge.isSettled();
      if (scheduler.nowMs > stormMs + HEAL_LEAST_MS && isSettled) break;
    }
    if (!violation) guarded(judge.conclude)();
    if (!violation) guarded(rolloutJudge.conclude)();
  } finally {
    // What dead code still rejects is told in the turns after.
    await quiet();
    hearRejections(() => {});
    central.close();
    for (const post of posts) post.close();
  }
  const digest = createHash('sha256').update(story.lines.join('\n')).digest('hex').slice(0, 16);
  return {
    seed,
    lines: story.lines,
    digest,
    violation,
    virtualMs: scheduler.nowMs,
    turns: scheduler.turns,
    starts: oracle.performances.length,
  };
}

let listener: ((cause: unknown) => void) | undefined;

/** What nobody catches would end a process. The code of the dead goes on for a while, into the next history even. */
function hearRejections(next: (cause: unknown) => void): void {
  if (!listener) process.on('unhandledRejection', (cause) => listener?.(cause));
  listener = next;
}

/** Histories in which changes are rolled out: they take longer than others. */
const ROLLING = 0.35;
/** After the storm: until all is settled, or this long. The longest ttl, timeout and grace fit in. */
const HEAL_LEAST_MS = 60_000;
const HEAL_STEP_MS = 20_000;
const HEAL_MOST_MS = 3_600_000;

function newSufferings(): Suffered {
  return { agentDeaths: 0, reboots: 0, journalLostMs: undefined, journalPutBackMs: undefined, diskFull: 0 };
}

/** As if each had joined: to do it over the wire is other tests' part. */
function enrol(eye: import('node:sqlite').DatabaseSync, posts: readonly Post[], wallMs: number): void {
  const insert = eye.prepare(
    `insert into agents (id, name, epoch, sign_key, box_key, state, hostname, enrolled_at_ms) values (?, ?, ?, ?, ?, 'active', ?, ?)`,
  );
  for (const { agentId, name, keys, firstEpoch } of posts)
    insert.run(
      agentId,
      name,
      toHex(firstEpoch),
      keys.sign.publicKey,
      keys.box.publicKey,
      name,
      Math.round(wallMs),
    );
}
