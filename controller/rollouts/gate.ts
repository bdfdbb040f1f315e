import { type Draft, setHost, setWave, type WaveTally } from './draft.ts';
import { stop } from './limits.ts';
import { currentWave, type Gate, type Rollout, type Wave } from './rollout.ts';
import { counted, titled } from './sentence.ts';

/** Takes waves as far as they come: opens, probes, soaks, asks for approval, passes, and opens the next. */
export function advanceWaves(draft: Draft): void {
  for (let wave = currentWave(draft); wave !== undefined; wave = currentWave(draft)) {
    const next = advance(draft, wave);
    if (next === 'stays') return;
  }
}

function advance(draft: Draft, wave: Wave): 'moved' | 'stays' {
  const tally = draft.tally.waves[wave.index];
  if (tally === undefined || wave.state === 'failed') return 'stays';
  if (wave.state === 'waiting') return open(draft, wave);
  const problem = shareProblem(wave.gate, tally);
  if (problem !== undefined) return fail(draft, wave, problem);
  if (tally.waiting > 0 || tally.atWork > 0 || tally.wanted > 0) return 'stays';
  switch (wave.state) {
    case 'open':
      return isBare(draft, wave, tally) ? ask(draft, wave) : probe(draft, wave);
    case 'probing':
    case 'soaking':
      return probed(draft, wave, tally);
    case 'approval':
      return approved(draft, wave);
    case 'passed':
      return 'moved';
  }
}

function open(draft: Draft, wave: Wave): 'moved' | 'stays' {
  if (draft.state !== 'running') return 'stays';
  setWave(draft, wave, { state: 'open', beganAtMs: draft.nowMs, reason: null });
  return 'moved';
}

/** As soon as the share cannot be had any more, so that no host is changed for nothing. */
export function shareProblem({ successPercent }: Gate, tally: WaveTally): string | undefined {
  if (successPercent === null) return undefined;
  const count = tally.hosts - tally.apart;
  if ((tally.done + tally.hopeful) * 100 >= successPercent * count) return undefined;
  const still = tally.hopeful > 0 ? ` and ${tally.hopeful} still can be` : '';
  return `${tally.done} of ${counted(count, 'host')} ${tally.done === 1 ? 'is' : 'are'} done${still}, and its gate wants ${successPercent}%`;
}

function fail(draft: Draft, wave: Wave, problem: string): 'stays' {
  setWave(draft, wave, { state: 'failed', reason: problem });
  stop(draft, `${titled(wave.name)} failed: ${problem}`);
  return 'stays';
}

/** Whether its gate has nothing to look at. */
function isBare({ policy }: Draft, { gate }: Wave, tally: WaveTally): boolean {
  return tally.done === 0 || (gate.soakMs === 0 && !policy.probes.observers && !policy.probes.controller);
}

function probe(draft: Draft, wave: Wave): 'moved' {
  const { probes } = draft.policy;
  const { soakMs } = wave.gate;
  const { index } = wave;
  if (probes.observers) draft.asks.push({ wave: index, of: 'observers' });
  if (probes.controller) draft.asks.push({ wave: index, of: 'controller' });
  if (soakMs > 0 && probes.hosts)
    draft.hosts.forEach((host, at) => {
      if (host.wave === index && host.phase === 'done' && host.soak === 'none')
        setHost(draft, at, { ...host, soak: 'asked' }, 'soak');
    });
  setWave(draft, wave, {
    state: soakMs > 0 ? 'soaking' : 'probing',
    reason: null,
    doneAtMs: draft.nowMs,
    soakUntilMs: draft.nowMs + soakMs,
    observers: probes.observers ? 'asked' : 'none',
    controller: probes.controller ? 'asked' : 'none',
  });
  return 'moved';
}

function probed(draft: Draft, wave: Wave, tally: WaveTally): 'moved' | 'stays' {
  if (wave.observers === 'failed' || wave.controller === 'failed')
    return fail(draft, wave, wave.reason ?? 'its probes do not hold');
  // A wall clock that was set back makes nobody wait for longer than a whole soak.
  const untilMs = Math.min(wave.soakUntilMs ?? draft.nowMs, draft.nowMs + wave.gate.soakMs);
  if (untilMs !== wave.soakUntilMs) setWave(draft, wave, { soakUntilMs: untilMs });
  if (draft.nowMs < untilMs) draft.wakes.push(untilMs);
  const isAsked = tally.soaking > 0 || wave.observers === 'asked' || wave.controller === 'asked';
  return isAsked || draft.nowMs < untilMs ? 'stays' : ask(draft, wave);
}

/** Whatever follows the last wave needs nobody's approval. */
function ask(draft: Draft, wave: Wave): 'moved' {
  const isLast = wave.index === draft.waves.length - 1;
  const doneAtMs = wave.doneAtMs ?? draft.nowMs;
  if (isLast || wave.gate.approval === 'nobody')
    setWave(draft, wave, { state: 'passed', reason: null, doneAtMs });
  else setWave(draft, wave, { state: 'approval', reason: null, doneAtMs });
  return 'moved';
}

function approved(draft: Draft, wave: Wave): 'moved' | 'stays' {
  const by = wave.approvedBy;
  if (by !== null && mayApprove(draft.before, wave, by)) {
    setWave(draft, wave, { state: 'passed', reason: null });
    draft.reason = null;
    return 'moved';
  }
  const who = wave.gate.approval === 'not-starter' ? ` by somebody else than ${draft.before.starter}` : '';
  draft.reason = `${titled(wave.name)} waits for its approval${who}`;
  return 'stays';
}

export function mayApprove(
  { starter }: Pick<Rollout, 'starter'>,
  { gate }: Pick<Wave, 'gate'>,
  by: string,
): boolean {
  return gate.approval !== 'not-starter' || by !== starter;
}
