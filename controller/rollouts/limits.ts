import { type Draft, setHost } from './draft.ts';
import { canGoBack, currentWave, isAtWork, isFailure } from './rollout.ts';
import { counted, namesOf, titled } from './sentence.ts';

/** Why nothing may begin any more, or undefined as long as failures are within the limits. */
export function limitProblem(draft: Draft): string | undefined {
  const { tally, policy, waves } = draft;
  if (tally.failures > policy.maxFailures) return passed(draft, null, policy.maxFailures);
  const wave = waves.find(
    ({ index, maxFailures }) => maxFailures !== null && (tally.waves[index]?.failures ?? 0) > maxFailures,
  );
  return wave === undefined ? undefined : passed(draft, wave, wave.maxFailures ?? 0);
}

function passed(draft: Draft, wave: { index: number; name: string } | null, most: number): string {
  const failed = draft.hosts.filter((host) => isFailure(host) && (wave === null || host.wave === wave.index));
  const where = wave === null ? '' : ` of ${titled(wave.name)}`;
  const [first] = failed;
  const of = failed.length === 1 ? '' : `${first?.name}: `;
  const why = first?.reason ? ` (${of}${first.reason})` : '';
  return `${counted(failed.length, 'host')}${where} failed, and ${most} may: ${namesOf(failed)}${why}`;
}

/** Nothing further begins, and by policy hosts that are changed already are wanted back. */
export function stop(draft: Draft, reason: string): void {
  const { onFailure } = draft.policy;
  draft.state = 'stopped';
  draft.reason = reason;
  if (onFailure === 'host' || onFailure === 'none') return;
  const wave = currentWave(draft)?.index;
  let wanted = 0;
  draft.hosts.forEach((host, index) => {
    if (onFailure === 'wave' && host.wave !== wave) return;
    const isChanged =
      host.phase === 'done' || host.phase === 'failed' || host.phase === 'lost' || isAtWork(host);
    if (!isChanged || !canGoBack(host, draft.policy)) return;
    wanted += 1;
    if (!host.back) setHost(draft, index, { ...host, back: true });
  });
  if (onFailure === 'all' && wanted > 0) draft.state = 'rolling-back';
}
