import assert from 'node:assert/strict';
import type { RolloutBody, RolloutDetail } from '../../../controller/api/contract.ts';
import type { OpenedBundle } from '../../../proto/bundle.ts';
import type { ControllerWorld } from '../../support/controller-world.ts';
import type { FakeAgent, FakeSession } from '../../support/fake-agent.ts';
import { joined } from '../jobs/stage.ts';

export const KIM = { name: 'kim', role: 'runner' } as const;
export const ANN = { name: 'ann', role: 'runner' } as const;

/** What a host does with a step: the words of its shell tasks say which it is. */
export type Behaviour = (host: string, line: string) => Ending;
export type Ending = 'well' | 'badly' | 'unchanged' | 'silent';

export interface Member {
  name: string;
  agent: FakeAgent;
  session: FakeSession;
  /** What it was told to do, in order. */
  did: string[];
  taken: number;
  /** Kept until the controller says that it stored them. */
  reports: { seq: number; signed: ReturnType<FakeAgent['report']> }[];
}

export interface Crew {
  members: Map<string, Member>;
  behave: Behaviour;
  /** Lets hosts do what they were told until nothing moves any more; how many did something. */
  work(): Promise<number>;
  /** All sessions again, as after a restart. */
  back(): Promise<void>;
  /** How many were told to change, and have not said how it went. */
  log: string[];
  member(name: string): Member;
}

/** Hosts that do as their orders say, as soon as they are asked to. */
export async function crewOf(world: ControllerWorld, names: readonly string[]): Promise<Crew> {
  const members = new Map<string, Member>();
  for (const name of names) {
    const agent = await joined(world, name);
    members.set(name, { name, agent, session: await agent.connect(), did: [], taken: 0, reports: [] });
    // So many are let in a second.
    if (members.size % 150 === 0) await world.clock.advance(1_000);
  }
  const seen = new Set<string>();
  const crew: Crew = {
    members,
    behave: () => 'well',
    log: [],
    member: (name) => members.get(name) ?? assert.fail(name),
    async work() {
      let worked = 0;
      for (let round = 0; round < 10_000; round += 1) {
        await world.clock.settle();
        let moved = 0;
        for (const member of members.values()) moved += carryOut(crew, member, seen);
        if (moved === 0) return worked;
        worked += moved;
      }
      return assert.fail('the hosts never come to rest');
    },
    async back() {
      for (const member of members.values()) {
        member.session = await member.agent.connect();
        member.taken = 0;
        const stored = member.session.of('ready').at(-1)?.value.receipt?.reportSeq ?? 0;
        for (const { seq, signed } of member.reports) if (seq > stored) member.session.send('report', signed);
      }
    },
  };
  return crew;
}

function carryOut(crew: Crew, member: Member, seen: Set<string>): number {
  let moved = 0;
  const delivered = member.session.of('deliver');
  for (; member.taken < delivered.length; member.taken += 1) {
    const frame = delivered[member.taken] ?? assert.fail();
    const bundle = member.agent.open(frame);
    const key = `${member.name} ${Buffer.from(bundle.order.jobId).toString('hex')}`;
    const line = lineOf(bundle);
    if (!seen.has(key)) {
      member.did.push(line);
      crew.log.push(`${member.name} ${line}`);
    }
    const ending = crew.behave(member.name, line);
    if (ending === 'silent') continue;
    // Delivered again: it says again how it went, and does nothing twice.
    if (seen.has(key)) continue;
    seen.add(key);
    moved += 1;
    const signed = reportOf(member.agent, bundle, ending);
    member.reports.push({ seq: member.agent.reportSeq, signed });
    member.session.send('report', signed);
  }
  return moved;
}

export function lineOf({ order }: OpenedBundle): string {
  return order.tasks
    .map(
      (task) => task.shell?.line ?? task.packages?.action ?? (task.probe ? `probe ${task.name}` : 'reboot'),
    )
    .join('; ');
}

export function reportOf(agent: FakeAgent, bundle: OpenedBundle, ending: Exclude<Ending, 'silent'>) {
  const isWell = ending !== 'badly';
  const change = ending === 'unchanged' ? 'unchanged' : 'changed';
  const last = bundle.order.tasks.length - 1;
  return agent.report(bundle, {
    state: isWell ? 'succeeded' : 'failed',
    tasks: isWell
      ? bundle.order.tasks.map((_, index) => ({
          index,
          state: 'succeeded',
          exited: true,
          exitCode: 0,
          change,
        }))
      : [{ index: 0, state: 'failed', exited: true, exitCode: 3, ...(last < 0 ? {} : {}) }],
  });
}

export const shell = (line: string) => ({ shell: { line } });

/** A change by one shell task, with all steps. */
export function body(more: Partial<RolloutBody> = {}): RolloutBody {
  return {
    targets: 'all',
    change: { kind: 'bundle', title: 'greeting', tasks: [shell('change')] },
    undo: [shell('undo')],
    ...more,
  };
}

export async function start(world: ControllerWorld, more: Partial<RolloutBody> = {}): Promise<string> {
  const { rollout } = await world.controller.verbs.rollouts.start(body(more), KIM);
  return rollout;
}

export const show = (world: ControllerWorld, rollout: string): Promise<RolloutDetail> =>
  world.controller.verbs.rollouts.show(rollout);

/** `a done, b failed`. */
export async function phases(world: ControllerWorld, rollout: string): Promise<string> {
  const { hostDetails } = await show(world, rollout);
  return hostDetails.map(({ agent, phase }) => `${agent} ${phase}`).join(', ');
}

export async function told(world: ControllerWorld, rollout: string): Promise<string[]> {
  const { events } = await world.controller.verbs.rollouts.events(rollout, 0, 1_000);
  return events.map(({ what, to, agent, wave }) =>
    [what, agent ?? (wave === null ? '' : `wave ${wave}`), to].filter(Boolean).join(' '),
  );
}
