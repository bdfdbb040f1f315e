/** What came of the runs of a rollout, read from the store. */
import type { Database } from '../db/database.ts';
import { isOpen } from '../jobs/run.ts';
import { runById, runsOfJob } from '../jobs/store.ts';
import { type About, type Active, aboutOf } from './active.ts';
import type { Word } from './advance.ts';
import { outcomeOf } from './outcome.ts';
import type { Step, StepOutcome } from './rollout.ts';

export interface Heard {
  words: Word[];
  /** Hosts of which all but the controller's own probes is known to be well. */
  toProbe: string[];
}

/** Nothing is said of what is not over. */
export async function wordsOf(db: Database, active: Active, keys: Iterable<string>): Promise<Heard> {
  const heard: Heard = { words: [], toProbe: [] };
  for (const key of keys) {
    const about = aboutOf(key);
    if (about.of === 'observers') await observed(db, active, about.wave, heard);
    else if (about.of === 'soak') await soaked(db, active, about.hostId, heard);
    else await stepped(db, active, about as { of: Step; hostId: string }, heard);
  }
  return heard;
}

async function stepped(
  db: Database,
  active: Active,
  { of: step, hostId }: { of: Step; hostId: string },
  heard: Heard,
) {
  const isProbed = step === 'check' && active.shown.own.length > 0;
  const jobId = active.jobs.get(step);
  if (jobId === undefined) {
    if (isProbed) heard.toProbe.push(hostId);
    return;
  }
  const [run] = await db.read(runById({ jobId, agentId: hostId }));
  const outcome = run && outcomeOf(run, rebootsOf(active, step));
  if (!outcome) return;
  if (isProbed && outcome.state === 'succeeded') heard.toProbe.push(hostId);
  else heard.words.push({ of: 'step', hostId, step, outcome });
}

/** It holds where every probe of it does; the first that does not is the outcome. */
async function soaked(db: Database, active: Active, hostId: string, heard: Heard): Promise<void> {
  const wave = active.rollout.hosts[active.places.get(hostId) ?? -1]?.wave;
  let held: StepOutcome | undefined;
  let isOver = true;
  for (const jobId of active.soaks.get(wave ?? -1) ?? []) {
    const [run] = await db.read(runById({ jobId, agentId: hostId }));
    const outcome = run && outcomeOf(run, []);
    if (outcome && outcome.state !== 'succeeded') {
      heard.words.push({ of: 'soak', hostId, outcome });
      return;
    }
    if (outcome) held = outcome;
    else isOver = false;
  }
  if (isOver && held) heard.words.push({ of: 'soak', hostId, outcome: held });
}

async function observed(db: Database, active: Active, wave: number, heard: Heard): Promise<void> {
  let isOver = true;
  for (const jobId of active.observes.get(wave) ?? []) {
    for (const run of await db.read(runsOfJob({ jobId }))) {
      if (isOpen(run.state)) isOver = false;
      else if (run.state !== 'succeeded') {
        const reason = `${run.agent_name}: ${outcomeOf(run, [])?.reason ?? run.state}`;
        heard.words.push({ of: 'observers', wave, held: false, reason });
        return;
      }
    }
  }
  if (isOver) heard.words.push({ of: 'observers', wave, held: true, reason: null });
}

function rebootsOf({ shown }: Active, step: Step): readonly number[] {
  return step === 'change' || step === 'undo' ? shown.reboots[step] : [];
}

export type { About };
