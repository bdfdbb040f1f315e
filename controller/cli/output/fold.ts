import type { RunState } from '../../api/contract.ts';
import { VERDICT, type Verdict } from '../exit-status.ts';
import type { Tracked } from '../tally.ts';
import type { Collected } from './collector.ts';
import { reasonOf } from './reason.ts';

/** Hosts that ended alike. */
export interface OutcomeGroup {
  state: RunState;
  exitCode: number | null;
  signal: string | null;
  names: string[];
  runs: Tracked[];
  /** Reason -> the hosts that gave it. */
  reasons: Map<string, string[]>;
  /** The same hosts by what they wrote; the most frequent output first. */
  outputs: OutputGroup[];
}

export interface OutputGroup {
  names: string[];
  output: Collected;
}

/** On a screen the last lines are the ones that are read: what went wrong comes last. */
const PLACE: Readonly<Record<Verdict, number>> = { succeeded: 0, open: 1, 'no-answer': 2, failed: 3 };

/** Groups runs by outcome, and within it by output. */
export function fold(runs: readonly Tracked[], outputOf: (agentId: string) => Collected): OutcomeGroup[] {
  const groups = new Map<string, OutcomeGroup & { byDigest: Map<string, OutputGroup> }>();
  for (const run of runs) {
    const { agentId, name, state, outcome } = run;
    const { exitCode = null, signal = null } = outcome ?? {};
    const reason = outcome && reasonOf(outcome);
    const group = getOrMake(groups, `${state}/${exitCode}/${signal}`, () => ({
      ...{ state, exitCode, signal, names: [], runs: [], outputs: [] },
      reasons: new Map<string, string[]>(),
      byDigest: new Map<string, OutputGroup>(),
    }));
    const output = outputOf(agentId);
    group.names.push(name);
    group.runs.push(run);
    getOrMake(group.byDigest, output.digest, () => ({ names: [], output })).names.push(name);
    // "cancelled (cancelled)" tells nobody anything.
    if (reason !== null && reason !== state) getOrMake(group.reasons, reason, () => []).push(name);
  }
  return [...groups.values()]
    .map(({ byDigest, ...group }) => ({
      ...group,
      outputs: [...byDigest.values()].sort((a, b) => b.names.length - a.names.length),
    }))
    .sort((a, b) => PLACE[VERDICT[a.state]] - PLACE[VERDICT[b.state]] || b.names.length - a.names.length);
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const known = map.get(key) ?? make();
  map.set(key, known);
  return known;
}
