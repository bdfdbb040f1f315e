/** Ansible as an operator runs it on the machines of a stage, with a home of its own for each time. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Finished, start } from '../e2e/fleet.ts';
import { must } from './cost.ts';
import type { Stage } from './install-hosts.ts';

/** Runs `ansible all` with these words, as often as it is called. */
export function ansibleOn(
  t: { after(fn: () => unknown): void },
  { hosts, keyFile, knownHosts }: Stage,
  { atOnce, more }: { atOnce: number; more: Readonly<Record<string, string>> },
): (...words: string[]) => Promise<Finished> {
  const folder = mkdtempSync(join(tmpdir(), 'mb-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const inventory = join(folder, 'hosts');
  const line = ({ address, port }: (typeof hosts)[number], index: number): string =>
    `h${index} ansible_host=${address} ansible_port=${port} ansible_user=root ansible_python_interpreter=/usr/bin/python3`;
  writeFileSync(inventory, `${hosts.map(line).join('\n')}\n`);
  const env = {
    ...more,
    ANSIBLE_HOME: folder,
    ANSIBLE_LOCAL_TEMP: join(folder, 'tmp'),
    ANSIBLE_SSH_CONTROL_PATH_DIR: join(folder, 'cp'),
    ANSIBLE_SSH_COMMON_ARGS: `-F none -o UserKnownHostsFile=${knownHosts}`,
    HOME: folder,
  };
  const all = ['all', '-i', inventory, '--private-key', keyFile, '-f', String(atOnce)];
  return (...words) => must(start(t, 'ansible', [...all, ...words], { env, cwd: folder }).ended);
}
