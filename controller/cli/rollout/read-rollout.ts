import { dirname, resolve } from 'node:path';
import { MIB } from '../../../proto/limits.ts';
import type { RolloutBody } from '../../api/contract.ts';
import type { Path } from '../../documents/document.ts';
import { problemsFailure, readTasks } from '../bundle/read-bundle.ts';
import type { Client } from '../client.ts';
import { wrongUse } from '../failure.ts';
import { readBytes } from '../files.ts';
import { defined } from '../job-body.ts';
import { readSelection } from '../selection.ts';
import type { Surroundings } from '../surroundings.ts';
import { type ChangeSource, type ReadyChange, readChange } from './change.ts';
import { changeOf, probesOf, type RolloutOptions, refuseBeside, settingsOf, wavesOf } from './flags.ts';
import { type ParsedRollout, parseRollout, type RolloutFrame, STEP_KEYS, type StepKey } from './parse.ts';
import { placed } from './placed.ts';
import { type ReadyTasks, ready, tasksOf } from './steps.ts';

/** A rollout as it was asked for: read, checked as far as that goes without the controller. */
export interface AskedRollout {
  /** Brings what has to be at the controller there, and says the whole of it. */
  body(client: Client): Promise<{ body: RolloutBody; warnings: string[] }>;
  /** A refusal of the controller, with the line of the file where it is one's. */
  placed(error: unknown): unknown;
}

const FILE_BYTES = MIB;

/** What a file or the flags ask for. Throws a Failure (wrong use) with all that is wrong, by line. */
export async function readRollout(
  surroundings: Surroundings,
  options: RolloutOptions,
): Promise<AskedRollout> {
  const { file } = options;
  const selection = await readSelection(surroundings, options);
  const said = { ...settingsOf(options), ...defined(selection) };
  if (file === undefined) return asked(surroundings, options, await fromFlags(surroundings, options, said));
  refuseBeside(options);
  const called = file === '-' ? 'standard input' : file;
  const bytes =
    file === '-' ? await surroundings.stdin.readAll(FILE_BYTES) : await readBytes(file, FILE_BYTES);
  const parsed = parseRollout(bytes);
  if ('problems' in parsed) throw problemsFailure(called, parsed.problems);
  const { rollout } = parsed;
  const folder = file === '-' ? '.' : dirname(file);
  const steps = await stepsOf(surroundings, rollout, called, folder);
  return asked(surroundings, options, {
    ...{ folder, steps, called, lineOf: rollout.lineOf },
    frame: overlaid(rollout.frame, said),
    change: sourceOf(rollout.change),
  });
}

interface Read {
  folder: string;
  frame: RolloutFrame;
  change: ChangeSource;
  steps: Partial<Record<StepKey, ReadyTasks>>;
  called?: string;
  lineOf?: (path: Path) => number;
}

async function fromFlags(
  surroundings: Surroundings,
  options: RolloutOptions,
  said: RolloutFrame,
): Promise<Read> {
  const change = changeOf(options);
  if (change === undefined)
    throw wrongUse(
      'there is nothing to roll out',
      'say what: -f rollout.yaml, --plan plan.json, --bundle site.yaml, --copy FILE:/PATH or --upgrade',
    );
  if (!('plan' in change) && said.targets === undefined && said.selector === undefined)
    throw wrongUse('nobody is named', 'say who is meant: -t NAMES or -l SELECTOR; everybody is "-t all"');
  const steps: Read['steps'] = {};
  for (const key of STEP_KEYS) {
    const name = options[key];
    if (name !== undefined) steps[key] = (await tasksOf(surroundings, name)).tasks;
  }
  const waves = wavesOf(options);
  const probes = probesOf(options);
  return {
    ...{ folder: '.', steps, change: 'upgrade' in change ? { upgrade: {} } : change },
    frame: {
      ...said,
      ...(waves.length === 0 ? {} : { waves }),
      ...(probes.length === 0 ? {} : { probes }),
    },
  };
}

/** What is said on the command line wins; who is meant is said as a whole. */
function overlaid(frame: RolloutFrame, said: RolloutFrame): RolloutFrame {
  const { targets, selector, ...others } = frame;
  const who = said.targets === undefined && said.selector === undefined ? defined({ targets, selector }) : {};
  const gate = said.gate === undefined ? {} : { gate: { ...frame.gate, ...said.gate } };
  return { ...others, ...who, ...said, ...gate };
}

function sourceOf(change: ParsedRollout['change']): ChangeSource {
  const { plan, bundle, copy, upgrade } = change;
  if (plan !== undefined)
    return {
      plan,
      ...defined({ configFiles: change['config-files'], lockWaitMs: change['lock-wait'] }),
    };
  if (bundle !== undefined) return { bundle };
  if (copy !== undefined) return { copy };
  return {
    upgrade:
      upgrade === true || upgrade === undefined ? {} : defined({ onlineWithinMs: upgrade['online-within'] }),
  };
}

async function stepsOf(
  surroundings: Surroundings,
  { steps }: ParsedRollout,
  called: string,
  folder: string,
): Promise<Read['steps']> {
  const made: Read['steps'] = {};
  for (const key of STEP_KEYS) {
    const step = steps[key];
    if (step === undefined) continue;
    if ('bundle' in step)
      made[key] = (await tasksOf(surroundings, resolve(folder, step.bundle.source))).tasks;
    else {
      const read = await readTasks(surroundings, step.tasks, folder);
      if ('problems' in read) throw problemsFailure(called, read.problems);
      made[key] = ready(read.value);
    }
  }
  return made;
}

async function asked(
  surroundings: Surroundings,
  { maxPlanAge, runtime, configFiles, lockWait }: RolloutOptions,
  { folder, frame, change, steps, called, lineOf }: Read,
): Promise<AskedRollout> {
  const { withoutWayBack, targets, selector } = frame;
  const make: ReadyChange = await readChange(surroundings, change, {
    ...{ folder, withoutWayBack, maxAgeMs: maxPlanAge, runtimes: runtime },
    ...{ configFiles, lockWaitMs: lockWait },
  });
  return {
    async body(client) {
      const made = await make(client, defined({ targets, selector }));
      const body: RolloutBody = {
        ...frame,
        change: made.change,
        ...(made.targets === undefined ? {} : { targets: made.targets }),
      };
      for (const key of STEP_KEYS) {
        const tasks = steps[key];
        if (tasks) body[key] = await tasks(client);
      }
      return { body, warnings: made.warnings };
    },
    placed: (error) => placed(error, { called, lineOf }),
  };
}
