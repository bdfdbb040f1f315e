/**
 * What it costs to plan the updates of many machines, beside Ansible asking the same machines for the same: both refresh the lists of the
 * same repository and let the same apt say what an upgrade would do. Muster's agents are there already, as Python is for Ansible.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { addressOf, NO_SERVICE } from '../e2e/installing.ts';
import { makeCatalogue } from '../hosts/packages/catalogue.ts';
import { startRepository } from '../hosts/packages/repository.ts';
import { SSHD_NEEDS } from '../hosts/sshd.ts';
import { ansibleOn } from './ansible.ts';
import { type Cost, cost, must } from './cost.ts';
import { median, short, table } from './figures.ts';
import { type Stage, startStage } from './install-hosts.ts';

const HOSTS = 50;
const AT_ONCE = 20;
const PACKAGES = ['app', 'web', 'lib', 'settings', 'pinned', 'extra'];

type Test = { after(fn: () => unknown): void };

export async function patch({ rounds }: { rounds: number }): Promise<string> {
  if (SSHD_NEEDS.skip) return `skipped: ${SSHD_NEEDS.skip}`;
  const lacking = ansibleLacks();
  const ends: (() => unknown)[] = [];
  const t: Test = { after: (fn) => void ends.push(fn) };
  try {
    const repository = await startRepository(t);
    const catalogue = makeCatalogue(t);
    repository.publish('stable', [...catalogue.all('1', ...PACKAGES), ...catalogue.all('2', ...PACKAGES)]);
    repository.add('stable', ...catalogue.all('1', 'web-data'));
    const stage = await startStage(t, HOSTS, {
      python: lacking === undefined,
      files: { '/etc/apt/sources.list': repository.sources },
    });
    for (const host of stage.hosts) {
      await host.run(['apt-get', '-qq', 'update']);
      const words = PACKAGES.map((name) => `${name}=1`);
      await host.run([
        'apt-get',
        '-qq',
        '-y',
        '-o',
        'Dpkg::Options::=--force-unsafe-io',
        'install',
        ...words,
      ]);
    }
    const env = { env: { HOME: stage.home, SSH_AUTH_SOCK: '' } };
    const operator = ['--yes', '--concurrency', String(AT_ONCE), ...stage.hosts.map(addressOf)];
    await must(stage.fleet.begin(['install', ...NO_SERVICE, ...operator], env).ended);
    const plan = join(stage.fleet.folder, 'plan.json');
    const ways: Record<string, () => Promise<unknown>> = {
      'muster patch plan': () =>
        must(stage.fleet.begin(['patch', 'plan', '-t', 'all', '-o', plan, '--force']).ended),
    };
    if (lacking === undefined) {
      ways['ansible apt upgrade --check'] = () => ansible(t, stage, {});
      ways['ansible, pipelining'] = () => ansible(t, stage, { ANSIBLE_PIPELINING: 'True' });
    }
    const costs = new Map<string, Cost[]>(Object.keys(ways).map((name) => [name, []]));
    for (let round = 0; round < Math.max(1, Math.round(rounds / 100)); round++)
      for (const [name, way] of Object.entries(ways)) costs.get(name)?.push(await cost(stage, way));
    const ours = costs.get('muster patch plan') ?? [];
    const rows = [...costs].map(([name, series]) => [
      name,
      `${short(median(series.map(({ wallMs }) => wallMs)) / 1000)} s`,
      `${short(median(series.map(({ cpuMs }) => cpuMs / HOSTS)))} ms`,
      `${short(median(series.map(({ thereMs }) => thereMs / HOSTS)))} ms`,
      `${short(median(series.map(({ wallMs }, round) => wallMs / (ours[round]?.wallMs ?? Number.NaN))))}×`,
    ]);
    const head = [
      `${HOSTS} hosts, ${PACKAGES.length} updates`,
      'wall',
      'CPU here, a host',
      'CPU there, a host',
      'wall, of ours',
    ];
    return `${table(head, rows)}${lacking === undefined ? '' : `\n\nWithout Ansible: ${lacking}.`}`;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** Why Ansible cannot be asked, if so. */
function ansibleLacks(): string | undefined {
  if (!existsSync('/usr/bin/ansible')) return 'it is not here; Debian has it as ansible-core';
  try {
    execFileSync('/usr/bin/python3', ['-c', 'import apt_pkg'], { stdio: 'ignore' });
    return undefined;
  } catch {
    return 'its module for apt needs python3-apt';
  }
}

function ansible(t: Test, stage: Stage, more: Record<string, string>): Promise<unknown> {
  const run = ansibleOn(t, stage, { atOnce: AT_ONCE, more });
  return run('-m', 'apt', '-a', 'upgrade=yes update_cache=yes', '--check');
}
