import { type Clock, delay } from '../../../proto/clock.ts';
import type { Message } from '../../../proto/codec.ts';
import { MusterError } from '../../../proto/errors.ts';
import { openrc } from '../../service/openrc.ts';
import { judgeService, planService, type ServiceVerdict, type ServiceWish } from '../../service/plan.ts';
import type { Action, Answer, InitSystem, Service } from '../../service/service.ts';
import { systemd } from '../../service/systemd.ts';
import type { Programs } from '../program.ts';
import type { StepContext, StepResult } from '../step.ts';
import { lineOf } from './file.ts';

export interface ServicePorts {
  readonly clock: Clock;
  readonly programs: Pick<Programs, 'isDirectory'>;
}

/** Between two looks at a service that was acted upon, and how often at most. */
const LOOK_MS = 500;
const MOST_LOOKS = 30;
/** Of what a query answers; no honest answer is so long. */
const ANSWER_BYTES = 256 * 1024;

/** Brings a service to what it is to be, and looks whether it stays so. What its init system says goes to the output. */
export async function bringService(
  task: Message<'ServiceTask'>,
  ports: ServicePorts,
  context: StepContext,
): Promise<StepResult> {
  const init = initOf(ports.programs);
  if (!init) return failed('neither systemd nor OpenRC runs on this machine');
  const { unit } = task;
  const wish = wishOf(task);
  const commands = commandsOf(context);
  const before = await query(init, unit, commands);
  const { check } = context.spec;
  // What an earlier task of the run would install is not there in a check.
  if (check && before.problem?.isUnknown && context.index > 0) {
    say(context, `${unit}: not known yet; an earlier task may bring it`);
    return { state: 'succeeded', change: 'would-change' };
  }
  const plan = planService(wish, before);
  if (plan.is === 'impossible') return failed(`${unit}: ${plan.why}`);
  if (plan.is === 'unchanged') return { state: 'succeeded', change: 'unchanged' };
  if (!check) {
    const why = await act(init, unit, plan.actions, commands);
    const verdict = await settled({ init, unit, wish, before, commands }, ports.clock, context.signal);
    if (verdict.is !== 'done' || why !== undefined) {
      await tellLastWords(init, unit, commands, context);
      return failed(`${unit}: ${verdict.is === 'failed' ? verdict.why : (why ?? 'it does not settle')}`);
    }
  }
  say(context, lineOf(unit, plan.says, check));
  return { state: 'succeeded', change: check ? 'would-change' : 'changed' };
}

const failed = (reason: string): StepResult => ({ state: 'failed', reason });

function say(context: StepContext, line: string): void {
  context.write('stdout', Buffer.from(`${line}\n`));
}

/** As sd_booted(3) and OpenRC's own scripts tell: which of them runs, not which is installed. */
function initOf(programs: Pick<Programs, 'isDirectory'>): InitSystem | undefined {
  if (programs.isDirectory('/run/systemd/system')) return systemd;
  return programs.isDirectory('/run/openrc') ? openrc : undefined;
}

function wishOf({ state, enabled }: Message<'ServiceTask'>): ServiceWish {
  const isState = state === 'started' || state === 'stopped' || state === 'restarted' || state === 'reloaded';
  if (!isState && state !== '') throw new MusterError('bad-task', `a service cannot be ${state}`);
  return {
    ...(isState && { state }),
    ...(enabled !== '' && { enabled: enabled === 'yes' }),
  };
}

/** The init system's commands, in folders of their own: an agent that takes a start up is not to mistake it for a stop. */
interface Commands {
  ask(argv: readonly string[]): Promise<Answer>;
  /** With its output in the run's. Why it failed, or undefined. */
  run(part: Action | 'words', argv: readonly string[]): Promise<string | undefined>;
}

function commandsOf(context: StepContext): Commands {
  let asked = 0;
  return {
    async ask(argv) {
      const pieces: Buffer[] = [];
      let size = 0;
      const take = (stream: string, data: Uint8Array) => {
        if (stream !== 'stdout' || size >= ANSWER_BYTES) return;
        size += data.length;
        pieces.push(Buffer.from(data));
      };
      const ending = await context.command(`ask${inLetters(asked++)}`, { argv, take });
      if (ending.kind === 'not-started') throw new Error(ending.reason);
      if (ending.kind !== 'exited') throw new Error(`${argv[0]} was ended`);
      // Of the shell, which could not execute it.
      if (ending.reason !== undefined) throw new Error(ending.reason);
      return { exitCode: ending.exitCode, stdout: Buffer.concat(pieces).toString() };
    },
    async run(part, argv) {
      const ending = await context.command(part, { argv });
      if (ending.kind === 'not-started') return ending.reason;
      if (ending.kind !== 'exited') return `${argv[0]} was ended`;
      return ending.exitCode === 0 ? undefined : `${argv[0]} exited with ${ending.exitCode}`;
    },
  };
}

/** 0 is `aa`, 25 is `az`. */
function inLetters(number: number): string {
  return String.fromCharCode(97 + (Math.floor(number / 26) % 26), 97 + (number % 26));
}

async function query(init: InitSystem, unit: string, commands: Commands): Promise<Service> {
  const answers: Answer[] = [];
  for (const argv of init.queries(unit)) answers.push(await commands.ask(argv));
  return init.read(unit, answers);
}

/** Up to the first that fails; returns why. */
async function act(
  init: InitSystem,
  unit: string,
  actions: readonly Action[],
  commands: Commands,
): Promise<string | undefined> {
  for (const action of actions) {
    const why = await commands.run(action, init.command(action, unit));
    if (why !== undefined) return `${action} failed: ${why}`;
  }
  return undefined;
}

async function settled(
  of: { init: InitSystem; unit: string; wish: ServiceWish; before: Service; commands: Commands },
  clock: Clock,
  signal: AbortSignal,
): Promise<ServiceVerdict> {
  let earlier: Service | undefined;
  let verdict: ServiceVerdict = { is: 'settling' };
  for (let look = 0; look < MOST_LOOKS && verdict.is === 'settling'; look++) {
    if (look > 0) await delay(clock, LOOK_MS, signal);
    const after = await query(of.init, of.unit, of.commands);
    verdict = judgeService(of.wish, of.before, after, earlier);
    earlier = after;
  }
  if (verdict.is === 'settling' && earlier)
    return { is: 'failed', why: `it does not settle: it is ${earlier.says}` };
  return verdict;
}

async function tellLastWords(
  init: InitSystem,
  unit: string,
  commands: Commands,
  context: StepContext,
): Promise<void> {
  if (context.signal.aborted) return;
  say(context, `${unit}: its last words:`);
  await commands.run('words', init.lastWords(unit));
}
