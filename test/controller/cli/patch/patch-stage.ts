import type { TestContext } from 'node:test';
import type { JobBody, Outcome, RunState } from '../../../../controller/api/contract.ts';
import { commandLine } from '../../../../controller/cli/command-line.ts';
import type { PackageScan, PendingUpdate } from '../../../../proto/packages.ts';
import { fakeApi, type Handlers, testHome } from '../fake-api.ts';
import { JOB, script, stream, target } from '../fake-job.ts';
import { type FakeTerminalOptions, fakeTerminal } from '../fake-terminal.ts';
import { FLEET, MADE_AT } from './fake-plan.ts';

/** What one host does with what it is asked: an answer, bytes of its own, or no success. */
export type Says = object | string | Uint8Array | { state: RunState; outcome: Partial<Outcome> };

export interface Stage extends Omit<FakeTerminalOptions, 'home'> {
  hosts: Record<string, Says>;
  handlers?: Handlers;
}

/** `muster patch` against a controller whose agents answer so. */
export async function stage(t: TestContext, { hosts, handlers = {}, ...options }: Stage) {
  const names = Object.keys(hosts);
  const events = (): string[] => {
    const told = script().created();
    for (const [name, says] of Object.entries(hosts)) {
      if (typeof says === 'object' && 'state' in says) {
        told.state(name, says.state, says.outcome);
        continue;
      }
      told.output(name, 'Get:1 http://repo.example/ InRelease\n', 'stderr');
      const bytes = typeof says === 'string' || says instanceof Uint8Array ? says : JSON.stringify(says);
      // In pieces, as it comes over the wire.
      const data = Buffer.from(bytes);
      for (let at = 0; at < data.length; at += 65_536) told.output(name, data.subarray(at, at + 65_536));
      told.state(name, 'succeeded', {});
    }
    return told.over().events;
  };
  const api = await fakeApi(t, {
    status: () => STATUS,
    whoami: () => ({ name: 'kim', role: 'runner' }),
    'targets.list': () => names.map(target),
    'jobs.create': () => ({ job: JOB, targets: names.map(target), tasks: ['packages'], created: true }),
    'jobs.events': () => stream(events()),
    ...handlers,
  });
  const home = await testHome(t, api);
  const terminal = fakeTerminal({ home, ...options });
  return {
    ...{ api, terminal, home },
    created: () => api.calls.find(({ name }) => name === 'jobs.create'),
    /** What the job was asked for. */
    asked: () => Object(api.calls.find(({ name }) => name === 'jobs.create')?.body) as JobBody,
    patch: (...argv: string[]) => commandLine(['patch', ...argv], terminal),
    out: () => terminal.stdout.text(),
    err: () => terminal.stderr.text(),
    json: () => JSON.parse(terminal.stdout.text()),
  };
}

export const STATUS = {
  ...{ version: '0.1.0', fleetId: FLEET, urls: [], timeMs: MADE_AT, startedAtMs: 0 },
  ...{ agents: { known: 1, online: 1, pending: 0, quarantined: 0 }, jobs: { running: 0 } },
  rollouts: { open: 0, stopped: 0 },
  ...{ trust: { serial: 1, expiresAtMs: 0 }, rootKeyHere: false, warnings: [] },
  storage: {
    ...{ databaseBytes: 0, reusableBytes: 0, outputBytes: 0, contentBytes: 0, freeBytes: null },
    ...{ oldestJobAtMs: null, full: null, keepJobsMs: null, keepOutputMs: null },
    ...{ maxOutputBytes: null, reserveBytes: 0 },
  },
};

export function waits(name: string, to: string, more: Partial<PendingUpdate> = {}): PendingUpdate {
  return {
    ...{ name, arch: 'amd64', from: '1.0-1', to, security: false, held: false },
    ...{ sinceMs: MADE_AT - 9 * 86_400_000, ...more },
  };
}

export function scanOf(pending: PendingUpdate[], more: Partial<PackageScan> = {}): PackageScan {
  return { version: 1, manager: 'apt', pending, rebootNeeded: false, restarts: [], ...more };
}
