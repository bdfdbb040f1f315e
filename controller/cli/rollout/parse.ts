import { isUtf8 } from 'node:buffer';
import type { GateBody, RolloutBody, RolloutProbeBody, WaveBody } from '../../api/contract.ts';
import { type Checked, check, describe, pathText, problemAt } from '../../documents/check.ts';
import { type Document, type Path, type Problem, readDocument } from '../../documents/document.ts';
import { inOrder, parseTasks } from '../bundle/parse.ts';
import { probeOf } from '../bundle/probe.ts';
import type { BundleTask } from '../bundle/task-body.ts';
import { defined } from '../job-body.ts';
import {
  type CheckedChange,
  type CheckedWave,
  PROBE,
  ROLLOUT,
  SETTING_KEYS,
  STEP_FILE,
  WAVE,
} from './shape.ts';

export const STEP_KEYS = ['pre', 'post', 'undo'] as const;
export type StepKey = (typeof STEP_KEYS)[number];

/** What of a rollout's body says nothing of files: who, how, and under which limits. */
export type RolloutFrame = Omit<RolloutBody, 'change' | StepKey>;

/** A file of this machine, and where the document names it. */
export interface Named {
  source: string;
  line: number;
  path: string;
}

/** A list of tasks, or the bundle file that has them. */
export type StepSource = { tasks: BundleTask[] } | { bundle: Named };

export interface ParsedRollout {
  frame: RolloutFrame;
  change: CheckedChange;
  steps: Partial<Record<StepKey, StepSource>>;
  /** Of a key, for what is found wrong later. */
  lineOf(path: Path): number;
}

/** What rollout.yaml says, or all that is wrong with it, by line. Pure. */
export function parseRollout(bytes: Uint8Array): { rollout: ParsedRollout } | { problems: Problem[] } {
  if (!isUtf8(bytes)) return { problems: [{ line: 1, path: '', message: 'expected text in UTF-8' }] };
  const read = readDocument(new TextDecoder().decode(bytes));
  if ('problems' in read) return read;
  const { document } = read;
  const whole = check(ROLLOUT, document, document.value, []);
  // Also where something else is wrong, so that all of it is told at once.
  const given = mapOf(document.value);
  const waves = each(given.waves, (wave, index) => parseWave(document, wave, ['waves', index]));
  const probes = each(given.probes, (probe, index) => parseProbe(document, probe, ['probes', index]));
  const steps = STEP_KEYS.map((key) =>
    Object.hasOwn(given, key) ? parseStep(document, given[key], [key]) : undefined,
  );
  const problems = [whole, ...waves, ...probes, ...steps]
    .filter((result) => result !== undefined)
    .flatMap((result) => ('problems' in result ? result.problems : []));
  problems.push(
    ...takenNames(document, given.probes, 'probes'),
    ...takenNames(document, given.waves, 'waves'),
  );
  if ('problems' in whole || problems.length > 0) return { problems: inOrder(problems) };
  const { targets, selector, gate, windows, freezes } = whole.value;
  return {
    rollout: {
      frame: {
        ...settingsOf(whole.value),
        ...defined({ targets, selector, windows, freezes }),
        ...(gate === undefined ? {} : { gate: gateOf(gate) }),
        ...(waves.length === 0 ? {} : { waves: valuesOf(waves) }),
        ...(probes.length === 0 ? {} : { probes: valuesOf(probes) }),
      },
      change: whole.value.change,
      steps: Object.fromEntries(
        STEP_KEYS.flatMap((key, index) => {
          const step = steps[index];
          return step && 'value' in step ? [[key, step.value]] : [];
        }),
      ),
      lineOf: (path) => document.lineOf(path),
    },
  };
}

function mapOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}

function each<T>(given: unknown, parse: (one: unknown, index: number) => Checked<T>): Checked<T>[] {
  return Array.isArray(given) ? given.map(parse) : [];
}

function valuesOf<T>(results: readonly Checked<T>[]): T[] {
  return results.flatMap((result) => ('value' in result ? [result.value] : []));
}

function settingsOf(value: Record<string, unknown>): RolloutFrame {
  return Object.fromEntries(
    Object.entries(SETTING_KEYS)
      .map(([field, key]) => [field, value[key]])
      .filter(([, given]) => given !== undefined),
  );
}

/** `10%`, `3` and `rest` alone are waves too. */
function parseWave(document: Document, given: unknown, path: Path): Checked<WaveBody> {
  const wave =
    given === 'rest'
      ? { rest: true }
      : typeof given === 'number' || (typeof given === 'string' && /^\d+%?$/.test(given))
        ? { size: given }
        : given;
  const checked = check(WAVE, document, wave, path);
  return 'problems' in checked ? checked : { value: waveOf(checked.value) };
}

function waveOf(wave: CheckedWave): WaveBody {
  const { name, gate, canary, size, hosts, selector, each: label } = wave;
  const more = {
    ...defined({ name: name ?? (canary === undefined ? undefined : 'canary') }),
    ...(gate === undefined ? {} : { gate: gateOf(gate) }),
    ...defined({ maxFailures: wave['max-failures'] }),
  };
  const count = canary ?? size;
  if (count !== undefined) return { ...more, size: count };
  if (hosts !== undefined) return { ...more, hosts };
  if (selector !== undefined) return { ...more, selector };
  if (label !== undefined) return { ...more, each: label };
  return { ...more, rest: true };
}

function gateOf({ success, soak, approval }: NonNullable<CheckedWave['gate']>): GateBody {
  return defined({ success, soakMs: soak, approval });
}

function parseProbe(document: Document, given: unknown, path: Path): Checked<RolloutProbeBody> {
  const checked = check(PROBE, document, given, path);
  if ('problems' in checked) return checked;
  const { name, from } = checked.value;
  return { value: { name, ...defined({ from }), ...probeOf(checked.value) } as RolloutProbeBody };
}

function parseStep(document: Document, given: unknown, path: Path): Checked<StepSource> {
  if (Array.isArray(given)) {
    if (given.length === 0) return { problems: [problemAt(document, path, 'expected at least one task')] };
    const tasks = parseTasks(document, given, path);
    return 'problems' in tasks ? tasks : { value: { tasks: tasks.value } };
  }
  if (typeof given !== 'object' || given === null)
    return {
      problems: [
        problemAt(document, path, `expected a list of tasks, or a map with bundle, not ${describe(given)}`),
      ],
    };
  const checked = check(STEP_FILE, document, given, path);
  if ('problems' in checked) return checked;
  const at = [...path, 'bundle'];
  return {
    value: { bundle: { source: checked.value.bundle, line: document.lineOf(at), path: pathText(at) } },
  };
}

/** Results are told by name. */
function takenNames(document: Document, given: unknown, key: string): Problem[] {
  const first = new Map<string, number>();
  return each(given, (one, index): Checked<undefined> => {
    const { name } = mapOf(one);
    const other = typeof name === 'string' ? first.get(name) : undefined;
    if (typeof name === 'string' && other === undefined) first.set(name, index);
    if (other === undefined) return { value: undefined };
    const message = `${describe(name)} is the name of ${key}[${other}] too`;
    return { problems: [problemAt(document, [key, index, 'name'], message)] };
  }).flatMap((result) => ('problems' in result ? result.problems : []));
}
