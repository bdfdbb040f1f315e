import type { Packed } from './build.ts';
import { type Fit, mib, type Plan } from './plan.ts';
import { LAYOUT } from './remote/layout.ts';
import type { Probe } from './remote/probe-answer.ts';
import type { HostResult } from './work.ts';

/** What would be done with a host, a sentence each, in order; for --check. */
export function sentencesOf(
  probe: Probe,
  fit: Fit,
  plan: Plan,
  packed: Packed,
  labels: HostResult['labels'],
): string[] {
  const words = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return [
    ...actionsOf(probe, fit, plan, packed),
    ...(words.length === 0 ? [] : [`set labels: ${words.join(', ')}`]),
  ];
}

function actionsOf(probe: Probe, fit: Fit, plan: Plan, packed: Packed): string[] {
  const { build } = packed;
  const what =
    build.form === 'bundle' ? `the agent for ${fit.node}` : `the agent with its own Node, for ${fit.arch}`;
  const place = `send ${what}, version ${build.version}: ${size(packed.length)} as ${packed.packing}, into ${LAYOUT.program}/${plan.slot}`;
  const enrol = probe.home
    ? `keep its keys and its name, ${fit.name}`
    : `make its keys there, and register them as ${fit.name}`;
  switch (plan.action) {
    case 'nothing':
      return [`${fit.name} has version ${build.version} and runs: nothing, but to see that it answers`];
    case 'repair':
      return [`mend what is missing of ${fit.name}, which has version ${build.version}`, enrol, start(fit)];
    case 'upgrade':
      return [
        place,
        enrol,
        `change from version ${plan.previous}, and go back where it does not come online`,
      ];
    case 'install':
      return [place, enrol, start(fit)];
  }
}

function start({ manager }: Fit): string {
  switch (manager) {
    case 'systemd':
      return `start it now and at every boot, by systemd (${LAYOUT.systemdUnit})`;
    case 'openrc':
      return `start it now and at every boot, by OpenRC (${LAYOUT.openrcScript})`;
    case 'none':
      return 'start it now; nothing starts it after a reboot';
  }
}

const size = (bytes: number): string => (bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KiB` : mib(bytes));
