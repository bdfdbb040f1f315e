import type { HostDetail, RolloutDetail, WaveDetail } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import { type Paint, plain } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { renderProperties, renderTable } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import { waveState } from './board-view.ts';
import { causesOf } from './causes.ts';
import { gateText, policyOf } from './check-view.ts';
import { shortId, waitsFor, whatNext } from './guidance.ts';
import { renderPhases, STANDING } from './phases.ts';

/** A rollout as it stands: who, what, its waves, who did not succeed and why, and the jobs behind it. */
export function renderRollout(detail: RolloutDetail, view: { everyHost: boolean }, paint: Paint): string {
  const waits = waitsFor(detail, detail.waveDetails, detail.nowMs);
  const failed = causesOf(
    detail.hostDetails.filter(({ phase }) => ['failed', 'not-done'].includes(STANDING[phase])),
  ).map(({ text }) => text);
  const next = whatNext(detail);
  return [
    renderProperties(propertiesOf(detail), paint),
    `\n${renderTable(['WAVE', 'NAME', 'STATE', 'HOSTS', 'BEFORE THE NEXT ONE', 'TOOK'], detail.waveDetails.map(waveRow), paint)}`,
    view.everyHost
      ? `\n${renderTable(['HOST', 'WAVE', 'PHASE', 'TOOK', 'REASON'], detail.hostDetails.map(hostRow), paint)}`
      : '',
    block('', waits, paint),
    view.everyHost ? '' : block('not successful', failed, paint),
    block('jobs', jobsOf(detail), paint),
    block('next', next, paint),
  ].join('');
}

function block(title: string, lines: readonly string[], paint: Paint): string {
  if (lines.length === 0) return '';
  const head = title === '' ? '' : `${paint('bold', title)}\n`;
  return `\n${head}${lines.map((line) => `  ${line}\n`).join('')}`;
}

function propertiesOf(detail: RolloutDetail): [string, string][] {
  const { rollout, name, title, state, reason, actor, note, planDigest, createdAtMs, endedAtMs } = detail;
  const optional: [string, string | null][] = [
    ['why', reason],
    ['reason', note],
    ['plan', planDigest],
    ['probes', detail.probes.map((probe) => `${probe.name} (${probe.from})`).join(', ') || null],
    ['ended', endedAtMs === null ? null : formatTime(endedAtMs)],
  ];
  return [
    ...([
      ['rollout', rollout],
      ['name', name],
      ['change', title],
      ['state', state],
      ['hosts', `${detail.hosts}: ${renderPhases(detail.counts, plain)}`],
      ['by', actor],
      ['started', formatTime(createdAtMs)],
    ] satisfies [string, string][]),
    ...optional.flatMap(([key, value]): [string, string][] => (value === null ? [] : [[key, value]])),
    ...policyOf(detail.policy),
  ];
}

function waveRow(wave: WaveDetail): string[] {
  const { index, name, counts, gate, beganAtMs, doneAtMs } = wave;
  const took = beganAtMs === null || doneAtMs === null ? '' : formatDuration(doneAtMs - beganAtMs);
  return [String(index + 1), name, waveState(wave), renderPhases(counts, plain), gateText(gate), took];
}

function hostRow({ agent, wave, phase, reason, code, beganAtMs, endedAtMs }: HostDetail): string[] {
  const took = beganAtMs === null || endedAtMs === null ? '' : formatDuration(endedAtMs - beganAtMs);
  const why = [code === null || code === phase ? '' : code, reason ?? ''].filter((part) => part !== '');
  return [agent, String(wave + 1), phase, took, why.join(': ')];
}

function jobsOf({ steps, waveDetails }: RolloutDetail): string[] {
  return steps.map(({ step, wave, job }) => {
    const of = wave === null ? '' : ` of ${sanitiseLine(waveDetails[wave]?.name ?? String(wave + 1))}`;
    return `${shortId(job)}  ${step}${of}`;
  });
}
