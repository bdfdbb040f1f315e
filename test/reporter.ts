import { relative } from 'node:path';
import { inspect, styleText } from 'node:util';

/**
 * One line for each file that passed, everything that is known about each that failed, then the skips by reason, and
 * last the line `N passed, N failed, N skipped`, which .ci/run reads. Suites are not counted, nor tests that failed
 * only because a test inside them did.
 *
 * It reads `test:complete`, which comes when a test ends; `test:pass` and `test:fail` wait for all that was declared
 * before.
 */
interface Completed {
  name: string;
  file?: string;
  /** Missing on what the runner itself reports of a whole file. */
  entryFile?: string;
  line?: number;
  skip?: string | boolean;
  todo?: string | boolean;
  details: {
    duration_ms: number;
    type?: string;
    /** The suite or test around it. */
    classname?: string;
    error?: Failure;
  };
}

interface Failure extends Error {
  failureType?: string;
  exitCode?: number | null;
  signal?: string | null;
}

interface FileResult {
  passed: number;
  failures: string[];
  skips: string[];
  /** What the file's process wrote and what the runner remarked: shown only if the file fails. */
  notes: string[];
}

type Event =
  | { type: 'test:complete'; data: Completed }
  | { type: 'test:stdout' | 'test:stderr'; data: { entryFile?: string; file?: string; message: string } }
  | {
      type: 'test:diagnostic';
      data: { entryFile?: string; file?: string; message: string; nesting: number };
    };

export default async function* report(events: AsyncIterable<Event>): AsyncGenerator<string> {
  const files = new Map<string, FileResult>();
  const resultOf = (file: string): FileResult => {
    const known = files.get(file) ?? { passed: 0, failures: [], skips: [], notes: [] };
    files.set(file, known);
    return known;
  };

  for await (const { type, data } of events) {
    const file = data.entryFile ?? data.file;
    if (file === undefined) continue;
    if (type === 'test:complete') {
      if (data.entryFile === undefined) yield fileEnded(data, file, resultOf(file));
      else testEnded(data, resultOf(file));
    } else if (type === 'test:stdout' || type === 'test:stderr') {
      resultOf(file).notes.push(data.message);
    } else if (type === 'test:diagnostic') {
      resultOf(file).notes.push(`${data.message}\n`);
    }
  }

  const results = [...files.values()];
  const skips = results.flatMap((result) => result.skips);
  const failures = results.flatMap((result) => result.failures);
  const passed = results.reduce((sum, result) => sum + result.passed, 0);
  yield* grouped('failed', failures);
  yield* grouped('skipped', skips);
  if (passed + failures.length === 0) yield '\nno test ran\n';
  if (failures.length > 0 || passed === 0) process.exitCode = 1;
  yield `\n${passed} passed, ${failures.length} failed, ${skips.length} skipped\n`;
}

function testEnded(test: Completed, result: FileResult): void {
  if (test.details.type === 'suite' && test.details.error === undefined) return;
  if (test.skip !== undefined) {
    result.skips.push(reason(test.skip));
  } else if (test.todo !== undefined) {
    result.skips.push(`to do: ${reason(test.todo)}`);
  } else if (test.details.error === undefined) {
    result.passed += 1;
  } else if (test.details.error.failureType !== 'subtestsFailed') {
    const { classname } = test.details;
    const name = classname === undefined ? test.name : `${classname} > ${test.name}`;
    result.failures.push(`${place(test)}  ${name}`);
    result.notes.push(`\n${name}\n${explain(test.details.error)}\n`);
  }
}

/** The line of a file; with all that was noted if it failed. */
function fileEnded(whole: Completed, path: string, result: FileResult): string {
  const file = relative(process.cwd(), path);
  const { error } = whole.details;
  if (error !== undefined && result.failures.length === 0) {
    const cause = error.signal ? `signal ${error.signal}` : `exit status ${error.exitCode ?? 'unknown'}`;
    result.failures.push(`${file}  the file itself: ${cause}`);
  } else if (result.passed + result.failures.length + result.skips.length === 0) {
    result.failures.push(`${file}  holds no test`);
  }
  const counts = [
    `${result.passed} passed`,
    ...(result.failures.length > 0 ? [`${result.failures.length} failed`] : []),
    ...(result.skips.length > 0 ? [`${result.skips.length} skipped`] : []),
    `${(whole.details.duration_ms / 1000).toFixed(1)} s`,
  ].join(', ');
  if (result.failures.length === 0) return `${colour('green', '  ok')}  ${file}  ${counts}\n`;
  const failures = result.failures.map((failure) => `  ${failure}\n`).join('');
  return `${colour('red', 'FAIL')}  ${file}  ${counts}\n${failures}${indent(result.notes.join(''))}\n`;
}

function* grouped(title: string, lines: readonly string[]): Generator<string> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  if (counts.size > 0) yield `\n${title}:\n`;
  for (const [line, count] of counts) yield `${String(count).padStart(4)}  ${line}\n`;
}

const reason = (given: string | boolean): string => (typeof given === 'string' ? given : 'without a reason');

const place = (test: Completed): string =>
  `${relative(process.cwd(), test.file ?? '')}${test.line === undefined ? '' : `:${test.line}`}`;

/** Its message tells all that its fields do. */
const isAssertion = (thrown: unknown): thrown is Error & { stack: string } =>
  thrown instanceof Error &&
  'code' in thrown &&
  thrown.code === 'ERR_ASSERTION' &&
  thrown.stack !== undefined;

/** The error that the test threw (the runner wraps it), without the frames of Node itself. */
function explain(failure: Failure): string {
  const thrown = failure.cause ?? failure;
  const text =
    typeof thrown === 'string' ? thrown : isAssertion(thrown) ? thrown.stack : inspect(thrown, { depth: 4 });
  return text
    .split('\n')
    .filter((line) => !/^\s+at .*\bnode:/.test(line))
    .join('\n');
}

const indent = (text: string): string => text.replace(/^(?=.)/gm, '      ');

/** Plain where the output is no terminal or NO_COLOR is set. */
const colour = (name: 'green' | 'red', text: string): string =>
  styleText(name, text, { stream: process.stdout });
