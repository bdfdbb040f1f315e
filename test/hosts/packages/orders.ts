/** Tasks with packages, as an operator orders them, and what became of them on one host. */
import type { PackagesBody } from '../../../controller/api/task-messages.ts';
import type { PackageManagerName, PackagePlan, Versions } from '../../../proto/packages.ts';
import type { TestFleet } from '../../e2e/fleet.ts';
import { until } from '../../support/until.ts';

export interface PackagesEnd {
  readonly state: string;
  readonly reason: string | null;
  readonly code: string | null;
  readonly change: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface PackagesOrder extends PackagesBody {
  readonly changes?: readonly Versions[];
  readonly check?: boolean;
}

const OVER_MS = 60_000;

export function packageOrders(fleet: TestFleet, manager: PackageManagerName = 'apt') {
  async function begin(agent: string, { changes, check, ...packages }: PackagesOrder): Promise<string> {
    const { id } = await fleet.client.call('agents.show', { params: { agent } });
    const transactions = changes && [{ agentIds: [id], manager, changes: changes.map(versionsOf) }];
    const body = {
      ...{ targets: agent, tasks: [{ packages }] },
      ...(transactions && { transactions }),
      ...(check && { check }),
    };
    return (await fleet.client.call('jobs.create', { body })).job;
  }

  async function end(job: string): Promise<PackagesEnd> {
    const run = await until(
      'the job is over',
      async () => {
        const { state, runs } = await fleet.client.call('jobs.show', { params: { job } });
        return state === 'over' ? runs[0] : undefined;
      },
      OVER_MS,
    );
    const said = async (stream: 'stdout' | 'stderr'): Promise<string> => {
      let text = '';
      const given = { params: { job, agent: run.agentId }, query: { stream } };
      for await (const piece of await fleet.client.open('jobs.output', given))
        text += Buffer.from(piece).toString();
      return text;
    };
    const [stdout, stderr] = await Promise.all([said('stdout'), said('stderr')]);
    const [task] = run.tasks;
    return {
      ...{ state: run.state, reason: run.reason, stdout, stderr },
      ...{ change: task?.change ?? null, code: task?.code ?? null },
    };
  }

  const carryOut = async (agent: string, order: PackagesOrder): Promise<PackagesEnd> =>
    end(await begin(agent, order));
  return {
    begin,
    end,
    carryOut,
    /** What a plan of this host says. */
    async plan(agent: string, order: Omit<PackagesOrder, 'action'> = {}): Promise<PackagePlan> {
      const { state, reason, stdout, stderr } = await carryOut(agent, { ...order, action: 'plan' });
      if (state !== 'succeeded') throw new Error(`no plan: ${reason}\n${stderr}`);
      return JSON.parse(stdout) as PackagePlan;
    },
  };
}

/** What a plan says of a change besides is not part of the order. */
const versionsOf = ({ name, arch, from, to }: Versions): Versions => ({ name, arch, from, to });
