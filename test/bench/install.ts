/**
 * What it costs to put agents on many machines over SSH, beside Ansible doing the same copy and the same start on the same machines, and
 * beside the handshakes alone. All machines are this one, so that each wall time holds what theirs costs.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { NodeSSH } from 'node-ssh';
import type { Packing } from '../../controller/installer/build.ts';
import { createBuilds } from '../../controller/installer/builds/builds.ts';
import { systemClock } from '../../proto/system.ts';
import { start } from '../e2e/fleet.ts';
import { addressOf, NO_SERVICE } from '../e2e/installing.ts';
import { SSHD_NEEDS } from '../hosts/sshd.ts';
import { ansibleOn } from './ansible.ts';
import { type Cost, cost, must } from './cost.ts';
import { median, short, table } from './figures.ts';
import { type Stage, startStage } from './install-hosts.ts';

const HOSTS = 50;
const AT_ONCE = 20;
const AGENT = resolve(import.meta.dirname, '../../dist/agent/main.cjs');

type Test = { after(fn: () => unknown): void };

export async function install({ rounds }: { rounds: number }): Promise<string> {
  if (SSHD_NEEDS.skip) return `skipped: ${SSHD_NEEDS.skip}`;
  const ansible = existsSync('/usr/bin/ansible');
  const ends: (() => unknown)[] = [];
  const t: Test = { after: (fn) => void ends.push(fn) };
  try {
    const stage = await startStage(t, HOSTS, { python: ansible });
    const ways: Record<string, (round: number) => Promise<unknown>> = {
      'handshakes, ssh: connect, true': () => handshakesBySsh(t, stage),
      'handshakes, ssh2: connect, true': () => handshakesByLibrary(stage),
      'muster install, online and pinged': () => installs(stage),
    };
    if (ansible) {
      ways['ansible copy, command'] = (round) => ansibleRound(t, stage, `plain-${round}`, {});
      ways['ansible, pipelining'] = (round) =>
        ansibleRound(t, stage, `piped-${round}`, { ANSIBLE_PIPELINING: 'True' });
    }
    const costs = new Map<string, Cost[]>(Object.keys(ways).map((name) => [name, []]));
    for (let round = 0; round < Math.max(1, Math.round(rounds / 100)); round++) {
      for (const [name, way] of Object.entries(ways))
        costs.get(name)?.push(await cost(stage, () => way(round)));
      await must(stage.fleet.begin(['uninstall', '--ssh', ...operatorArgs(stage)], operator(stage)).ended);
    }
    const [, ours = []] = [...costs].find(([name]) => name.startsWith('muster')) ?? [];
    const rows = [...costs].map(([name, series]) => [
      name,
      `${short(median(series.map(({ wallMs }) => wallMs)) / 1000)} s`,
      `${short(median(series.map(({ wallMs }) => wallMs / HOSTS)))} ms`,
      `${short(median(series.map(({ cpuMs }) => cpuMs / HOSTS)))} ms`,
      `${short(median(series.map(({ thereMs }) => thereMs / HOSTS)))} ms`,
      `${short(median(series.map(({ wallMs }, round) => wallMs / (ours[round]?.wallMs ?? Number.NaN))))}×`,
      `${short(median(series.map(({ cpuMs }, round) => cpuMs / (ours[round]?.cpuMs ?? Number.NaN))))}×`,
    ]);
    const head = [
      `${HOSTS} hosts, ${AT_ONCE} at once`,
      'wall',
      'a host',
      'CPU here',
      'CPU there',
      'wall, of ours',
      'CPU, of ours',
    ];
    const lacking = ansible ? '' : '\n\nWithout Ansible, which is not here: Debian has it as ansible-core.';
    return `${table(head, rows)}${lacking}\n\n${await sizes(stage)}`;
  } finally {
    for (const end of ends.reverse()) await end();
  }
}

/** So many at once. */
async function each<T>(all: readonly T[], action: (one: T) => Promise<unknown>): Promise<void> {
  const left = all[Symbol.iterator]();
  const worker = async (): Promise<void> => {
    for (const one of left) await action(one);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function handshakesBySsh(t: Test, { hosts, keyFile, knownHosts }: Stage): Promise<void> {
  const options = [
    '-F',
    'none',
    '-o',
    'BatchMode=yes',
    '-o',
    `UserKnownHostsFile=${knownHosts}`,
    '-i',
    keyFile,
  ];
  return each(hosts, ({ address, port }) =>
    must(start(t, 'ssh', [...options, '-p', String(port), `root@${address}`, 'true']).ended),
  );
}

function handshakesByLibrary({ hosts, keyFile }: Stage): Promise<void> {
  const privateKey = readFileSync(keyFile, 'utf8');
  return each(hosts, async ({ address: host, port, hostKey }) => {
    const known = Buffer.from(hostKey.public.split(' ')[1] ?? '', 'base64');
    const ssh = new NodeSSH();
    const hostVerifier = (shown: Buffer): boolean => shown.equals(known);
    await ssh.connect({ host, port, username: 'root', privateKey, hostVerifier });
    await ssh.execCommand('true');
    ssh.dispose();
  });
}

const operator = ({ home }: Stage) => ({ env: { HOME: home, SSH_AUTH_SOCK: '' } });
const operatorArgs = ({ hosts }: Stage): string[] => [
  '--yes',
  '--concurrency',
  String(AT_ONCE),
  ...hosts.map(addressOf),
];

async function installs(stage: Stage): Promise<void> {
  const words = ['install', ...NO_SERVICE, ...operatorArgs(stage)];
  await must(stage.fleet.begin(words, operator(stage)).ended);
}

/** The same file to a place of its own; then node on it twice, as an install starts it: once for its keys, once to stay. */
async function ansibleRound(t: Test, stage: Stage, name: string, more: Record<string, string>) {
  const run = ansibleOn(t, stage, { atOnce: AT_ONCE, more });
  const there = `/opt/bench-${name}.cjs`;
  const node = `/usr/local/bin/node ${there}`;
  await run('-m', 'copy', '-a', `src=${AGENT} dest=${there} mode=0755`);
  await run('-m', 'command', '-a', `sh -c '${node} --version && (setsid ${node} run >/dev/null 2>&1 &)'`);
}

/** What travels to one host. */
async function sizes({ fleet }: Stage): Promise<string> {
  const builds = createBuilds({
    folder: join(fleet.folder, 'builds'),
    archives: [],
    env: process.env,
    node: { path: process.execPath, version: process.version },
    note: () => {},
    clock: systemClock,
  });
  try {
    const arch = process.arch === 'arm64' ? 'arm64' : 'x64';
    const row = async (form: 'bundle' | 'executable', packing: Packing): Promise<string[]> => {
      const { length, build, packing: used } = await builds.packed(form, arch, [packing]);
      return [`${form}, ${used}`, `${short(length / 1000)} kB`, `${short(build.length / 1000)} kB`];
    };
    const rows: string[][] = [];
    for (const form of ['bundle', 'executable'] as const)
      for (const packing of ['zstd', 'xz', 'gzip'] as const) rows.push(await row(form, packing));
    return `${table(['sent to a host', 'packed', 'unpacked'], rows)}\n\nAnsible sends ${short(statSync(AGENT).size / 1000)} kB.`;
  } finally {
    await builds.close();
  }
}
