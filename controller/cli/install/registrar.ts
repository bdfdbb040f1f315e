import { fullJitterMs } from '../../../proto/backoff.ts';
import { type Clock, delay } from '../../../proto/clock.ts';
import { ERRORS, type ErrorCode, MusterError } from '../../../proto/errors.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import { HostFailure } from '../../installer/failure.ts';
import type { Registered, Registrar } from '../../installer/work.ts';
import type { Client } from '../client.ts';
import { Failure } from '../failure.ts';
import { createFirstJobs } from './first-jobs.ts';
import { createPresence } from './presence.ts';

export interface RegistrarParts {
  readonly client: Pick<Client, 'call'>;
  readonly clock: Clock;
  readonly random: RandomBytes;
  /** Told when the controller is gone or refuses whatever it is asked, so that no further host is begun. */
  refused(error: unknown): void;
}

/** A controller that restarts is back long before. */
const INSIST_MS = 60_000;
const BACKOFF = { baseMs: 500, capMs: 4000 };

/** The controller behind the API, for all hosts of one install. */
export function createRegistrar(parts: RegistrarParts): Registrar {
  const { client, clock, random } = parts;

  /** Asks until the controller has answered: all that is asked here may be asked twice. */
  async function insist<T>(ask: () => Promise<T>): Promise<T> {
    const startMs = clock.monotonicMs();
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        const passes = error instanceof MusterError && ERRORS[error.code].retryable;
        if (passes && clock.monotonicMs() - startMs < INSIST_MS) {
          await delay(clock, fullJitterMs(BACKOFF, attempt, random));
          continue;
        }
        throw hostFailure(error);
      }
    }
  }

  function hostFailure(error: unknown): unknown {
    if (error instanceof MusterError && (error.code === 'name-taken' || error.code === 'agent-removed'))
      return new HostFailure(error.code, error.detail ?? '');
    if (!(error instanceof MusterError || error instanceof Failure)) return error;
    if (isOfController(error)) parts.refused(error);
    return new HostFailure('refused', error.message, { cause: error });
  }

  const presence = createPresence({
    clock,
    list: (names) => insist(() => client.call('agents.list', { query: { targets: listOf(names) } })),
  });
  const firstJobs = createFirstJobs({
    clock,
    random,
    create: (names, idempotencyKey) =>
      insist(() => client.call('jobs.create', { body: firstJob(names) }, { idempotencyKey })),
    show: (job) => insist(() => client.call('jobs.show', { params: { job } })),
  });

  return {
    register: (body) => insist(() => client.call('agents.register', { body })),
    async knows({ id }) {
      const [known] = await insist(() => client.call('agents.list', { query: { targets: id } }));
      return known?.id === id && known.state === 'active';
    },
    async holder(name) {
      const [holder] = await insist(() => client.call('agents.list', { query: { targets: name } }));
      return holder?.id;
    },
    async label({ id }, labels) {
      const body = { set: { ...labels } };
      await insist(() => client.call('agents.label', { params: { agent: id }, body }));
    },
    async remove({ id }) {
      await insist(async () => {
        try {
          await client.call('agents.remove', { params: { agent: id } });
        } catch (error) {
          if (!(error instanceof MusterError && error.code === 'no-such-agent')) throw error;
        }
      });
    },
    online: (agent: Registered, version, signal) => presence.until(agent, version, signal),
    ping: (agent: Registered, signal) => firstJobs.carriedOut(agent, signal),
  };
}

/** What fits into a URL; more is asked for with everybody else. */
const LIST_CHARS = 6000;

function listOf(names: readonly string[]): string {
  const list = names.join(',');
  return list.length > LIST_CHARS ? 'all' : list;
}

/** Changes nothing, and is there on every machine. */
const firstJob = (names: readonly string[]) => ({
  targets: names.join(','),
  tasks: [{ command: { argv: ['true'] } }],
  title: 'first job after an install',
  ttlMs: 15_000,
  timeoutMs: 20_000,
});

/** What every other host would meet as well. */
const OF_CONTROLLER = new Set<ErrorCode>([
  ...(['unauthenticated', 'forbidden', 'unavailable', 'shutting-down'] as const),
  ...(['store-full', 'store-failed', 'internal'] as const),
]);

function isOfController(error: MusterError | Failure): boolean {
  return error instanceof Failure || OF_CONTROLLER.has(error.code);
}
