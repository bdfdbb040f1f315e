import type { Action, Service } from './service.ts';

/** What a service is to be; undefined: as it is. */
export interface ServiceWish {
  readonly state?: 'started' | 'stopped' | 'restarted' | 'reloaded';
  readonly enabled?: boolean;
}

export type ServicePlan =
  | { readonly is: 'impossible'; readonly why: string }
  | { readonly is: 'unchanged' }
  | { readonly is: 'act'; readonly actions: readonly Action[]; readonly says: string };

export function planService(wish: ServiceWish, service: Service): ServicePlan {
  const actions: Action[] = [];
  const says: string[] = [];
  const { problem } = service;
  // What cannot be started does not run, and what cannot be enabled does not start by itself.
  const wantsNothing = wish.state !== undefined && wish.state !== 'stopped' ? false : wish.enabled !== true;
  if (problem && (problem.isUnknown || !wantsNothing)) return { is: 'impossible', why: problem.why };
  if (wish.enabled !== undefined && service.enabled !== (wish.enabled ? 'yes' : 'no')) {
    if (service.enabled !== 'fixed') {
      actions.push(wish.enabled ? 'enable' : 'disable');
      says.push(wish.enabled ? 'enabled' : 'disabled');
    } else if (wish.enabled)
      return { is: 'impossible', why: `it cannot be enabled: it is ${service.enabledSays}` };
  }
  const run = planState(wish, service);
  if (run && 'why' in run) return { is: 'impossible', why: run.why };
  if (run) {
    actions.push(run.action);
    says.push(`${wish.state} (was ${service.says})`);
  }
  if (actions.length === 0) return { is: 'unchanged' };
  return {
    is: 'act',
    actions: service.isStale ? ['refresh', ...actions] : actions,
    says: says.join(', '),
  };
}

function planState(
  { state }: ServiceWish,
  { running, says, canReload }: Service,
): { action: Action } | { why: string } | undefined {
  switch (state) {
    case undefined:
      return undefined;
    case 'started':
      return running === 'running' ? undefined : { action: 'start' };
    case 'stopped':
      return running === 'stopped' || running === 'failed' ? undefined : { action: 'stop' };
    case 'restarted':
      return { action: 'restart' };
    case 'reloaded':
      if (running !== 'running') return { why: `it cannot be reloaded: it is ${says}` };
      if (canReload === false) return { why: 'it cannot be reloaded, only restarted' };
      return { action: 'reload' };
  }
}

/** Looks at what became of it. `settling`: look again. */
export type ServiceVerdict =
  | { readonly is: 'done' }
  | { readonly is: 'settling' }
  | { readonly is: 'failed'; readonly why: string };

/**
 * Whether a service is what was wished after it was acted upon. A command's success says little: systemctl starts a
 * program, and is content, though that ends at once. `earlier`: how it looked at the last look.
 */
export function judgeService(
  wish: ServiceWish,
  before: Service,
  after: Service,
  earlier: Service | undefined,
): ServiceVerdict {
  if (wish.enabled === true && after.enabled !== 'yes')
    return { is: 'failed', why: `it was not enabled: it is ${after.enabledSays || 'in no runlevel'}` };
  if (wish.enabled === false && after.enabled === 'yes') return { is: 'failed', why: 'it was not disabled' };
  if (wish.state === undefined) return { is: 'done' };
  if (after.running === 'changing') return { is: 'settling' };
  const runs = after.running === 'running';
  if (wish.state === 'stopped') return runs ? { is: 'failed', why: `it is ${after.says}` } : { is: 'done' };
  if (!runs && !(after.isOneshot && after.running === 'stopped'))
    return { is: 'failed', why: `it is ${after.says}` };
  if (wish.state === 'restarted' && after.instance !== '' && after.instance === before.instance)
    return { is: 'failed', why: 'it still runs as before' };
  // It may end, or be started anew by its init system, a moment after it was started.
  return earlier && earlier.instance === after.instance && earlier.running === after.running
    ? { is: 'done' }
    : { is: 'settling' };
}
