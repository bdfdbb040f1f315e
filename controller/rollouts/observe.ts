import {
  canUndo,
  type Host,
  hasEnded,
  type Policy,
  type Rollout,
  type Step,
  type StepOutcome,
} from './rollout.ts';

/** A host as it is now, and the step whose turn it is thereby. Both are one transaction. */
export interface Move {
  readonly host: Host;
  readonly turn: Step | null;
}

type Around = Pick<Rollout, 'state' | 'policy'>;

/**
 * What becomes of a host, now that a run of one of its steps is over; undefined where that is known already or changes nothing.
 * A host that is at work goes on by itself, whatever else has been decided meanwhile: only its way depends on that.
 */
export function observe(
  { state, policy }: Around,
  host: Host,
  step: Step,
  outcome: StepOutcome,
): Move | undefined {
  if (outcome.state === 'lost' && host.phase === 'lost') return undefined;
  const isHere = host.phase === step || (host.phase === 'lost' && host.step === step);
  if (!isHere) return learned(host, step, outcome);
  const heard = { ...host, rebooted: host.rebooted || outcome.rebooted };
  if (outcome.state === 'lost') {
    const changed = step === 'change' || step === 'undo' ? null : host.changed;
    const { reason, code } = outcome;
    // An operator went on in spite of what was before, and not of this.
    return at({ ...heard, changed, phase: 'lost', reason, code, forgiven: false });
  }
  const ran = { ...heard, changed: changedAfter(heard, step, outcome) };
  if (hasEnded(state)) return tooLate(ran, step, outcome);
  if (outcome.state !== 'succeeded') return failed(ran, step, outcome, policy);
  // Whose change has not begun while all is taken back is not changed any more, nor who was gone on without: another has its place.
  const isTurned = step === 'pre' && (state === 'rolling-back' || (host.phase === 'lost' && host.forgiven));
  return succeeded(isTurned ? { ...ran, back: true } : ran, step, policy);
}

/**
 * What becomes of a host whose probes were to hold while its wave soaked. One that does not hold has failed after its change: it is
 * broken, and waits for its place to be brought back.
 */
export function observeSoak({ policy }: Around, host: Host, outcome: StepOutcome): Move | undefined {
  if (host.soak !== 'asked') return undefined;
  if (outcome.state === 'succeeded') return at({ ...host, soak: 'held' });
  const heard: Host = { ...host, soak: 'failed' };
  if (host.phase !== 'done') return at(heard);
  const { reason, code } = outcome;
  const back = host.back || (policy.onFailure !== 'none' && canUndo(host, policy));
  const bad = { verdict: 'failed', forgiven: false, reason, code, back } as const;
  return at({ ...heard, ...bad, phase: 'failed', step: 'check' });
}

function succeeded(host: Host, step: Step, policy: Policy): Move {
  switch (step) {
    case 'pre':
      // Nothing was changed yet: whoever wants it back has it as soon as what pre did is taken back.
      return host.back ? restored(host, policy) : toStep(host, policy, ['change', 'check', 'post']);
    case 'change':
      return onwards(host, policy, ['check', 'post']);
    case 'check':
      return onwards(host, policy, ['post']);
    case 'post':
      return onwards(host, policy, []);
    case 'undo':
      return restored(host, policy);
    case 'restore':
      return over(host);
  }
}

function failed(host: Host, step: Step, outcome: StepOutcome, policy: Policy): Move {
  const { reason, code } = outcome;
  const isDrifted = step === 'change' && code === 'drifted' && host.changed === false;
  // Whom an operator went on without while it was lost is not news.
  const forgiven = host.forgiven && (isDrifted || host.phase === 'lost');
  const bad: Host = { ...host, reason, code, forgiven, verdict: isDrifted ? 'drifted' : 'failed' };
  const left = at({ ...bad, phase: 'failed', step });
  switch (step) {
    case 'pre':
      // It never began, so that there is nothing that a restore could take back.
      return hasBegun(outcome) && hasStep(policy, 'restore')
        ? toStep(bad, policy, ['restore'])
        : at({ ...bad, phase: 'failed', step: hasBegun(outcome) ? 'pre' : null });
    case 'change':
      if (code === 'undone') return restored({ ...bad, changed: false, back: true }, policy);
      if (bad.changed === false) return hasStep(policy, 'pre') ? restored(bad, policy) : over(bad);
      return undone(bad, policy) ?? left;
    case 'check':
      return undone(bad, policy) ?? left;
    case 'post':
      return bad.back ? (undone(bad, policy) ?? left) : left;
    case 'undo':
    case 'restore':
      return at({ ...bad, phase: 'failed', step, verdict: 'failed' });
  }
}

/** Forwards, unless it is wanted back. */
function onwards(host: Host, policy: Policy, steps: readonly Step[]): Move {
  return (host.back ? undone(host, policy) : undefined) ?? toStep(host, policy, steps);
}

function undone(host: Host, policy: Policy): Move | undefined {
  if (!host.back && policy.onFailure === 'none') return undefined;
  if (!canUndo(host, policy)) return undefined;
  return { host: { ...host, phase: 'undo', step: 'undo', back: true }, turn: 'undo' };
}

function restored(host: Host, policy: Policy): Move {
  return hasStep(policy, 'restore') ? toStep(host, policy, ['restore']) : over(host);
}

/** As it was before, or as it was left by what failed before it changed. */
function over(host: Host): Move {
  if (host.verdict === 'drifted') return at({ ...host, phase: 'drifted', step: null });
  return at({ ...host, phase: host.back ? 'reverted' : 'failed', step: null });
}

/** The first of the steps that exists; where none does it is done. */
function toStep(host: Host, policy: Policy, steps: readonly Step[]): Move {
  const step = steps.find((one) => hasStep(policy, one));
  if (step === undefined) return at({ ...host, phase: 'done', step: null });
  return { host: { ...host, phase: step, step }, turn: step };
}

/** Word that came when all was over: what is known is kept, and nothing is begun. */
function tooLate(host: Host, step: Step, outcome: StepOutcome): Move {
  if (outcome.state !== 'succeeded')
    return at({ ...host, phase: 'failed', verdict: 'failed', reason: outcome.reason, code: outcome.code });
  switch (step) {
    case 'post':
      return at({ ...host, phase: 'done', step: null });
    case 'restore':
      return over(host);
    default:
      return at({
        ...host,
        phase: 'failed',
        verdict: 'failed',
        reason: `${step} succeeded, but word of it came when the rollout was over`,
      });
  }
}

/** Word that replaces `interrupted` of a step which a host was left at: whether it changed is known now. */
function learned(host: Host, step: Step, outcome: StepOutcome): Move | undefined {
  if (host.phase !== 'failed' || host.step !== step) return undefined;
  const changed = changedAfter(host, step, outcome);
  return changed === host.changed ? undefined : at({ ...host, changed });
}

/** Expired and rejected runs never began. A step after the change cannot make it undone, and an undo that failed leaves it unknown. */
function changedAfter(host: Host, step: Step, outcome: StepOutcome): boolean | null {
  if (step === 'undo' && outcome.state === 'succeeded') return false;
  if (step === 'undo') return hasBegun(outcome) && outcome.changed !== false ? null : host.changed;
  if (step !== 'change') return host.changed;
  if (!hasBegun(outcome)) return false;
  return (
    outcome.changed ?? (outcome.state === 'succeeded' ? true : outcome.code === 'drifted' ? false : null)
  );
}

function hasBegun({ state }: StepOutcome): boolean {
  return state !== 'expired' && state !== 'rejected';
}

function hasStep(policy: Policy, step: Step): boolean {
  return policy.steps.includes(step);
}

const at = (host: Host): Move => ({ host, turn: null });
