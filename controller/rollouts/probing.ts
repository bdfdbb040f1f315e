import { type Clock, delay } from '../../proto/clock.ts';
import type { ProbeSockets } from '../../proto/probe-socket.ts';
import { addTry, beginProbe, nextTry, type ProbeRules } from '../../proto/probe-state.ts';
import type { ProbeTimes } from '../jobs/task.ts';

/** A probe of the controller's own; `{name}` and `{address}` stand for each host. */
export type OwnProbe = { name: string } & ProbeTimes &
  (
    | {
        http: {
          url: string;
          status?: number | undefined;
          contains?: string | undefined;
          insecure?: boolean | undefined;
        };
      }
    | { tcp: { host: string; port: number } }
  );

export interface Probed {
  held: boolean;
  reason: string | null;
}

/** Where nothing else is said, as of probes on hosts. */
export const PROBE_TIMES = { everyMs: 2_000, timeoutMs: 5_000, withinMs: 30_000 } as const;

/** Tries at a time, of all rollouts together. */
const MOST_AT_ONCE = 64;
/** What a host says may be in the reason why its probe failed. */
const REASON_CHARS = 300;

interface ProbedHost {
  name: string;
  address: string | null;
}

/** As reach.ts has it. */
export type Unreachable = (address: string, hostAddress: string | null) => string | undefined;

/** Probes hosts from the controller, a bounded number of them at a time. */
export function createProber(clock: Clock, sockets: ProbeSockets, unreachable: Unreachable) {
  let free = MOST_AT_ONCE;
  const waiting: (() => void)[] = [];

  /** One of the places for tries. */
  async function place(): Promise<void> {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
  }

  function giveBack(): void {
    const next = waiting.shift();
    if (next) next();
    else free += 1;
  }

  /** Why it failed; undefined: it did not. */
  async function tryOnce(
    probe: OwnProbe,
    { address }: ProbedHost,
    forMs: number,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const refuses = (reached: string) => unreachable(reached, address);
    const late = new AbortController();
    const cancel = clock.after(forMs, () => late.abort(new Error(`no answer within ${forMs} ms`)));
    const either = AbortSignal.any([signal, late.signal]);
    try {
      either.throwIfAborted();
      if ('http' in probe) {
        const { url, status = 0, contains = '', insecure = false } = probe.http;
        await sockets.http({ url, status, contains, insecure }, either, refuses);
      } else await sockets.tcp(probe.tcp, either, refuses);
      return undefined;
    } catch (cause) {
      const text = (cause instanceof Error ? cause.message : String(cause)).replaceAll(/\s+/g, ' ');
      return (text.length > REASON_CHARS ? `${text.slice(0, REASON_CHARS)}…` : text).toWellFormed();
    } finally {
      cancel();
    }
  }

  /** Whether a probe comes to hold in time, and then holds for as long as it has to. Rejects with the signal's reason. */
  async function one(
    probe: OwnProbe,
    host: ProbedHost,
    holdMs: number,
    signal: AbortSignal,
  ): Promise<Probed> {
    const { need = 1, of = need } = probe;
    const rules: ProbeRules = { ...PROBE_TIMES, ...timesOf(probe), need, of, holdMs };
    // Its time stands still while it waits for a place: that others are slow is no fault of this host.
    let queuedMs = 0;
    const nowMs = (): number => clock.monotonicMs() - queuedMs;
    let state = beginProbe(nowMs());
    let last: string | undefined;
    for (;;) {
      const next = nextTry(state, rules, nowMs());
      if (next.is === 'held') return { held: true, reason: null };
      if (next.is === 'failed') {
        const how =
          next.how === 'never' ? `did not hold within ${rules.withinMs / 1000} s` : 'did not go on to hold';
        return {
          held: false,
          reason: `probe ${probe.name} ${how}${last === undefined ? '' : `: ${last}`}`,
        };
      }
      if (next.inMs > 0) await delay(clock, next.inMs, signal);
      const sinceMs = clock.monotonicMs();
      await place();
      queuedMs += clock.monotonicMs() - sinceMs;
      const beganMs = nowMs();
      const problem = await tryOnce(probe, host, next.forMs, signal).finally(giveBack);
      signal.throwIfAborted();
      state = addTry(state, rules, { beganMs, endedMs: nowMs(), succeeded: problem === undefined });
      last = problem ?? last;
    }
  }

  return {
    /**
     * All probes at all of these hosts at once; the first that does not hold ends it. `holdMs`: of each probe; left out: as it says itself.
     * Rejects with the signal's reason.
     */
    async all(
      probes: readonly OwnProbe[],
      hosts: readonly ProbedHost[],
      holdMs: number | undefined,
      signal: AbortSignal,
    ): Promise<Probed> {
      const first = new AbortController();
      const either = AbortSignal.any([signal, first.signal]);
      let failed: Probed | undefined;
      const each = hosts.flatMap((host) =>
        probes.map(async (probe) => {
          try {
            const result = await one(filled(probe, host), host, holdMs ?? probe.holdMs ?? 0, either);
            if (result.held || failed) return;
            failed = {
              held: false,
              reason: hosts.length === 1 ? result.reason : `${host.name}: ${result.reason}`,
            };
            first.abort();
          } catch (error) {
            if (!either.aborted) throw error;
          }
        }),
      );
      await Promise.all(each);
      signal.throwIfAborted();
      return failed ?? { held: true, reason: null };
    },
  };
}

function timesOf({ everyMs, timeoutMs, withinMs }: ProbeTimes) {
  return {
    ...(everyMs === undefined ? {} : { everyMs }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(withinMs === undefined ? {} : { withinMs }),
  };
}

/** Names of hosts are of a small alphabet, and so are addresses. */
function filled(probe: OwnProbe, { name, address }: ProbedHost): OwnProbe {
  const bare = address ?? name;
  const inUrl = bare.includes(':') ? `[${bare}]` : bare;
  const put = (text: string, at: string): string =>
    text.replaceAll('{name}', () => name).replaceAll('{address}', () => at);
  if ('http' in probe) return { ...probe, http: { ...probe.http, url: put(probe.http.url, inUrl) } };
  return { ...probe, tcp: { ...probe.tcp, host: put(probe.tcp.host, bare) } };
}
