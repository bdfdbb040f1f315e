/** A real controller, real hosts with sshd, and the install of one of them with what the command line would give it. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Build, Builds, Packed } from '../../../controller/installer/build.ts';
import { HostFailure } from '../../../controller/installer/failure.ts';
import type { HostEntry } from '../../../controller/installer/host.ts';
import { installHost } from '../../../controller/installer/install.ts';
import type { Connection } from '../../../controller/installer/shell.ts';
import type {
  HostEvent,
  HostResult,
  HostWork,
  InstallPorts,
  InstallSettings,
  Registrar,
} from '../../../controller/installer/work.ts';
import { MusterError } from '../../../proto/errors.ts';
import { systemClock } from '../../../proto/system.ts';
import { MUSTER_VERSION } from '../../../proto/version.ts';
import { startFleet, type TestFleet } from '../../e2e/fleet.ts';
import type { ShellConnection } from '../../support/shell-connection.ts';
import { until } from '../../support/until.ts';

export const BUNDLE = readFileSync(join(import.meta.dirname, '../../../dist/agent/main.cjs'));

/** This content as a bundle, gzipped: what builds/ would make of it. */
export function packedBundle(content: Uint8Array, version = MUSTER_VERSION): Packed {
  const packed = gzipSync(content);
  const sha512 = (bytes: Uint8Array): string => createHash('sha512').update(bytes).digest('hex');
  const build: Build = {
    ...{ version, form: 'bundle', arch: undefined },
    ...{ sha512: sha512(content), length: content.length },
  };
  return {
    ...{ build, packing: 'gzip', length: packed.length, sha512: sha512(packed) },
    async *open() {
      for (let at = 0; at < packed.length; at += 65_536) yield packed.subarray(at, at + 65_536);
    },
    read: async (at, length) => packed.subarray(at, at + length),
  };
}

export const buildsOf = (packed: Packed): Builds => ({ packed: async () => packed, close: async () => {} });

/** The real controller's, as the command line's own asks it. */
export function registrarOf({ client }: Pick<TestFleet, 'client'>, onlineWithinMs = 20_000): Registrar {
  const show = (id: string) =>
    client.call('agents.show', { params: { agent: id } }).catch((error: unknown) => {
      if (error instanceof MusterError && error.code === 'no-such-agent') return undefined;
      throw error;
    });
  return {
    async register(body) {
      try {
        return await client.call('agents.register', { body });
      } catch (error) {
        if (!(error instanceof MusterError)) throw error;
        const because =
          error.code === 'name-taken' || error.code === 'agent-removed' ? error.code : 'refused';
        throw new HostFailure(because, error.message);
      }
    },
    async holder(name) {
      const [holder] = await client.call('agents.list', { query: { targets: name } });
      return holder?.id;
    },
    labelsOf: async ({ id }) => (await show(id))?.labels,
    isElsewhere: async () => false,
    async label({ id }, labels) {
      await client.call('agents.label', { params: { agent: id }, body: { set: { ...labels } } });
    },
    async remove({ id }) {
      await client.call('agents.remove', { params: { agent: id } });
    },
    async online({ id, name }, version, signal) {
      await until(
        `${name} is online`,
        async () => {
          if (signal.aborted) return true;
          const agent = await show(id);
          return agent?.online === true && agent.agentVersion === version;
        },
        onlineWithinMs,
      ).catch(() => {
        throw new HostFailure('not-online', `not within ${onlineWithinMs} ms`);
      });
      if (signal.aborted) throw new HostFailure('stopped');
    },
    async ping({ name }, signal) {
      const tasks = [{ command: { argv: ['true'] } }];
      const { job } = await client.call('jobs.create', { body: { targets: name, tasks, ttlMs: 10_000 } });
      const ended = await until(
        `${name} has answered`,
        async () => {
          const { runs, state } = await client.call('jobs.show', { params: { job } });
          return (state === 'over' || signal.aborted) && (runs[0]?.state ?? 'none');
        },
        15_000,
      );
      if (signal.aborted) throw new HostFailure('stopped');
      if (ended !== 'succeeded') throw new HostFailure('no-pong', ended);
    },
  };
}

export interface InstallStage {
  readonly fleet: TestFleet;
  /** Resolves with what became of it, whatever that is. */
  install(connect: () => Promise<Connection>, more?: InstallMore): Promise<Installed>;
}

/** Of a connection, what happens when its script number `at` (from 0) has been carried out: before anybody hears of it. */
export function cutting(connection: ShellConnection, at: number): Connection {
  let number = 0;
  return {
    ...connection,
    async rootShell() {
      const shell = await connection.rootShell();
      return {
        async run(script, options) {
          const answer = await shell.run(script, options);
          if (number++ === at) connection.cut();
          connection.gone.throwIfAborted();
          return answer;
        },
      };
    },
  };
}

export interface InstallMore {
  entry?: Partial<HostEntry>;
  settings?: Partial<InstallSettings>;
  ports?: Partial<InstallPorts> | undefined;
  stop?: AbortSignal;
  tell?: (event: HostEvent) => void;
  claim?: HostWork['claim'];
}

export interface Installed {
  readonly result: HostResult | undefined;
  readonly failure: HostFailure | undefined;
  readonly steps: readonly string[];
  readonly warnings: readonly string[];
}

/** `flags` are of `muster serve`, at each of its starts. */
export async function installStage(
  t: { after(fn: () => unknown): void },
  flags: readonly string[] = [],
): Promise<InstallStage> {
  const fleet = await startFleet(t, { flags });
  const trust = await fleet.client.call('fleet.trust', {});
  return {
    fleet,
    async install(
      connect,
      { entry = {}, settings = {}, ports = {}, stop, tell = () => {}, claim = () => undefined } = {},
    ) {
      const events: HostEvent[] = [];
      const outcome = await installHost(
        {
          ...{ written: 'host', name: undefined, host: 'host', port: undefined, user: undefined },
          ...{ identityFiles: [], proxyJump: undefined, labels: {}, sudo: undefined, from: 'argument 1' },
          ...entry,
        },
        {
          settings: { service: 'none', proxy: undefined, replace: false, check: false, ...settings },
          trust,
          builds: buildsOf(packedBundle(BUNDLE)),
          registrar: registrarOf(fleet),
          clock: systemClock,
          by: 'alice@admin-1',
          connect,
          ...ports,
        },
        {
          stop: stop ?? new AbortController().signal,
          claim,
          tell(event) {
            events.push(event);
            tell(event);
          },
        },
      ).catch((error: unknown) => {
        if (error instanceof HostFailure) return error;
        throw error;
      });
      const isFailure = outcome instanceof HostFailure;
      return {
        result: isFailure ? undefined : outcome,
        failure: isFailure ? outcome : undefined,
        steps: events.flatMap((event) => (event.what === 'step' ? [event.step] : [])),
        warnings: events.flatMap((event) => (event.what === 'warning' ? [event.text] : [])),
      };
    },
  };
}
