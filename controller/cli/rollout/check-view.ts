import type { GateBody, RolloutChecked, RolloutPolicy, WaveDetail } from '../../api/contract.ts';
import { formatDuration } from '../duration.ts';
import type { Paint } from '../output/paint.ts';
import { sanitiseLine } from '../output/sanitise.ts';
import { hosts, listNames } from '../output/summary.ts';
import { renderProperties, renderTable } from '../output/table.ts';
import { formatTime } from '../output/time.ts';

const NAMED = 5;

/** How a rollout would go: its waves, its limits, and what is better known before. */
export function renderChecked(checked: RolloutChecked, title: string, paint: Paint): string {
  const rows = checked.waves.map(({ name, hosts: names, gate }, index) => [
    String(index + 1),
    name,
    String(names.length),
    gateText(gate),
    listNames(names, NAMED),
  ]);
  return [
    renderProperties(
      [['change', title], ['hosts', String(checked.hosts)], ...policyOf(checked.policy)],
      paint,
    ),
    `\n${renderTable(['WAVE', 'NAME', 'HOSTS', 'BEFORE THE NEXT ONE', 'WHO'], rows, paint)}`,
    ...checked.warnings.map((text) => `\n${paint('yellow', `warning: ${sanitiseLine(text)}`)}\n`),
  ].join('');
}

/** `95% done, probes hold for 10m, approval by somebody else`. */
export function gateText({ successPercent, soakMs, approval }: WaveDetail['gate']): string {
  const who: Record<NonNullable<GateBody['approval']>, string> = {
    nobody: '',
    anybody: 'approval',
    'not-starter': 'approval by another operator',
  };
  return [
    successPercent === null ? '' : `${successPercent}% done`,
    soakMs === 0 ? '' : `probes hold for ${formatDuration(soakMs)}`,
    who[approval],
  ]
    .filter((part) => part !== '')
    .join(', ');
}

const BACK: Record<RolloutPolicy['onFailure'], string> = {
  host: 'bring that host back',
  wave: 'bring the hosts of its wave back',
  all: 'bring all hosts back',
  none: 'bring nobody back',
};

/** `time` shows when it ends. */
export function policyOf(policy: RolloutPolicy, time = formatTime): [string, string][] {
  return [
    ['at once', `${hosts(policy.maxUnavailable)} may be changing or left broken`],
    ['failures', `stop after more than ${policy.maxFailures}; where a host fails, ${BACK[policy.onFailure]}`],
    ['reboot', policy.reboot],
    ...policy.windows.map(({ days, from, to, zone }): [string, string] => [
      'window',
      `${days === undefined ? 'every day' : days.join(' ')} ${from} to ${to}, ${zone}`,
    ]),
    ...policy.freezes.map(({ from, to, zone, reason }): [string, string] => [
      'freeze',
      `${from} to ${to}, ${zone}${reason === undefined ? '' : `: ${reason}`}`,
    ]),
    ['good until', time(policy.expiresAtMs)],
  ];
}
