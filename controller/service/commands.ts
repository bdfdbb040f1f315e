import { ServiceFailure } from './failure.ts';
import { PLACES } from './layout.ts';
import type { Machine, Ran, RunOptions } from './machine.ts';

/** Throws ServiceFailure with what the program said. */
export async function must(machine: Machine, argv: readonly string[], options?: RunOptions): Promise<Ran> {
  const ran = await machine.run(argv, options);
  if (ran.status === 0) return ran;
  const said = (ran.stderr.trim() || ran.stdout.trim() || `status ${ran.status}`).slice(-2_000);
  throw new ServiceFailure(`${argv.slice(0, 3).join(' ')}: ${said}`);
}

export async function systemctl(machine: Machine, verb: string, ...options: string[]): Promise<void> {
  await must(machine, ['systemctl', verb, ...options, PLACES.service]);
}

/** Root's own files among them, of a `muster login` or a restore; no links are followed. */
export async function giveToUser(machine: Machine): Promise<void> {
  await must(machine, ['chown', '-R', '-h', '-P', `${PLACES.user}:${PLACES.user}`, PLACES.home]);
}
