import type { TestContext } from 'node:test';
import { commandLine } from '../../../controller/cli/command-line.ts';
import { fakeApi, type Handlers, testHome } from './fake-api.ts';
import { JOB, script, stream, target } from './fake-job.ts';
import { type FakeTerminalOptions, fakeTerminal } from './fake-terminal.ts';

export interface Stage extends Omit<FakeTerminalOptions, 'home'> {
  targets?: string[];
  events?: string[];
  handlers?: Handlers;
}

/** `muster run` against a controller that makes one job with these targets and tells these events. */
export async function stage(
  t: TestContext,
  { targets = ['web-1'], events = [], handlers = {}, ...options }: Stage,
) {
  const api = await fakeApi(t, {
    'jobs.create': () => ({ job: JOB, targets: targets.map(target), tasks: ['true'], created: true }),
    'jobs.events': () => stream(events),
    ...handlers,
  });
  const home = await testHome(t, api);
  const terminal = fakeTerminal({ home, ...options });
  const created = () => api.calls.find(({ name }) => name === 'jobs.create');
  return {
    api,
    terminal,
    home,
    created,
    run: (...argv: string[]) => commandLine(['run', ...argv], terminal),
  };
}

/** One host that succeeds. */
export const oneWell = (): string[] =>
  script().created().output('web-1', 'Linux\n').state('web-1', 'succeeded', {}).over().events;
