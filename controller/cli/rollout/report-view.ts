import type { RolloutEvent, RolloutHostReport, RolloutReport, WaveDetail } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import { plain } from '../output/paint.ts';
import { waveState } from './board-view.ts';
import { gateText, policyOf } from './check-view.ts';
import { eventText } from './event-text.ts';
import { heading, inline, list, table } from './markdown.ts';
import { renderPhases, STANDING } from './phases.ts';

/** A report as Markdown, for somebody who was not there: who, what, when, versions before and after, failures, approvals. Times in UTC. */
export function renderReport(report: RolloutReport): string {
  const { rollout, events, hosts } = report;
  const failed = hosts.filter(({ phase }) => ['failed', 'not-done'].includes(STANDING[phase]));
  return [
    heading(1, `Rollout ${rollout.name}`),
    table(['', ''], summaryOf(report)),
    heading(2, 'Limits'),
    table(['', ''], policyOf(rollout.policy, utc)),
    heading(2, 'Waves'),
    table(
      ['Wave', 'Name', 'State', 'Hosts', 'Before the next one', 'Began', 'Last host over', 'Approved'],
      rollout.waveDetails.map(waveRow),
    ),
    heading(2, 'What operators did'),
    operators(events, rollout.waveDetails),
    heading(2, 'Not successful'),
    failed.length === 0
      ? 'Nobody.\n\n'
      : table(['Host', 'Phase', 'Code', 'Reason', 'Changed'], failed.map(failureRow)),
    heading(2, 'Hosts'),
    table(['Host', 'Wave', 'Phase', 'Began', 'Ended', 'Rebooted'], hosts.map(hostRow)),
    versions(hosts),
    heading(2, 'Jobs'),
    'Output and outcome of each step on each host: `muster jobs show JOB`.\n\n',
    table(
      ['Job', 'Step', 'Wave'],
      rollout.steps.map(({ job, step, wave }) => [job, step, wave === null ? '' : String(wave + 1)]),
    ),
    heading(2, 'What happened'),
    list(events.map((event) => told(event, rollout.waveDetails))),
  ]
    .join('')
    .trimEnd()
    .concat('\n');
}

function summaryOf({ rollout, madeAtMs, auditHead }: RolloutReport): [string, string][] {
  const { createdAtMs, endedAtMs } = rollout;
  const rows: [string, string | null][] = [
    ['Rollout', rollout.rollout],
    ['Change', rollout.title],
    ['State', rollout.state],
    ['Why', rollout.reason],
    ['Started by', rollout.actor],
    ['Reason given', rollout.note],
    ['Started', utc(createdAtMs)],
    [
      'Ended',
      endedAtMs === null ? 'not yet' : `${utc(endedAtMs)}, after ${formatDuration(endedAtMs - createdAtMs)}`,
    ],
    ['Hosts', `${rollout.hosts}: ${renderPhases(rollout.counts, plain)}`],
    ['Probes', rollout.probes.map(({ name, from }) => `${name} (${from})`).join(', ') || null],
    ['Digest of the plan', rollout.planDigest],
    ['Audit log when this was made', auditHead],
    ['This was made', utc(madeAtMs)],
  ];
  return rows.flatMap(([key, value]): [string, string][] => (value === null ? [] : [[key, value]]));
}

/** Where a report goes nobody knows which zone this machine is in. */
function utc(atMs: number | null): string {
  return atMs === null
    ? ''
    : new Date(atMs)
        .toISOString()
        .replace('T', ' ')
        .replace(/\.\d+Z$/, 'Z');
}

function waveRow(wave: WaveDetail): string[] {
  const { index, name, counts, gate, beganAtMs, doneAtMs, approvedBy, approvedAtMs } = wave;
  return [
    ...[String(index + 1), name, waveState({ ...wave, approvedBy: null }), renderPhases(counts, plain)],
    ...[gateText(gate), utc(beganAtMs), utc(doneAtMs)],
    approvedBy === null ? '' : `${approvedBy}, ${utc(approvedAtMs)}`,
  ];
}

function operators(events: readonly RolloutEvent[], waves: readonly WaveDetail[]): string {
  return list(events.filter(({ by }) => by !== null).map((event) => told(event, waves)));
}

function told(event: RolloutEvent, waves: readonly WaveDetail[]): string {
  const text = eventText(event, waves, { every: true, time: utc });
  return text ?? '';
}

function failureRow({ agent, phase, code, reason, changed }: RolloutHostReport): string[] {
  return [agent, phase, code ?? '', reason ?? '', changed === null ? 'not known' : changed ? 'yes' : 'no'];
}

function hostRow({ agent, wave, phase, beganAtMs, endedAtMs, rebooted }: RolloutHostReport): string[] {
  return [agent, String(wave + 1), phase, utc(beganAtMs), utc(endedAtMs), rebooted ? 'yes' : ''];
}

/** Hosts that have the same before and after share a table. */
function versions(hosts: readonly RolloutHostReport[]): string {
  const alike = new Map<string, { names: string[]; changes: RolloutHostReport['changes'] }>();
  for (const { agent, changes } of hosts) {
    if (changes.length === 0) continue;
    const key = JSON.stringify(changes);
    const group = alike.get(key) ?? { names: [], changes };
    group.names.push(agent);
    alike.set(key, group);
  }
  if (alike.size === 0) return '';
  const groups = [...alike.values()].map(
    ({ names, changes }) =>
      `${inline(names.join(', '))}\n\n${table(
        ['Package', 'Architecture', 'Before', 'Planned', 'Now'],
        changes.map(({ name, arch, before, planned, after }) => [
          name,
          arch,
          before || 'not there',
          planned || 'not there',
          after || 'not there',
        ]),
      )}`,
  );
  return `${heading(2, 'Versions')}${groups.join('')}`;
}
