import { fullJitterMs } from '../../../proto/backoff.ts';
import { type Clock, delay } from '../../../proto/clock.ts';
import { ERRORS, type ErrorCode, MusterError } from '../../../proto/errors.ts';
import type { RandomBytes } from '../../../proto/random.ts';
import type { AgentSummary } from '../../api/contract.ts';
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

/** An agent that comes back from a reboot is online a moment before it has said so in its facts. */
const FACTS_LOOKS = 5;
const FACTS_PAUSE_MS = 1000;

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

  async function find(id: string): Promise<AgentSummary | undefined> {
    const found = await insist(() => client.call('agents.list', { query: { targets: id } }));
    return found.find((agent) => agent.id === id);
  }

  /** Undefined: it has not said yet, or is gone. */
  async function bootIdOf(agent: string): Promise<unknown> {
    return insist(async () => {
      try {
        return (await client.call('agents.facts', { params: { agent } })).facts.bootId;
      } catch (error) {
        if (error instanceof MusterError && /^(no-such-agent|not-found)$/.test(error.code)) return undefined;
        throw error;
      }
    });
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
    async register(body) {
      let asked = 0;
      const reply = await insist(() => {
        asked += 1;
        return client.call('agents.register', { body });
      });
      // The first time may have done it, and its answer was lost.
      return asked > 1 ? { ...reply, created: true } : reply;
    },
    async labelsOf({ id, name }) {
      const known = await find(id);
      return known?.name === name && known.state === 'active' ? known.labels : undefined;
    },
    async isElsewhere({ id }, bootId) {
      for (let look = 0; (await find(id))?.online; look += 1) {
        const saidBootId = await bootIdOf(id);
        if (saidBootId === undefined || saidBootId === bootId) return false;
        if (look === FACTS_LOOKS) return true;
        await delay(clock, FACTS_PAUSE_MS);
      }
      return false;
    },
    async holder(name) {
      const found = await insist(() => client.call('agents.list', { query: { targets: name } }));
      return found.find((agent) => agent.name === name)?.id;
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
