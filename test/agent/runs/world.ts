import type { AgentPorts } from '../../../agent/agent.ts';
import type { CheckedRun, RunSpec } from '../../../agent/executor/run.ts';
import type { Journal } from '../../../agent/spool/journal.ts';
import { MusterError } from '../../../proto/errors.ts';
import { type AgentWorld, agentWorld } from '../../support/agent-world.ts';

/** The codes of deliveries that were refused by a status. */
export function refusals(at: AgentWorld): string[] {
  const statuses = at.controller.session().of('status');
  return statuses.filter((status) => status.state === 'refused').map((status) => status.code);
}

/** State and code of every report that came, with repetitions. */
export function outcomes(at: AgentWorld): string[] {
  return at.controller.reports().map((report) => `${report.state} ${report.code}`.trim());
}

/** An agent that is online. */
export async function world(
  t: { after(fn: () => unknown): void },
  change: Partial<AgentPorts> = {},
): Promise<AgentWorld> {
  const made = await agentWorld(t, change);
  await made.start();
  return made;
}

/** What the executor's check finds where nothing is wrong. */
export function checked(spec: RunSpec): CheckedRun {
  const account = { name: '', uid: 0, gid: 0, home: '/', shell: '' };
  return { spec, cwd: '/', otherUser: false, account };
}

/** A journal whose disk fails, for these methods, until it is mended. */
export function failing(at: AgentWorld, ...methods: (keyof Journal)[]): { mend(): void } {
  const journal = at.journal as unknown as Record<string, unknown>;
  const before = methods.map((method) => [method, journal[method]] as const);
  for (const method of methods)
    journal[method] = () => {
      throw new MusterError('journal-failed', 'disk I/O error');
    };
  return { mend: () => void Object.assign(journal, Object.fromEntries(before)) };
}
