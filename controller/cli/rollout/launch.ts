import { MusterError } from '../../../proto/errors.ts';
import { toHex } from '../../../proto/ids.ts';
import type { RolloutBody, RolloutChecked } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { goOn } from '../dispatch.ts';
import { EXIT } from '../failure.ts';
import { madeSurely } from '../made-surely.ts';
import { paintFor } from '../output/paint.ts';
import { jsonLine, sanitiseLine } from '../output/sanitise.ts';
import { type SignOptions, signingKey } from '../signing/create-job.ts';
import { startRollout } from '../signing/start-rollout.ts';
import type { Surroundings } from '../surroundings.ts';
import { renderChecked } from './check-view.ts';
import { shortId } from './guidance.ts';
import { watchRollout } from './watch-rollout.ts';

export interface LaunchOptions extends SignOptions {
  yes?: boolean;
  detach?: boolean;
  json?: boolean;
  idempotencyKey?: string;
}

/**
 * Starts a rollout: says how it would go, asks once where many hosts are meant, starts it so that an answer that was lost starts no second
 * one, and shows it to its end. `warnings`: what was found before the controller was asked. Returns the exit status.
 */
export async function launchRollout(
  surroundings: Surroundings,
  client: Client,
  body: RolloutBody,
  options: LaunchOptions,
  warnings: readonly string[] = [],
): Promise<number> {
  const { stdout, stderr, env } = surroundings;
  const json = options.json ?? false;
  const checked = await checkedFirst(client, body, options);
  const names = checked?.waves.flatMap((wave) => wave.hosts);
  if (checked && names) {
    for (const text of json ? [...warnings, ...checked.warnings] : [])
      stderr.write(`muster: warning: ${sanitiseLine(text)}\n`);
    const whole = { ...checked, warnings: [...warnings, ...checked.warnings] };
    if (!json) stderr.write(`${renderChecked(whole, body.change.title, paintFor(stderr.isTerminal, env))}\n`);
    if (!options.yes && !(await goOn(surroundings, names))) {
      stderr.write('muster: nothing was started\n');
      return EXIT.wrongUse;
    }
  }
  const idempotencyKey = options.idempotencyKey ?? toHex(surroundings.random(16));
  const shown = names && new Set(names);
  const key = await signingKey(surroundings, options);
  const { rollout, created } = await madeSurely(surroundings, { what: 'rollout', key: idempotencyKey }, () =>
    startRollout(surroundings, client, body, { ...options, idempotencyKey, key, shown }),
  );
  if (options.detach) {
    stdout.write(json ? `${jsonLine({ event: 'started', rollout, created })}\n` : `${rollout}\n`);
    return EXIT.ok;
  }
  if (!created && options.idempotencyKey !== undefined)
    stderr.write(
      `muster: this idempotency key started rollout ${shortId(rollout)} earlier; showing that one\n`,
    );
  else if (!json)
    stderr.write(
      `muster: rollout ${shortId(rollout)}; Ctrl-C leaves it running, "muster rollout watch ${shortId(rollout)}" comes back\n`,
    );
  return watchRollout(surroundings, client, rollout, { json, after: 0 });
}

/** Undefined: what this key started earlier has the hosts, and is what is meant. */
async function checkedFirst(
  client: Client,
  body: RolloutBody,
  { idempotencyKey }: LaunchOptions,
): Promise<RolloutChecked | undefined> {
  try {
    return await client.call('rollouts.check', { body });
  } catch (error) {
    const isBusy = error instanceof MusterError && error.code === 'host-busy';
    if (idempotencyKey !== undefined && isBusy) return undefined;
    throw error;
  }
}
