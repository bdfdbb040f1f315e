/** The jobs of a rollout: what is ordered in each of its steps, and of whom. Pure. */
import type { JobRequest } from '../jobs/request.ts';
import type { ProbeRequest, TaskRequest } from '../jobs/task.ts';
import { type OwnProbe, PROBE_TIMES } from './probing.ts';
import type { RolloutProbeRequest, RolloutRequest } from './request.ts';
import { STEPS, type Step, type Wave } from './rollout.ts';

export type JobStep = Step | 'soak' | 'observe';

/** `ids`: whom it is of; null: the observers of `probe`. */
export interface StepJob {
  readonly step: JobStep;
  readonly wave: number | null;
  readonly request: JobRequest;
  readonly ids: readonly string[] | null;
  /** Of an observe job, the probe whose `from` says who they are. */
  readonly probe: RolloutProbeRequest | null;
}

const DEFAULTS = {
  lifeMs: 7 * 86_400_000,
  ttlMs: 600_000,
  timeoutMs: 3_600_000,
  rebootTimeoutMs: 600_000,
} as const;
/** What a run takes besides its probes. */
const SLACK_MS = 60_000;

export function nameOfRollout({ name, change }: RolloutRequest): string {
  return (name ?? change.title).slice(0, 100);
}

/** How long its orders are good. */
export function lifeOf({ lifeMs = DEFAULTS.lifeMs }: RolloutRequest): number {
  return lifeMs;
}

export function rebootOf({ reboot, change }: RolloutRequest): 'never' | 'if-needed' | 'always' {
  return reboot ?? (change.kind === 'plan' ? 'if-needed' : 'never');
}

/** Which tasks of a step bring the machine to another boot. */
export function rebootsIn(tasks: readonly TaskRequest[]): number[] {
  return tasks.flatMap((task, index) => ('reboot' in task ? [index] : []));
}

/** Those that are carried out from here, and those of hosts. */
export function ownProbes({ probes = [] }: RolloutRequest): OwnProbe[] {
  return probes.flatMap((probe) =>
    probe.from === 'controller' && ('http' in probe || 'tcp' in probe)
      ? [withoutFrom(probe) as OwnProbe]
      : [],
  );
}

export function hostProbes({ probes = [] }: RolloutRequest): RolloutProbeRequest[] {
  return probes.filter(({ from = 'host' }) => from === 'host');
}

export function observerProbes({ probes = [] }: RolloutRequest): RolloutProbeRequest[] {
  return probes.filter(({ from }) => typeof from === 'object');
}

/** `hosts`: in the order in which they begin. */
export function stepJobs(
  request: RolloutRequest,
  waves: readonly Wave[],
  hosts: readonly { id: string; wave: number; wayBack: boolean }[],
): StepJob[] {
  const { ttlMs = DEFAULTS.ttlMs, timeoutMs = DEFAULTS.timeoutMs, reason } = request;
  const name = nameOfRollout(request);
  const job = (step: JobStep, tasks: TaskRequest[], wave: number | null = null, leastMs = 0): JobRequest => {
    const boots = rebootsIn(tasks).length > 0 ? (request.rebootTimeoutMs ?? DEFAULTS.rebootTimeoutMs) : 0;
    const title = `${name}: ${step}${wave === null ? '' : ` of wave ${waves[wave]?.name ?? wave}`}`;
    return {
      ...{ tasks, title: title.slice(0, 255), ttlMs, timeoutMs: Math.max(timeoutMs, leastMs) + boots },
      ...(reason === undefined ? {} : { reason }),
    };
  };
  const ids = hosts.map(({ id }) => id);
  const jobs: StepJob[] = [];
  const add = (step: JobStep, request: JobRequest, of: readonly string[] = ids): void =>
    void jobs.push({ step, wave: null, request, ids: of, probe: null });

  for (const step of STEPS) {
    const tasks = tasksOf(step, request);
    if (tasks.length === 0) continue;
    const of = step === 'undo' ? hosts.filter(({ wayBack }) => wayBack).map(({ id }) => id) : ids;
    if (of.length === 0) continue;
    const leastMs = step === 'check' ? probesMs(hostProbes(request)) : 0;
    add(step, { ...job(step, tasks, null, leastMs), ...transactionsOf(tasks, request) }, of);
  }
  for (const wave of waves) {
    const { soakMs } = wave.gate;
    const members = hosts.filter((host) => host.wave === wave.index).map(({ id }) => id);
    // Each a job of its own: they have to hold at the same time, and the tasks of one come after each other.
    if (soakMs > 0)
      for (const probe of hostProbes(request)) {
        const tasks = [taskOf(probe, soakMs)];
        const held = job('soak', tasks, wave.index, probesMs([probe], soakMs));
        jobs.push({ step: 'soak', wave: wave.index, request: held, ids: members, probe: null });
      }
    for (const probe of observerProbes(request)) {
      const tasks = [taskOf(probe, Math.max(soakMs, probe.holdMs ?? 0))];
      const held = job('observe', tasks, wave.index, probesMs([probe], soakMs));
      jobs.push({ step: 'observe', wave: wave.index, request: held, ids: null, probe });
    }
  }
  return jobs;
}

export function tasksOf(step: Step, request: RolloutRequest): TaskRequest[] {
  const { change, pre = [], post = [], undo = [] } = request;
  switch (step) {
    case 'pre':
      return pre;
    case 'change':
      return [...change.tasks, ...rebootTask(request)];
    case 'check':
      return hostProbes(request).map((probe) => taskOf(probe, probe.holdMs));
    case 'post':
      return post;
    case 'undo':
      if (change.plan) return [{ packages: { action: 'revert' } }, ...rebootTask(request)];
      return undo.length === 0 ? [] : [...undo, ...rebootTask(request)];
    case 'restore':
      return post;
  }
}

function rebootTask(request: RolloutRequest): TaskRequest[] {
  const reboot = rebootOf(request);
  if (reboot === 'never') return [];
  const { rebootTimeoutMs: timeoutMs = DEFAULTS.rebootTimeoutMs } = request;
  return [{ reboot: { timeoutMs, ifNeeded: reboot === 'if-needed' } }];
}

function transactionsOf(
  tasks: readonly TaskRequest[],
  { change }: RolloutRequest,
): Pick<JobRequest, 'transactions'> {
  const isWanted = tasks.some(
    (task) => 'packages' in task && (task.packages.action === 'apply' || task.packages.action === 'revert'),
  );
  if (!isWanted || !change.plan) return {};
  return {
    transactions: change.plan.hosts.map(({ agentIds, manager, changes }) => ({ agentIds, manager, changes })),
  };
}

function withoutFrom({ from: _, ...probe }: RolloutProbeRequest): { name: string } & ProbeRequest {
  return probe;
}

function taskOf(probe: RolloutProbeRequest, holdMs: number | undefined): TaskRequest {
  const { name, ...rest } = withoutFrom(probe);
  return { name, probe: { ...rest, ...(holdMs === undefined ? {} : { holdMs }) } };
}

function probesMs(probes: readonly RolloutProbeRequest[], soakMs = 0): number {
  return probes.reduce(
    (sum, { withinMs = PROBE_TIMES.withinMs, holdMs = 0 }) => sum + withinMs + Math.max(holdMs, soakMs),
    SLACK_MS,
  );
}
