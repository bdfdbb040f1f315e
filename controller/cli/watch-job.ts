import type { Client } from './client.ts';
import { formatDuration } from './duration.ts';
import { exitStatus, VERDICT } from './exit-status.ts';
import { EXIT, explain } from './failure.ts';
import { followJob, type JobEvent } from './follow.ts';
import { type Action, ASKED_MS, watchInterrupts } from './interrupt.ts';
import { createNdjsonView } from './output/ndjson-view.ts';
import { type Paint, paintFor, plain, wantsColour } from './output/paint.ts';
import { renderProgress } from './output/progress.ts';
import { sanitiseLine } from './output/sanitise.ts';
import { createScreen, type Screen } from './output/screen.ts';
import { hosts } from './output/summary.ts';
import { createTextView } from './output/text-view.ts';
import { createGapFinder, type JobView } from './output/view.ts';
import { waitingItems } from './output/waiting.ts';
import type { Surroundings } from './surroundings.ts';
import { createTally, type Tally, type Update } from './tally.ts';
import { watchWaiting } from './waiting-watch.ts';

export interface WatchRequest {
  job: string;
  targets: readonly { id: string; name: string }[];
  /** What its tasks are called. */
  tasks: readonly string[];
  /** Runs as they stood at `after`; left out: all queued. */
  known?: readonly (Update & { agentId: string })[];
  after?: number;
  agentId?: string;
  /** Left out: it was not. */
  outputPrunedAtMs?: number | null;
  /** Default true. */
  follow?: boolean;
  json: boolean;
  folded: boolean;
  /** In place of the usual view. */
  show?: ShowJob | undefined;
}

/** A view of a job on these hosts, made once there is a screen. */
export type ShowJob = (screen: Screen, names: readonly string[]) => JobView;

/** Where no terminal says how wide it is. */
const PLAIN_COLUMNS = 200;
const INTERRUPT_COLUMNS = 1000;

/** Shows a job until it is over or the operator leaves it; returns the exit status. */
export async function watchJob(
  surroundings: Surroundings,
  client: Client,
  request: WatchRequest,
): Promise<number> {
  const { clock, random, stdout, stderr, env } = surroundings;
  const { job, after = 0, agentId, follow = true } = request;
  const live = wantsColour(stderr.isTerminal, env);
  const screen = createScreen({ stdout, stderr, clock, live });
  const view = viewOf(surroundings, screen, request);
  const tally = createTally(request.targets, clock.monotonicMs());
  for (const run of request.known ?? []) tally.apply(run.agentId, run, clock.monotonicMs());
  const leave = new AbortController();
  const signal = AbortSignal.any([leave.signal, surroundings.closed]);
  const elapsed = createStopwatch(clock.monotonicMs);
  const gapBefore = createGapFinder();

  function take(event: JobEvent): void {
    elapsed.see(event);
    if (event.type === 'job') {
      if (event.data.what === 'cancelled')
        screen.note(`muster: cancelled by ${sanitiseLine(event.data.by ?? 'the controller')}`);
      return;
    }
    const { data } = event;
    if (event.type === 'output') {
      const { attempt, stream, offset, position } = event.data;
      const name = tally.get(data.agentId)?.name ?? data.agentId;
      const bytes = Buffer.from(event.data.base64, 'base64');
      const piece = { agentId: data.agentId, name, attempt, stream, offset, position, bytes };
      tally.heard(data.agentId, clock.monotonicMs());
      view.output({ ...piece, missingBytes: after > 0 ? 0 : gapBefore(piece) });
      return;
    }
    const before = tally.get(data.agentId);
    const run = tally.apply(data.agentId, event.data, clock.monotonicMs());
    if (before && before.attempt > 0 && run.attempt > before.attempt)
      screen.note(
        `muster: ${sanitiseLine(run.name)} was interrupted and starts again, attempt ${run.attempt}; its output begins anew`,
      );
    if (VERDICT[run.state] !== 'open') view.ended(run);
    else if (run.state === 'running' && event.data.task !== (before?.state === 'running' && before.task))
      view.task(run);
  }

  const waiting = watchWaiting({
    ...{ client, clock, job, tally, drawn: live },
    told() {
      if (!live) screen.note(`muster: ${progress(PLAIN_COLUMNS, plain)}`);
    },
  });
  let awaySinceMs: number | undefined;
  function progress(columns: number, paint: Paint): string {
    const nowMs = clock.monotonicMs();
    // Of whom we would wait for nothing is known meanwhile.
    if (awaySinceMs !== undefined)
      return `the controller is away for ${formatDuration(nowMs - awaySinceMs)}; the job goes on`.slice(
        0,
        columns,
      );
    const items = waitingItems(tally, waiting.presence(), request.tasks, nowMs);
    return renderProgress(tally, items, columns, paint);
  }
  const parts = {
    ...{ client, clock, random, note: screen.note },
    away(sinceMs: number | undefined) {
      awaySinceMs = sinceMs;
    },
  };
  const stopWatching = watchInterrupts({
    clock,
    subscribe: surroundings.onInterrupt,
    act: (action) =>
      answerInterrupt(action, {
        screen,
        client,
        job,
        tally,
        leave,
        waiting: progress(INTERRUPT_COLUMNS, plain),
      }),
  });
  screen.progress((columns) => progress(columns, paintFor(true, env)));
  try {
    const range = { job, after, follow, signal, ...(agentId === undefined ? {} : { agentId }) };
    for await (const event of followJob(parts, range)) {
      take(event);
      await stdout.settled();
      await view.settled?.();
    }
  } finally {
    stopWatching();
    waiting.stop();
    screen.stop();
  }
  if (surroundings.closed.aborted) return EXIT.closed;
  const counts = tally.counts();
  view.finished({ job, counts, runs: [...tally.all()], elapsedMs: elapsed.ms() });
  if (leave.signal.aborted)
    screen.note(`muster: left the job; it goes on. Come back with "muster jobs logs -f ${job.slice(0, 12)}"`);
  return follow ? exitStatus(counts) : EXIT.ok;
}

function viewOf({ stdout, stderr, env }: Surroundings, screen: Screen, request: WatchRequest): JobView {
  if (request.show)
    return request.show(
      screen,
      request.targets.map(({ name }) => name),
    );
  if (request.json) return createNdjsonView(screen.out, request.tasks, request.outputPrunedAtMs);
  return createTextView({
    screen,
    names: request.targets.map(({ name }) => name),
    tasks: request.tasks,
    folded: request.folded,
    isTerminal: { stdout: stdout.isTerminal, stderr: stderr.isTerminal },
    paint: { stdout: paintFor(stdout.isTerminal, env), stderr: paintFor(stderr.isTerminal, env) },
  });
}

interface Interrupted {
  screen: Screen;
  client: Client;
  job: string;
  tally: Tally;
  leave: AbortController;
  /** Who is waited for, in a line. */
  waiting: string;
}

function answerInterrupt(action: Exclude<Action, 'none'>, parts: Interrupted): void {
  const { screen, client, job, leave, waiting } = parts;
  switch (action) {
    case 'show-state':
      screen.note(`muster: ${waiting}`);
      screen.note(
        `muster: Ctrl-C again within ${formatDuration(ASKED_MS)} cancels the job; otherwise it goes on without you`,
      );
      return;
    case 'cancel':
      client.call('jobs.cancel', { params: { job }, body: {} }).then(
        ({ cancelled }) =>
          screen.note(`muster: cancelling on ${hosts(cancelled)}; Ctrl-C again leaves at once`),
        (error) => screen.note(`muster: the job was not cancelled: ${sanitiseLine(explain(error).message)}`),
      );
      return;
    case 'detach':
      leave.abort();
  }
}

/** How long the job took, by the controller's clock; how long we watched, where its beginning or end was not told. */
function createStopwatch(monotonicMs: () => number): { see(event: JobEvent): void; ms(): number } {
  const startMs = monotonicMs();
  let createdAtMs: number | undefined;
  let endedAtMs: number | undefined;
  return {
    see({ type, data }) {
      if (type !== 'job') return;
      if (data.what === 'created') createdAtMs = data.atMs;
      if (data.what === 'ended') endedAtMs = data.atMs;
    },
    ms: () =>
      createdAtMs === undefined || endedAtMs === undefined
        ? monotonicMs() - startMs
        : Math.max(0, endedAtMs - createdAtMs),
  };
}
