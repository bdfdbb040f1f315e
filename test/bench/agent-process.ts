/**
 * The agent in a process of its own, joined to this machine by another composition root than agent/run.ts: its ports say
 * when they were used. The product has no switch for that.
 */

import { statfsSync } from 'node:fs';
import { type Agent, createAgent } from '../../agent/agent.ts';
import { OPEN_POLICY } from '../../agent/bundle/policy.ts';
import { cacheFolder } from '../../agent/contents/disk.ts';
import { createContents } from '../../agent/contents/engine.ts';
import { createLocalExecutor } from '../../agent/executor/local.ts';
import { identityStore, readIdentity, readTrust } from '../../agent/identity/file-store.ts';
import { homeAt, makeHome } from '../../agent/identity/home.ts';
import { createContactLine } from '../../agent/link/contact.ts';
import { dialWebSocket } from '../../agent/link/transport.ts';
import { createLog } from '../../agent/log.ts';
import { openHomeJournal } from '../../agent/run.ts';
import type { Starter } from '../../agent/runs/ports.ts';
import type { Journal } from '../../agent/spool/journal.ts';
import { keptFiles } from '../../agent/spool/kept-files.ts';
import { systemClock, systemRandom } from '../../proto/system.ts';
import { MUSTER_VERSION } from '../../proto/version.ts';
import { NEVER_LEAVING } from '../support/never-leaving.ts';
import { answer, sharedMs } from './child.ts';

/** In the order in which they come; all in sharedMs. */
export const STAGES = [
  'delivered',
  'opened',
  'accepting',
  'accepted',
  'starting',
  'ended',
  'concluding',
  'concluded',
  'sent',
] as const;
export type AgentMoments = Partial<Record<(typeof STAGES)[number], number>>;

export interface AgentRequests {
  /** Starts the agent of a home that has joined. */
  start(home: string): Promise<void>;
  /** Of the last run. */
  moments(): AgentMoments;
}

let moments: AgentMoments = {};
const mark = (stage: keyof AgentMoments): void => {
  moments[stage] = sharedMs();
};

const dial: typeof dialWebSocket = async (url, signal) => {
  const transport = await dialWebSocket(url, signal);
  return {
    ...transport,
    get bufferedAmount() {
      return transport.bufferedAmount;
    },
    send(bytes) {
      transport.send(bytes);
      mark('sent');
    },
    receive({ message, closed }) {
      transport.receive({
        message(bytes) {
          // The bundle is the first message of a run; receipts and the like come later.
          if (moments.opened !== undefined && moments.concluded === undefined) return message(bytes);
          const before = moments;
          moments = {};
          mark('delivered');
          message(bytes);
          if (moments.opened === undefined) moments = before;
        },
        closed,
      });
    },
  };
};

function marked(executor: Starter): Starter {
  return {
    check(spec) {
      mark('opened');
      return executor.check(spec);
    },
    hasBegun: executor.hasBegun,
    start(...run) {
      mark('starting');
      const started = executor.start(...run);
      started.done.then(() => mark('ended'));
      return started;
    },
  };
}

function markedJournal(journal: Journal): Journal {
  return {
    ...journal,
    accept(order) {
      mark('accepting');
      journal.accept(order);
      mark('accepted');
    },
    conclude(end, sign) {
      mark('concluding');
      const report = journal.conclude(end, sign);
      mark('concluded');
      return report;
    },
  };
}

let stop = async (): Promise<void> => {};

async function start(folder: string): Promise<void> {
  const home = homeAt(folder);
  makeHome(home);
  const log = createLog('error');
  const identity = readIdentity(home);
  if (!identity) throw new Error(`${folder} has not joined`);
  const journal = openHomeJournal(home, log);
  const { executor, pool } = createLocalExecutor({ clock: systemClock, spoolDir: home.runs });
  await pool.start();
  const online = Promise.withResolvers<void>();
  const agent: Agent = createAgent({
    urls: [],
    clock: systemClock,
    random: systemRandom,
    log,
    dial,
    soon: setImmediate,
    store: identityStore(home, identity, readTrust(home, identity.fleetId)),
    journal: markedJournal(journal),
    kept: keptFiles(home.spool, () => new Promise(setImmediate)),
    executor: marked(executor),
    contact: createContactLine(),
    contents: createContents({
      clock: systemClock,
      log,
      disk: cacheFolder(home.cache, () => Number.POSITIVE_INFINITY),
      limits: { quotaBytes: 0, reserveBytes: 0 },
    }),
    policy: OPEN_POLICY,
    leaving: NEVER_LEAVING,
    limits: { parallel: 8, waiting: 256, reserveBytes: 0 },
    bootId: '',
    agentVersion: MUSTER_VERSION,
    gatherFacts: async () => ({ json: Buffer.from('{}'), digest: new Uint8Array(32) }),
    freeBytes: () => statfsSync(folder).bavail * statfsSync(folder).bsize,
    onLink: ({ state }) => state === 'online' && online.resolve(),
  });
  stop = async () => {
    await agent.stop();
    executor.stop();
    await pool.stop();
    journal.close();
  };
  agent.start();
  await online.promise;
}

const requests: AgentRequests = { start, moments: () => moments };
answer({ ...requests }, () => stop());
