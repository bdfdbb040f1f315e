import type { GateBody, RolloutBody, RolloutDraft } from '../../api/contract.ts';
import { lifeOf, stepJobs } from '../../rollouts/steps.ts';
import { EXIT, Failure } from '../failure.ts';
import type { Wanted } from './check.ts';

const NO_GATE = { successPercent: null, soakMs: 0, approval: 'nobody' } as const;

/**
 * The orders that a rollout is made of, from what was asked for alone, by the code by which the controller makes them. Of the draft is
 * taken only what the controller decides: who is meant by a name or a selector, how many waves that gives, and which of the asked times
 * each of them soaks. A plan says by id who may be meant; `shown`: the names of the hosts that are changed, as
 * their operator saw them. Pure. Throws a Failure where it soaks otherwise than was asked.
 */
export function wantedOrders(
  body: RolloutBody,
  { targets, soaksMs, orders }: RolloutDraft,
  shown?: ReadonlySet<string>,
): Wanted[] {
  const changed = orders.find(({ what }) => what === 'change')?.targets ?? targets;
  checkSoaks(body, soaksMs, changed.length);
  const waves = soaksMs.map((soakMs, index) => ({
    ...{ index, name: '', gate: { ...NO_GATE, soakMs }, maxFailures: null, state: 'waiting' as const },
    ...{ reason: null, beganAtMs: null, doneAtMs: null, soakUntilMs: null },
    ...{ observers: 'none' as const, controller: 'none' as const, approvedBy: null, approvedAtMs: null },
  }));
  const planned = body.change.plan?.hosts.flatMap(({ agentIds, wayBack }) =>
    agentIds.map((id) => [id, wayBack] as const),
  );
  const ways = new Map(planned);
  const hosts = targets.map(({ id }) => ({
    id,
    wave: 0,
    wayBack: planned === undefined || ways.get(id) === true,
  }));
  const all = planned && new Set(ways.keys());
  const back = planned && new Set(planned.flatMap(([id, wayBack]) => (wayBack ? [id] : [])));
  return stepJobs(body, waves, hosts).map(({ step, wave, request, probe }) => {
    const from = probe === null ? body.targets : targetsOf(probe.from);
    const only = probe === null ? (step === 'undo' ? back : all) : undefined;
    return {
      what: wave === null ? step : `${step} ${wave}`,
      request: from === undefined ? request : { ...request, targets: from },
      heldMs: lifeOf(body),
      ...(only === undefined ? {} : { only }),
      ...(shown === undefined || probe !== null ? {} : { shown }),
    };
  });
}

/**
 * A wave has its gate, or that of the rollout. Only a wave for each value of a label becomes several, none of them empty, and only that of
 * the rest becomes none, where nobody is left.
 */
function checkSoaks({ waves = [], gate }: RolloutBody, soaksMs: readonly number[], hosts: number): void {
  const soakOf = (wave: { gate?: GateBody | undefined }): number => (wave.gate ?? gate)?.soakMs ?? 0;
  const askedMs = waves.length === 0 ? [soakOf({})] : waves.map(soakOf);
  const others = waves.filter((wave) => !('rest' in wave)).map(soakOf);
  const leastMs = others.length === 0 ? askedMs : others;
  const isOpen = waves.some((wave) => 'each' in wave);
  const isAsked = isOpen
    ? soaksMs.every((soakMs) => askedMs.includes(soakMs))
    : [askedMs, leastMs].some((ms) => ms.join() === soaksMs.join());
  const isSoMany = isOpen ? soaksMs.length >= leastMs.length && soaksMs.length <= hosts : true;
  if (isAsked && isSoMany) return;
  throw new Failure(
    EXIT.refused,
    `nothing was signed: its waves would soak for ${soaksMs.slice(0, 10).join(', ')} ms, and ${askedMs.slice(0, 10).join(', ')} ms were asked for`,
  );
}

function targetsOf(from: unknown): string | undefined {
  return (from as { targets?: string }).targets;
}
