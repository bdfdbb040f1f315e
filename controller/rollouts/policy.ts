import { LIMITS } from '../../proto/limits.ts';
import { quoted } from '../targeting/problem.ts';
import { checkGate, gateOf } from './gate-request.ts';
import type { ProbeFrom, RolloutRequest } from './request.ts';
import type { Host, Policy, Step, Wave } from './rollout.ts';
import { STEPS } from './rollout.ts';
import { checkTimes, freezesOf, windowsOf } from './schedule.ts';
import { counted, namesOf, titled } from './sentence.ts';
import { lifeOf } from './steps.ts';
import type { Findings, Share } from './waves.ts';

/** What was decided at the start. */
export interface Laid {
  readonly waves: readonly Wave[];
  /** In the order in which they begin. */
  readonly hosts: readonly Host[];
  readonly policy: Policy;
}

const DAY_MS = 86_400_000;

/** Resolves shares to counts, and says what cannot be or cannot be meant. */
export function policyOf(
  request: RolloutRequest,
  shares: readonly Share[],
  all: number,
  nowMs: number,
  found: Findings,
): Laid {
  const back = waysBack(request, shares, found);
  const lifeMs = lifeOf(request);
  const probes = probesOf(request, found);
  const policy: Policy = {
    maxUnavailable: Math.max(1, countOf('maxUnavailable', request.maxUnavailable ?? '1', all, 1, found)),
    maxFailures: countOf('maxFailures', request.maxFailures ?? '0', all, 0, found),
    onFailure: request.onFailure ?? 'host',
    steps: stepsOf(request, probes.hosts),
    probes,
    windows: windowsOf(request),
    freezes: freezesOf(request),
    expiresAtMs: nowMs + lifeMs,
  };
  const waves = shares.map(({ name, asked, hosts }, index): Wave => {
    const gate = gateOf(asked.gate ?? request.gate ?? {});
    const maxFailures =
      asked.maxFailures === undefined
        ? null
        : countOf(`maxFailures of ${titled(name)}`, asked.maxFailures, hosts.length, 0, found);
    return {
      ...{ index, name, gate, maxFailures, state: 'waiting', reason: null, beganAtMs: null, doneAtMs: null },
      ...{ soakUntilMs: null, observers: 'none', controller: 'none', approvedBy: null, approvedAtMs: null },
    };
  });
  const isLimited = request.maxFailures !== undefined;
  waves.forEach((wave, index) => {
    const share = shares[index];
    if (share) checkGate({ wave, share, policy, isLimited, isLast: index === waves.length - 1 }, found);
  });
  if (lifeMs > LIMITS.ttlMaxMs)
    found.problems.push(`lifeMs: orders are valid for at most ${LIMITS.ttlMaxMs / DAY_MS} days`);
  const soaksMs = waves.reduce((sum, { gate }) => sum + gate.soakMs, 0);
  if (soaksMs >= lifeMs)
    found.problems.push(
      `the waves soak for ${Math.round(soaksMs / 60_000)} minutes together, and the orders expire after ${Math.round(lifeMs / 60_000)}`,
    );
  checkTimes(policy, nowMs, found);
  if ((policy.onFailure === 'wave' || policy.onFailure === 'all') && !policy.steps.includes('undo'))
    found.warnings.push(
      `onFailure ${policy.onFailure} brings nobody back: nothing here takes the change back`,
    );
  const hosts = shares.flatMap(({ hosts: members }, wave) =>
    members.map(
      ({ id, name }): Host => ({
        ...{ id, name, wave, phase: 'waiting', step: null, verdict: null, reason: null, code: null },
        ...{ wayBack: back(id), changed: false, rebooted: false, forgiven: false, back: false, soak: 'none' },
      }),
    ),
  );
  return { waves, hosts, policy };
}

function stepsOf({ pre, post, undo, change }: RolloutRequest, isProbed: boolean): readonly Step[] {
  const some = (tasks: readonly unknown[] | undefined): boolean => (tasks?.length ?? 0) > 0;
  const hasUndo = change.plan?.hosts.some(({ wayBack }) => wayBack) ?? some(undo);
  const exists: Record<Step, boolean> = {
    pre: some(pre),
    change: true,
    check: isProbed,
    post: some(post),
    undo: hasUndo,
    restore: some(post) && (some(pre) || hasUndo),
  };
  return STEPS.filter((step) => exists[step]);
}

/** Whether there is a way back for a host; says what of that forbids to start. */
function waysBack(
  request: RolloutRequest,
  shares: readonly Share[],
  found: Findings,
): (id: string) => boolean {
  const { change, undo, withoutWayBack } = request;
  const hosts = shares.flatMap((share) => share.hosts);
  const back = (id: string): boolean => (change.plan ? planned.get(id) === true : (undo?.length ?? 0) > 0);
  const planned = new Map<string, boolean>();
  let twice = 0;
  for (const { agentIds, wayBack } of change.plan?.hosts ?? [])
    for (const id of agentIds) {
      if (planned.has(id)) twice += 1;
      planned.set(id, wayBack);
    }
  if (change.plan) {
    if (undo !== undefined) found.problems.push('a plan takes itself back; leave undo out');
    if (twice > 0) found.problems.push(`the plan has ${counted(twice, 'host')} twice; make it anew`);
    const strangers = hosts.filter(({ id }) => !planned.has(id));
    if (strangers.length > 0)
      found.problems.push(
        `the plan says nothing of ${namesOf(strangers)}; plan again, or narrow the targets`,
      );
    const ids = new Set(hosts.map(({ id }) => id));
    const isNarrowed = request.targets !== undefined || request.selector !== undefined;
    const absent = [...planned.keys()].filter((id) => !ids.has(id)).length;
    if (absent > 0 && !isNarrowed)
      found.warnings.push(
        `${counted(absent, 'host')} of the plan ${absent === 1 ? 'has' : 'have'} left the fleet since and ${absent === 1 ? 'is' : 'are'} left out`,
      );
  }
  const without = hosts.filter(({ id }) => !back(id));
  // An agent that does not come online with its new version goes back by itself.
  if (without.length === 0 || change.kind === 'upgrade') return back;
  const what = `there is no way back for ${namesOf(without)}`;
  if (withoutWayBack === 'go-on') found.warnings.push(what);
  else
    found.problems.push(
      `${what}: ${change.plan ? 'versions before cannot be had again' : 'say in undo what takes the change back'}, or allow it with withoutWayBack go-on`,
    );
  return back;
}

function probesOf({ probes = [] }: RolloutRequest, { problems }: Findings): Policy['probes'] {
  const is = (from: ProbeFrom | undefined, where: 'hosts' | 'observers' | 'controller'): boolean =>
    where === (from === 'controller' ? 'controller' : typeof from === 'object' ? 'observers' : 'hosts');
  for (const probe of probes) {
    if (is(probe.from, 'controller') && !('http' in probe) && !('tcp' in probe))
      problems.push(`probe ${quoted(probe.name)}: the controller probes by http and tcp only`);
    if (
      typeof probe.from === 'object' &&
      probe.from.targets === undefined &&
      probe.from.selector === undefined
    )
      problems.push(`probe ${quoted(probe.name)}: say by targets or selector which hosts probe`);
  }
  return {
    hosts: probes.some(({ from }) => is(from, 'hosts')),
    observers: probes.some(({ from }) => is(from, 'observers')),
    controller: probes.some(({ from }) => is(from, 'controller')),
  };
}

/** Shares are rounded down. */
function countOf(what: string, text: string, all: number, least: 0 | 1, { problems }: Findings): number {
  const [, digits, percent] = /^(\d{1,7})(%?)$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits === undefined || value < least || (percent === '%' && value > 100)) {
    problems.push(
      `${what}: expected a number from ${least}, or a share from ${least}% to 100%, not ${quoted(text)}`,
    );
    return least;
  }
  return percent === '%' ? Math.floor((all * value) / 100) : value;
}
