import { type Clock, delay } from '../../../proto/clock.ts';
import type { Message } from '../../../proto/codec.ts';
import type { ProbeSockets } from '../../../proto/probe-socket.ts';
import { addTry, beginProbe, nextTry, type ProbeState, succeeded } from '../../../proto/probe-state.ts';
import { messageOf } from '../commands.ts';
import type { StepContext, StepResult } from '../step.ts';

export interface ProbePorts {
  readonly clock: Clock;
  readonly sockets: ProbeSockets;
}

type ProbeTask = Message<'ProbeTask'>;

/** Why a try failed. */
interface Failure {
  readonly why: string;
  readonly exitCode?: number;
}

/**
 * Tries until it holds and for as long as it has to, or has failed. The output has a line for each of these, and none for a try. An agent
 * after one that died over it begins anew: nobody looked meanwhile.
 */
export async function probe(task: ProbeTask, ports: ProbePorts, context: StepContext): Promise<StepResult> {
  const { clock } = ports;
  const what = nameOf(task);
  const say = (line: string) => context.write('stderr', Buffer.from(`${line}\n`));
  if (context.spec.check) {
    say(`${what}: not asked in a check`);
    return { state: 'succeeded', change: 'unchanged' };
  }
  let state = beginProbe(clock.monotonicMs());
  let failure: Failure | undefined;
  let last: Failure | undefined;
  for (;;) {
    const next = nextTry(state, task, clock.monotonicMs());
    if (next.is === 'held') break;
    if (next.is === 'failed') return failed(what, task, state, next.how, last);
    // Before the first try what an earlier agent left of its own is ended, also where this run is to end.
    if (state.tries > 0) await delay(clock, next.inMs, context.signal);
    const beganMs = clock.monotonicMs();
    failure = await tryOnce(task, next.forMs, ports, context);
    context.signal.throwIfAborted();
    const before = state;
    const endedMs = clock.monotonicMs();
    state = addTry(before, task, { beganMs, endedMs, succeeded: failure === undefined });
    if (failure !== undefined && last === undefined && state.heldSinceMs === undefined)
      say(`${what}: does not hold yet: ${failure.why}`);
    // A try that the end of the time cut short says less than the one before it.
    if (last === undefined || next.forMs === task.timeoutMs) last = failure ?? last;
    if (before.heldSinceMs === undefined && state.heldSinceMs !== undefined)
      say(`${what}: holds${ofTries(task, state)}, after ${seconds(endedMs - state.beganMs)}`);
  }
  if (task.holdMs > 0) say(`${what}: held for ${seconds(task.holdMs)}; ${countOf(state, last)}`);
  return { state: 'succeeded', change: 'unchanged' };
}

function failed(
  what: string,
  task: ProbeTask,
  state: ProbeState,
  how: 'never' | 'lost',
  last: Failure | undefined,
): StepResult {
  const { heldSinceMs = 0, lostMs = 0 } = state;
  const when =
    how === 'never'
      ? `did not hold within ${seconds(task.withinMs)}`
      : `held for ${seconds(lostMs - heldSinceMs)} of ${seconds(task.holdMs)}, and then not any more`;
  const why = last === undefined ? '' : `: ${last.why}`;
  const exitCode = last?.exitCode;
  return {
    state: 'failed',
    code: 'probe-failed',
    reason: `${what} ${when}${why}${ofTries(task, state)}`,
    ...(exitCode !== undefined && { exitCode }),
  };
}

function ofTries({ need, of }: ProbeTask, { last }: ProbeState): string {
  if (of === 1) return '';
  return ` (${succeeded(last)} of the last ${last.length} tries succeeded, ${need} are needed)`;
}

function countOf({ tries, failures }: ProbeState, last: Failure | undefined): string {
  if (failures === 0) return `all ${tries} tries succeeded`;
  return `${failures} of ${tries} tries failed, the last of them: ${last?.why}`;
}

const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} s`;

function nameOf({ command, shell, http, tcp }: ProbeTask): string {
  const text = command?.argv.join(' ') ?? shell?.line ?? http?.url ?? `${tcp?.host}:${tcp?.port}`;
  return oneLine(text, 120);
}

/** Undefined where it succeeded. Never rejects. */
async function tryOnce(
  { command, shell, http, tcp }: ProbeTask,
  forMs: number,
  { clock, sockets }: ProbePorts,
  context: StepContext,
): Promise<Failure | undefined> {
  if (command) return tryCommand(command.argv, command.stdin, forMs, context);
  if (shell) return tryCommand(['/bin/sh', '-c', '--', shell.line], shell.stdin, forMs, context);
  const over = new AbortController();
  const cancel = clock.after(forMs, () => over.abort(new Error(`no answer within ${seconds(forMs)}`)));
  const signal = AbortSignal.any([over.signal, context.signal]);
  try {
    if (http) await sockets.http(http, signal);
    else if (tcp) await sockets.tcp(tcp, signal);
    return undefined;
  } catch (cause) {
    return { why: oneLine(messageOf(cause), SAID_CHARS) };
  } finally {
    cancel();
  }
}

/** Of what a command says, as much of the end as a reason has room for. */
const SAID_CHARS = 300;

async function tryCommand(
  argv: readonly string[],
  stdin: Uint8Array,
  forMs: number,
  context: StepContext,
): Promise<Failure | undefined> {
  const said = { stdout: '', stderr: '' };
  const take = (stream: 'stdout' | 'stderr', data: Uint8Array) => {
    said[stream] = (said[stream] + Buffer.from(data).toString('utf8')).slice(-SAID_CHARS);
  };
  const end = await context.attempt('try', { argv, stdin, take }, forMs);
  const words = said.stderr.trim() || said.stdout.trim();
  const saying = words === '' ? '' : `: ${oneLine(words.slice(words.lastIndexOf('\n') + 1), SAID_CHARS)}`;
  switch (end.kind) {
    case 'timed-out':
      return { why: `it did not end within ${seconds(forMs)}${saying}` };
    case 'exited':
      if (end.exitCode === 0) return undefined;
      return { why: end.reason ?? `exit status ${end.exitCode}${saying}`, exitCode: end.exitCode };
    case 'signalled':
      return { why: `ended by ${end.signal}${saying}` };
    case 'not-started':
    case 'unknown':
      return { why: end.reason };
  }
}

function oneLine(text: string, chars: number): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return (line.length > chars ? `${line.slice(0, chars - 1)}…` : line).toWellFormed();
}
