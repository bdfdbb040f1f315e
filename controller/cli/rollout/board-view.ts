import type { WaveDetail } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import { type Paint, plain } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import type { AtWork, Board } from './board.ts';
import { causesOf } from './causes.ts';
import { waitsFor, whatNext } from './guidance.ts';
import { countOf, isAtRest, renderPhases } from './phases.ts';

export interface BoardSize {
  columns: number;
  rows: number;
}

/** A line of the view: its text decides how wide it is, what is painted only how it looks. */
type Line = readonly [text: string, painted: string];

const BAR = 20;
const WAVES_SHOWN = 8;
const CAUSES_SHOWN = 3;

/**
 * A rollout as it is now, in at most so many rows: waves with their bars, what is waited for, who is at work and since when, who failed and
 * why, and how fast it goes. `nowMs` by the controller's clock.
 */
export function renderBoard(board: Board, nowMs: number, size: BoardSize, paint: Paint): string {
  const rows = Math.max(2, size.rows - 1);
  const last = [overall(board, nowMs, paint)];
  const gate = gateLines(board, nowMs, paint);
  const failed = failureLines(board, paint);
  const room = rows - last.length - gate.length - failed.length - 1;
  const waves = waveLines(board, Math.max(1, Math.min(WAVES_SHOWN, room)), paint);
  const work = workLines(board.atWork(), nowMs, size.columns, Math.max(1, room - waves.length), paint);
  return [...waves, ...gate, ...work, ...failed, ...last]
    .slice(-rows)
    .map((line) => fitted(line, size.columns))
    .join('\n');
}

function fitted([text, painted]: Line, columns: number): string {
  const chars = [...text];
  return chars.length <= columns ? painted : `${chars.slice(0, columns - 1).join('')}…`;
}

const plainLine = (text: string): Line => [text, text];

function waveLines(board: Board, room: number, paint: Paint): Line[] {
  const waves = board.waves();
  const current = waves.findIndex(({ state }) => state !== 'passed');
  const begin = Math.max(
    0,
    Math.min(waves.length - room, (current < 0 ? waves.length : current) - Math.floor(room / 2)),
  );
  const shown = waves.slice(begin, begin + room);
  const width = Math.min(24, Math.max(...shown.map(({ name }) => sanitiseLine(name).length), 4));
  const lines = shown.map((wave) => waveLine(wave, width, paint));
  const after = waves.length - begin - shown.length;
  if (after > 0 && lines.length > 1) lines.splice(-1, 1, plainLine(`  … and ${after + 1} more waves`));
  return lines;
}

function waveLine(wave: WaveDetail, width: number, paint: Paint): Line {
  const { counts, hosts } = wave;
  const name = sanitiseLine(wave.name).slice(0, width).padEnd(width);
  const over = countOf(counts, 'done', 'failed', 'not-done');
  const part = (count: number): number => (hosts === 0 ? 0 : Math.floor((count * BAR) / hosts));
  const good = part(countOf(counts, 'done'));
  const bad = part(over) - good;
  const busy = Math.min(
    BAR - good - bad,
    countOf(counts, 'at-work') > 0 ? Math.max(1, part(countOf(counts, 'at-work'))) : 0,
  );
  const pieces: [string, Parameters<Paint>[0]][] = [
    ['█'.repeat(good), 'green'],
    ['█'.repeat(bad), 'red'],
    ['▒'.repeat(busy), 'cyan'],
    ['░'.repeat(BAR - good - bad - busy), 'dim'],
  ];
  const bar = pieces.map(([text]) => text).join('');
  const painted = pieces.map(([text, style]) => (text === '' ? '' : paint(style, text))).join('');
  const rest: Line = [
    `${over}/${hosts}  ${waveState(wave)}`,
    `${over}/${hosts}  ${paint(wave.state === 'passed' ? 'green' : wave.state === 'failed' ? 'red' : wave.state === 'waiting' ? 'dim' : 'cyan', waveState(wave))}`,
  ];
  return [`  ${name}  ${bar}  ${rest[0]}`, `  ${name}  ${painted}  ${rest[1]}`];
}

export function waveState({ state, approvedBy }: Pick<WaveDetail, 'state' | 'approvedBy'>): string {
  const by = approvedBy === null ? '' : `, approved by ${sanitiseLine(approvedBy)}`;
  return `${state === 'approval' ? 'waits for approval' : state}${by}`;
}

function gateLines(board: Board, nowMs: number, paint: Paint): Line[] {
  const waits = waitsFor(board.detail(), board.waves(), nowMs).map(
    (text): Line => [`  ${text}`, `  ${paint('yellow', text)}`],
  );
  return [...waits, ...whatNext(board.detail()).map((text) => plainLine(`    ${text}`))];
}

/** `at work: web-3 (changing, 12 s), …`: as many as fit. */
function workLines(
  atWork: readonly AtWork[],
  nowMs: number,
  columns: number,
  room: number,
  paint: Paint,
): Line[] {
  if (atWork.length === 0) return [];
  const head = '  at work: ';
  const lines: string[] = [];
  let line = head;
  for (const [index, { host, sinceMs }] of atWork.entries()) {
    const since = sinceMs === null ? '' : `, ${formatDuration(Math.max(0, nowMs - sinceMs))}`;
    const item = `${sanitiseLine(host.agent)} (${host.phase}${since})`;
    const more = `… ${atWork.length - index} more`;
    const isFirst = line.trim() === head.trim() || line.trim() === '';
    const next = `${line}${isFirst ? '' : ', '}${item}`;
    if (next.length + (lines.length + 1 === room ? more.length + 2 : 0) <= columns || isFirst) {
      line = next;
      continue;
    }
    if (lines.length + 1 === room) {
      line = `${line}, ${more}`;
      break;
    }
    lines.push(line);
    line = `${' '.repeat(head.length)}${item}`;
  }
  return [...lines, line].map((text) => [text, paint('cyan', text)]);
}

function failureLines(board: Board, paint: Paint): Line[] {
  const causes = causesOf(board.unsuccessful());
  const lines = causes
    .slice(0, CAUSES_SHOWN)
    .map(({ text, isFailure }): Line => [`  ${text}`, `  ${paint(isFailure ? 'red' : 'yellow', text)}`]);
  if (causes.length > CAUSES_SHOWN)
    lines.push(plainLine(`  … and ${causes.length - CAUSES_SHOWN} more causes`));
  return lines;
}

function overall(board: Board, nowMs: number, paint: Paint): Line {
  const detail = board.detail();
  const { counts, policy, hosts } = detail;
  const over = countOf(counts, 'done', 'failed', 'not-done');
  const pace = board.pace();
  const parts = [
    `${over}/${hosts} over`,
    `${countOf(counts, 'failed')} failed, ${policy.maxFailures} may`,
    ...(pace === undefined || over === hosts ? [] : [paceText(pace)]),
    ...estimate(board, nowMs),
    formatDuration(Math.max(0, nowMs - detail.createdAtMs)),
  ];
  const state = sanitiseLine(detail.state);
  const text = parts.join(' · ');
  return [`${state}: ${text}`, `${paint('bold', state)}: ${paint('dim', text)}`];
}

function paceText({ ended, overMs }: { ended: number; overMs: number }): string {
  const perMinute = (ended * 60_000) / overMs;
  return perMinute >= 1 ? `${Math.round(perMinute)}/min` : `${(perMinute * 60).toFixed(1)}/h`;
}

/** What is left at the pace so far, with the times that gates ask for; what people decide cannot be known. */
function estimate(board: Board, nowMs: number): string[] {
  const detail = board.detail();
  const pace = board.pace();
  if (pace === undefined || detail.state !== 'running' || isAtRest(detail)) return [];
  const left = countOf(detail.counts, 'waiting', 'at-work');
  const open = board.waves().filter(({ state }) => state !== 'passed' && state !== 'failed');
  const soakMs = open.reduce(
    (sum, { gate, soakUntilMs }) =>
      sum + (soakUntilMs === null ? gate.soakMs : Math.max(0, soakUntilMs - nowMs)),
    0,
  );
  const approvals = open.filter(({ gate }) => gate.approval !== 'nobody').length;
  const leftMs = (left * pace.overMs) / pace.ended + soakMs;
  if (leftMs === 0) return [];
  const beside =
    approvals === 0 ? '' : `, beside ${approvals === 1 ? 'an approval' : `${approvals} approvals`}`;
  return [`about ${formatDuration(Math.ceil(leftMs / 1000) * 1000)} left${beside}`];
}

/** The same in one line, for where nothing is drawn. */
export function boardLine(board: Board): string {
  const { state, counts } = board.detail();
  return `${state}: ${renderPhases(counts, plain)}`;
}
