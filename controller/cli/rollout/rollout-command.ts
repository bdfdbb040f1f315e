import type { RolloutSummary } from '../../api/contract.ts';
import type { Client } from '../client.ts';
import { EXIT } from '../failure.ts';
import { defined } from '../job-body.ts';
import { paintFor, plain } from '../output/paint.ts';
import { jsonLine } from '../output/sanitise.ts';
import { renderTable } from '../output/table.ts';
import { formatTime } from '../output/time.ts';
import { readSelection, type TargetOptions } from '../selection.ts';
import type { Surroundings } from '../surroundings.ts';
import { withClient } from '../with-client.ts';
import { shortId, whatNext } from './guidance.ts';
import { ENDED, renderPhases } from './phases.ts';
import { findRollout } from './rollout-id.ts';
import { renderRollout } from './show-view.ts';
import { type WatchOptions, watchRollout } from './watch-rollout.ts';

interface Json {
  json?: boolean;
}

export function ls(
  surroundings: Surroundings,
  options: Json & { limit: number; before?: string; state?: 'open' | 'over' },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const { limit, state, before } = options;
    const from = before === undefined ? undefined : await findRollout(client, before);
    const rollouts = await client.call('rollouts.list', {
      query: { limit, ...defined({ state, before: from }) },
    });
    const { stdout, env } = surroundings;
    const head = ['ROLLOUT', 'STARTED', 'STATE', 'WAVE', 'HOSTS', 'HOW FAR', 'BY', 'NAME'];
    stdout.write(
      options.json
        ? `${jsonLine(rollouts)}\n`
        : renderTable(head, rollouts.map(rowOf), paintFor(stdout.isTerminal, env)),
    );
    return EXIT.ok;
  });
}

function rowOf({ rollout, createdAtMs, state, wave, waves, hosts, counts, actor, name }: RolloutSummary) {
  const at = wave === null ? '' : `${wave + 1}/${waves}`;
  return [
    ...[shortId(rollout), formatTime(createdAtMs), state, at, String(hosts)],
    ...[renderPhases(counts, plain), actor, name],
  ];
}

export function show(
  surroundings: Surroundings,
  id: string,
  options: Json & { hosts?: boolean },
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const detail = await client.call('rollouts.show', { params: { rollout: await findRollout(client, id) } });
    const { stdout, env } = surroundings;
    stdout.write(
      options.json
        ? `${jsonLine(detail)}\n`
        : renderRollout(detail, { everyHost: options.hosts ?? false }, paintFor(stdout.isTerminal, env)),
    );
    return EXIT.ok;
  });
}

export function watch(
  surroundings: Surroundings,
  id: string,
  options: Json & { after?: number },
): Promise<number> {
  return withClient(surroundings, async (client) =>
    watchRollout(surroundings, client, await findRollout(client, id), options),
  );
}

interface VerbOptions extends Json {
  reason?: string;
  /** Goes on watching it. */
  watch?: boolean;
}

export function pause(surroundings: Surroundings, id: string, options: VerbOptions): Promise<number> {
  return verb(surroundings, id, options, (client, rollout) =>
    client.call('rollouts.pause', { params: { rollout }, body: defined({ reason: options.reason }) }),
  );
}

export function resume(surroundings: Surroundings, id: string, options: VerbOptions): Promise<number> {
  return verb(surroundings, id, options, (client, rollout) =>
    client.call('rollouts.resume', { params: { rollout }, body: defined({ reason: options.reason }) }),
  );
}

export function approve(
  surroundings: Surroundings,
  id: string,
  options: VerbOptions & { wave?: number },
): Promise<number> {
  // People count from 1.
  const wave = options.wave === undefined ? undefined : options.wave - 1;
  return verb(surroundings, id, options, (client, rollout) =>
    client.call('rollouts.approve', { params: { rollout }, body: defined({ wave, reason: options.reason }) }),
  );
}

export function abort(
  surroundings: Surroundings,
  id: string,
  options: VerbOptions & { cancel?: boolean },
): Promise<number> {
  const { cancel, reason } = options;
  return verb(surroundings, id, options, (client, rollout) =>
    client.call('rollouts.abort', { params: { rollout }, body: defined({ cancel, reason }) }),
  );
}

export async function rollback(
  surroundings: Surroundings,
  id: string,
  options: VerbOptions & Pick<TargetOptions, 'targets'>,
): Promise<number> {
  const { targets } = await readSelection(surroundings, defined({ targets: options.targets }));
  return verb(surroundings, id, { ...options, isRollback: true }, (client, rollout) =>
    client.call('rollouts.rollback', {
      params: { rollout },
      body: defined({ targets, reason: options.reason }),
    }),
  );
}

async function verb(
  surroundings: Surroundings,
  id: string,
  options: VerbOptions & Pick<WatchOptions, 'isRollback'>,
  call: (client: Client, rollout: string) => Promise<RolloutSummary>,
): Promise<number> {
  return withClient(surroundings, async (client) => {
    const rollout = await findRollout(client, id);
    const summary = await call(client, rollout);
    const { json, isRollback } = options;
    if (options.watch) return watchRollout(surroundings, client, rollout, defined({ json, isRollback }));
    const { stdout } = surroundings;
    if (json) stdout.write(`${jsonLine(summary)}\n`);
    else {
      const far = renderPhases(summary.counts, plain);
      const more = ENDED[summary.state] ? 'report' : 'watch';
      const next = [...whatNext(summary), `muster rollout ${more} ${shortId(rollout)}`].map(
        (text) => `  ${text}\n`,
      );
      stdout.write(`${shortId(rollout)} is ${summary.state}: ${far}\n${next.join('')}`);
    }
    return EXIT.ok;
  });
}
