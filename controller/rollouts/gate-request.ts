import type { GateRequest } from './request.ts';
import type { Gate, Policy, Wave } from './rollout.ts';
import { counted, titled } from './sentence.ts';
import type { Findings, Share } from './waves.ts';

export function gateOf({ success, soakMs, approval }: GateRequest): Gate {
  const [, percent] = /^(\d{1,7})%$/.exec(success ?? '') ?? [];
  const isAsked = success !== undefined;
  return {
    successPercent: isAsked ? Number(percent) : null,
    soakMs: soakMs ?? 0,
    approval: approval ?? 'nobody',
  };
}

/** Gates that cannot hold, and those that say something else than what was meant. */
export function checkGate(
  of: { wave: Wave; share: Share; policy: Policy; isLimited: boolean; isLast: boolean },
  { problems, warnings }: Findings,
): void {
  const { wave, share, policy } = of;
  const { successPercent, soakMs, approval } = wave.gate;
  const title = titled(wave.name);
  if (successPercent !== null && !(successPercent >= 0 && successPercent <= 100)) {
    problems.push(`${title}: success is a share from 0% to 100%`);
    return;
  }
  if (!(soakMs >= 0)) problems.push(`${title}: soakMs is a time from 0`);
  const { hosts, observers, controller } = policy.probes;
  if (soakMs > 0 && !hosts && !observers && !controller)
    warnings.push(`${title} only waits while it soaks: there are no probes that could fail`);
  if (approval !== 'nobody' && of.isLast && share.asked.gate?.approval !== undefined)
    warnings.push(`${title} is the last: nothing is left that an approval could hold up`);
  const isLimited = of.isLimited || wave.maxFailures !== null;
  if (successPercent === null || !isLimited) return;
  const count = share.hosts.length;
  const mayFail = count - Math.ceil((count * successPercent) / 100);
  const limit = Math.min(wave.maxFailures ?? policy.maxFailures, policy.maxFailures);
  if (mayFail < Math.min(limit, count))
    warnings.push(
      `${title}: ${successPercent}% of ${counted(count, 'host')} lets ${mayFail} fail, which is less than maxFailures ${limit}`,
    );
  else if (mayFail > limit)
    warnings.push(
      `${title}: maxFailures ${limit} stops it before its gate does, which lets ${mayFail} of ${counted(count, 'host')} fail`,
    );
}
