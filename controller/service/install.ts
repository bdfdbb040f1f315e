/**
 * Carries a plan out. What fails, or is stopped, is undone in the reverse order: the controller of before works again, or what is left is
 * said. After a process that was killed in between, the next one plans anew from what it finds.
 */
import { type Clock, delay } from '../../proto/clock.ts';
import { giveToUser, must, systemctl } from './commands.ts';
import { ServiceFailure } from './failure.ts';
import { commandIn, PLACES, recordPath, type Slot, slotPath } from './layout.ts';
import type { Machine, Program } from './machine.ts';
import { type Plan, type Step, sentenceOf } from './plan.ts';
import { recordOf } from './state.ts';
import { giveUpTakeOver, putAside, takeBack, takeOver } from './take-over.ts';

export interface Installing {
  readonly machine: Machine;
  readonly program: Program;
  readonly clock: Clock;
  /** Why the controller of this home, in this version where one is named, is not ready yet; undefined: it is. */
  readonly notReady: (version?: string) => Promise<string | undefined>;
  /** Told each step when it is done, and what is undone. */
  readonly tell: (text: string) => void;
  readonly stopping: AbortSignal;
}

export interface Installed {
  /** Null: none was made. */
  readonly backup: string | null;
  /** Where the controller was that was taken over; null: none was. */
  readonly movedTo: string | null;
}

const READY_WITHIN_MS = 60_000;
/** A large database may take minutes to migrate. */
const MIGRATED_WITHIN_MS = 30 * 60_000;
const LOOK_EVERY_MS = 200;
const SEE_LOG = `see journalctl -u ${PLACES.service}`;
/** Starts that ended by themselves, after which no later one is waited for. */
const RESTARTS_MAX = 3;
const KEPT_BACKUPS = 3;
const BACKUP_NAME = /^before-[0-9A-Za-z.-]+-\d{4}-\d\d-\d\dT\d{6}Z\.tar$/;

/** What is undone is undone to its end. */
const NEVER = new AbortController().signal;

type Undo = () => Promise<void> | void;

/** Throws ServiceFailure, after it has undone what it did. */
export async function carryOut({ steps }: Plan, doing: Installing): Promise<Installed> {
  const { machine, tell, stopping } = doing;
  const made: Made = { backup: null, movedTo: null, undo: [], release: () => {} };
  try {
    for (const step of steps) {
      stopping.throwIfAborted();
      await take(step, doing, made);
      tell(sentenceOf(step));
    }
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    const left = await undoAll(made.undo, tell);
    machine.removeEmpty(PLACES.program);
    throw new ServiceFailure(
      left.length === 0 ? `${why}; all of it was undone` : `${why}; not undone: ${left.join('; ')}`,
      cause instanceof ServiceFailure && cause.next ? cause.next : 'run the same command again',
      { cause },
    );
  } finally {
    made.release();
  }
  pruneBackups(machine);
  return { backup: made.backup, movedTo: made.movedTo };
}

interface Made {
  backup: string | null;
  movedTo: string | null;
  /** Lets go of the home that is taken over. */
  release: () => void;
  readonly undo: { readonly what: string; readonly run: Undo }[];
}

async function undoAll(undo: Made['undo'], tell: (text: string) => void): Promise<string[]> {
  const left: string[] = [];
  for (const { what, run } of undo.splice(0).reverse()) {
    try {
      await run();
      tell(`undone: ${what}`);
    } catch (error) {
      left.push(`${what} (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  return left;
}

async function take(step: Step, doing: Installing, made: Made): Promise<void> {
  const { machine, program, clock } = doing;
  // Before the step: one that fails half way is undone too.
  const undo = (run: Undo): void => void made.undo.push({ what: sentenceOf(step), run });
  switch (step.kind) {
    case 'user':
      undo(() => removeUser(machine));
      await must(machine, USERADD);
      return;
    case 'copy':
      machine.remove(slotPath(step.slot));
      undo(() => machine.remove(slotPath(step.slot)));
      machine.makeFolder(PLACES.program, 0o755);
      await machine.copy(program.files, slotPath(step.slot));
      machine.write(recordPath(step.slot), recordOf(program), 0o644);
      await relabel(machine);
      return;
    case 'home':
      if (machine.kind(PLACES.home) === undefined) {
        // What is in it then, this start made: nobody has joined it.
        undo(() => machine.remove(PLACES.home));
        machine.makeFolder(PLACES.home, 0o700);
      }
      await must(machine, ['chmod', '0700', PLACES.home]);
      await giveToUser(machine);
      return;
    case 'stop':
      undo(async () => {
        await systemctl(machine, 'start');
        await untilReady(READY_WITHIN_MS, { ...doing, stopping: NEVER }, undefined);
      });
      await systemctl(machine, 'stop');
      return;
    case 'backup':
      made.backup = await backUp(step.by, doing);
      undo(() => goBack(step, made.backup ?? '', machine));
      return;
    case 'take-over':
      made.release = machine.hold(step.from);
      undo(() => giveUpTakeOver(step.from, machine));
      await takeOver(step.from, machine);
      return;
    case 'settings':
      undo(() => putBack(machine, step.path, step.before));
      machine.write(step.path, step.text, 0o644);
      return;
    case 'unit':
      undo(async () => {
        putBack(machine, PLACES.unit, step.before);
        await must(machine, ['systemctl', 'daemon-reload']);
      });
      machine.write(PLACES.unit, step.text, 0o644);
      await must(machine, ['systemctl', 'daemon-reload']);
      return;
    case 'switch':
      undo(() => (step.from ? machine.link(PLACES.current, step.from) : machine.remove(PLACES.current)));
      machine.link(PLACES.current, step.to);
      return;
    case 'command':
      undo(() => machine.remove(PLACES.command));
      machine.link(PLACES.command, PLACES.commandTarget);
      return;
    case 'start':
      undo(async () => {
        if (!step.wasEnabled) await systemctl(machine, 'disable', '--quiet');
        await systemctl(machine, 'stop');
      });
      await systemctl(machine, 'enable', '--quiet');
      // Whatever is still counted of an attempt before is not this program's.
      await machine.run(['systemctl', 'reset-failed', PLACES.service]);
      await systemctl(machine, 'restart');
      return;
    case 'ready':
      await untilReady(step.migrates ? MIGRATED_WITHIN_MS : READY_WITHIN_MS, doing, program.version);
      return;
    case 'put-aside': {
      const aside = `${step.from}.moved-${new Date(clock.now()).toISOString().slice(0, 19).replaceAll(':', '')}`;
      undo(() => takeBack(step.from, aside, machine));
      made.movedTo = await putAside(step.from, aside, machine);
      return;
    }
  }
}

const USERADD = [
  ...['useradd', '--system', '--user-group', '--no-create-home', '--home-dir', PLACES.home],
  ...['--shell', '/usr/sbin/nologin', '--comment', 'Muster controller', PLACES.user],
];

/** Whoever got its number next would own what it leaves. */
async function removeUser(machine: Machine): Promise<void> {
  if (machine.kind(PLACES.home) !== undefined) throw new ServiceFailure(`it owns ${PLACES.home}`);
  await must(machine, ['userdel', PLACES.user]);
}

/** What SELinux lets a service start is said by a label, which files get that lie where its policy expects programs. */
async function relabel(machine: Machine): Promise<void> {
  if (machine.kind('/sys/fs/selinux/enforce') !== undefined)
    await must(machine, ['restorecon', '-R', PLACES.program]);
}

function putBack(machine: Machine, path: string, before: string | undefined): void {
  if (before === undefined) machine.remove(path);
  else machine.write(path, before, 0o644);
}

const asController = { user: PLACES.user, env: { MUSTER_HOME: PLACES.home } };

/** By the controller's own user: what root does not open cannot mislead it. */
async function backUp(by: Slot, { machine, program, clock }: Installing): Promise<string> {
  const at = new Date(clock.now())
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '');
  const file = `${PLACES.backups}/before-${program.version}-${at}.tar`;
  await must(machine, ['mkdir', '-p', '-m', '0700', PLACES.backups], asController);
  await must(machine, [commandIn(by), 'backup', file], asController);
  return file;
}

/** Only where the database is not what it was: its older program would refuse it. */
async function goBack(
  { schema, goesBackTo }: Step & { kind: 'backup' },
  file: string,
  machine: Machine,
): Promise<void> {
  if (machine.schemaOf(PLACES.home) === schema) return;
  if (!goesBackTo) throw new ServiceFailure(`the database was migrated; as it was before it is in ${file}`);
  const words = ['restore', file, '--home', PLACES.home, '--force', '--json'];
  const { stdout } = await must(machine, [commandIn(goesBackTo), ...words], asController);
  const { movedTo } = JSON.parse(stdout) as { movedTo: string | null };
  // Uploaded files are the same for both: they are named by what they hold, and sealed under keys of the database.
  if (movedTo !== null && machine.kind(`${movedTo}/contents`) === 'folder')
    await must(machine, ['mv', '-T', '--', `${movedTo}/contents`, `${PLACES.home}/contents`], asController);
}

function pruneBackups(machine: Machine): void {
  const names = machine.names(PLACES.backups).filter((name) => BACKUP_NAME.test(name));
  const atOf = (name: string): string => name.slice(-'2026-11-27T093000Z.tar'.length);
  names.sort((one, other) => (atOf(one) < atOf(other) ? 1 : -1));
  for (const name of names.slice(KEPT_BACKUPS)) machine.remove(`${PLACES.backups}/${name}`);
}

async function untilReady(
  withinMs: number,
  { machine, clock, notReady, stopping }: Installing,
  version: string | undefined,
): Promise<void> {
  const giveUpMs = clock.monotonicMs() + withinMs;
  for (;;) {
    const state = await stateOf(machine);
    // Whoever else answers there: it has to be the program that was just put there.
    const why = state.isNew ? await notReady(version) : 'it has not started yet';
    if (why === undefined) return;
    if (state.failed || state.restarts >= RESTARTS_MAX)
      throw new ServiceFailure(`the controller does not stay up: ${await lastWords(machine)}`, SEE_LOG);
    if (clock.monotonicMs() > giveUpMs)
      throw new ServiceFailure(`the controller is not ready after ${withinMs / 1000} s: ${why}`, SEE_LOG);
    await delay(clock, LOOK_EVERY_MS, stopping);
  }
}

async function stateOf(machine: Machine): Promise<{ failed: boolean; restarts: number; isNew: boolean }> {
  const words = ['systemctl', 'show', '--property=ActiveState,NRestarts,MainPID', PLACES.service];
  const { stdout } = await must(machine, words);
  const pid = /^MainPID=(\d+)$/m.exec(stdout)?.[1] ?? '0';
  const slot = machine.target(PLACES.current);
  return {
    isNew: machine.target(`/proc/${pid}/exe`)?.startsWith(`${PLACES.program}/${slot}/`) ?? false,
    failed: /^ActiveState=failed$/m.test(stdout),
    restarts: Number(/^NRestarts=(\d+)$/m.exec(stdout)?.[1] ?? 0),
  };
}

/** What the controller said at its end; where it said nothing, what systemd says of it. */
async function lastWords(machine: Machine): Promise<string> {
  for (const which of [[`_SYSTEMD_UNIT=${PLACES.service}.service`], ['--unit', PLACES.service]]) {
    const words = ['journalctl', '--lines', '3', '--output', 'cat', '--no-pager', '--quiet', ...which];
    const { stdout } = await machine.run(words);
    // It said the same at each of its starts.
    if (stdout.trim() !== '') return [...new Set(stdout.trim().split('\n'))].join('\n');
  }
  return 'it said nothing';
}
