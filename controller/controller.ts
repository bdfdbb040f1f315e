/**
 * A controller without its world: joins the features over a clock, randomness, a store and keys that are given to it, and says what
 * its two doors need. serve.ts gives it the real ones; a simulator its own.
 */
import type { Clock } from '../proto/clock.ts';
import { MusterError } from '../proto/errors.ts';
import { hash, keyId, sign, verify } from '../proto/frame.ts';
import { toHex } from '../proto/ids.ts';
import type { ProbeSockets } from '../proto/probe-socket.ts';
import { fraction, type RandomBytes } from '../proto/random.ts';
import { MUSTER_VERSION } from '../proto/version.ts';
import type { StorageReply } from './api/messages.ts';
import type { ApiVerbs } from './api/verbs.ts';
import { createAudit } from './audit/engine.ts';
import type { Keeping } from './config.ts';
import { createContents } from './contents/engine.ts';
import type { ContentDisk } from './contents/ports.ts';
import type { Database } from './db/database.ts';
import { enrol } from './enrolment/enrol.ts';
import { register } from './enrolment/register.ts';
import { createTokens } from './enrolment/tokens.ts';
import { type Bus, createBus } from './events.ts';
import { openFleet } from './fleet/engine.ts';
import type { FleetKeys } from './fleet/keys.ts';
import { createOperatorTrust } from './fleet/operator-trust.ts';
import { createReleases } from './fleet/releases.ts';
import { ADMISSION, createAdmission } from './gateway/admission.ts';
import { createGateway, type Gateway } from './gateway/engine.ts';
import { type Inventory, openInventory } from './inventory/engine.ts';
import { createSeen } from './inventory/seen.ts';
import { agentDetail, agentSummary } from './inventory/summary.ts';
import { createJobs, type Jobs } from './jobs/engine.ts';
import type { AgentLinks } from './jobs/ports.ts';
import type { Log } from './log.ts';
import { createOperators, type Operators } from './operators/engine.ts';
import { createRetention } from './retention/engine.ts';
import { createRollouts } from './rollouts/engine.ts';
import { createStorage } from './storage/engine.ts';

export interface World {
  clock: Clock;
  random: RandomBytes;
  db: Database;
  log: Log;
  keys: FleetKeys;
  /** Where large contents are, sealed. */
  contentDisk: ContentDisk;
  /** Where agents and operators find this controller. */
  urls: readonly string[];
  keeping: Keeping;
  /** How this machine probes others for rollouts. */
  probeSockets: ProbeSockets;
}

export interface Controller {
  readonly verbs: ApiVerbs;
  readonly gateway: Gateway;
  readonly bus: Bus;
  readonly operators: Operators;
  readonly fleetId: string;
  start(): Promise<void>;
  /** Ends every session and loop; what was acknowledged is durable. */
  stop(): Promise<void>;
}

/** Throws MusterError with a sentence for the operator. */
export async function openController(world: World): Promise<Controller> {
  const { clock, random, log, keys, urls, keeping } = world;
  const bus = createBus({ onError: (error) => log.error({ err: error }, 'listener failed') });
  const storage = createStorage({
    ...{ clock, db: world.db, bus, log, disk: world.contentDisk, reserveBytes: keeping.reserveBytes },
  });
  const { db } = storage;
  const fleet = await openFleet({ clock, db, log, keys, urls });
  const controllerKeyId = toHex(keyId('controller', keys.controller.publicKey));
  const audit = createAudit({
    db,
    clock,
    hash,
    signHead: (bytes) => ({ keyId: controllerKeyId, signature: sign(keys.controller, 'audit', bytes) }),
    verifyHead: (id, bytes, signature) =>
      id === controllerKeyId && verify(keys.controller.publicKey, signature, 'audit', bytes),
    onError: (error) => log.error({ err: error }, 'audit head could not be signed'),
  });

  /** What is refused while the store is full. */
  const admitted =
    <A extends unknown[], R>(verb: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      storage.admit();
      return verb(...args);
    };

  // The agents' door and the features behind it know each other: what one sends, the other hands over.
  const door: { gateway?: Gateway } = {};
  const inventory = await openInventory({
    clock,
    db,
    bus,
    log,
    audit,
    fraction: () => fraction(random),
    drop: (agentId, code) => door.gateway?.drop(agentId, code),
  });
  const seen = createSeen({ clock, db, log, present: inventory.present });
  const enrolmentPorts = { clock, random, db, audit, fleet, enrolled: inventory.enrolled };
  const links: AgentLinks = {
    send: (agentId, kind, value) => door.gateway?.send(agentId, kind, value) ?? false,
    buffered: (agentId) => door.gateway?.buffered(agentId) ?? 0,
  };
  const contents = createContents({
    clock,
    random,
    db,
    log,
    audit,
    links,
    disk: world.contentDisk,
    reserveBytes: keeping.reserveBytes,
    sealingKey: keys.job,
  });
  const operatorTrust = createOperatorTrust({ clock, audit, fleet });
  const jobs = createJobs({
    clock,
    random,
    db,
    bus,
    log,
    audit,
    links,
    inventory,
    contents,
    admit: storage.admit,
    fleetId: fleet.fleetId,
    controllerKey: fleet.controllerKey,
    signers: operatorTrust,
    jobKey: keys.job,
  });
  const rollouts = createRollouts({
    ...{ clock, random, db, bus, log, audit, jobs, jobKey: keys.job, admit: storage.admit },
    ...{ probeSockets: world.probeSockets, signers: operatorTrust },
    inventory: {
      meant: (query) => inventory.meant(query).map(withAddress),
      get: (agentId) => {
        const agent = inventory.get(agentId);
        return agent && withAddress(agent);
      },
    },
  });
  const retention = createRetention({
    ...{ clock, db, bus, log, audit, keep: keeping, isFull: storage.isFull },
    verifyReports: jobs.verifyReports,
  });
  const gateway = createGateway(
    {
      clock,
      random,
      log,
      fleet,
      agents: { ...inventory, signKeyOf: (agentId) => inventory.get(agentId)?.signKey },
      enrol: admitted(enrol.bind(undefined, enrolmentPorts)),
      jobs,
      contents,
    },
    createAdmission(ADMISSION, clock, random),
  );
  door.gateway = gateway;
  const operators = createOperators({ clock, random, db, audit, trust: operatorTrust });
  const tokens = createTokens(enrolmentPorts);
  const takeLeave = leaveTaker(jobs, inventory, log);
  const startedAtMs = clock.now();

  const status: ApiVerbs['status'] = async () => {
    const { serial, expiresAtMs } = fleet.current();
    const agents = inventory.figures();
    const sum = (wanted: (one: (typeof agents)[number]) => boolean): number =>
      agents.filter(wanted).reduce((total, one) => total + one.count, 0);
    return {
      version: MUSTER_VERSION,
      fleetId: fleet.fleetIdHex,
      urls: [...urls],
      timeMs: clock.now(),
      startedAtMs,
      agents: {
        known: sum(() => true),
        online: sum((one) => one.online),
        pending: sum((one) => one.state === 'pending'),
        quarantined: sum((one) => one.state === 'quarantined'),
      },
      jobs: { running: (await jobs.figures()).jobs.running },
      rollouts: await rollouts.figures(),
      trust: { serial, expiresAtMs },
      rootKeyHere: fleet.rootKeyHere,
      storage: await storageStatus(),
      warnings: [...fleet.warnings(), ...storage.warnings()],
    };
  };
  const storageStatus = async (): Promise<StorageReply> => ({
    ...(await storage.figures()),
    ...(await retention.figures()),
    keepJobsMs: keeping.jobsMs,
    keepOutputMs: keeping.outputMs,
    maxOutputBytes: keeping.outputBytes,
    reserveBytes: keeping.reserveBytes,
  });

  return {
    bus,
    gateway,
    operators,
    fleetId: fleet.fleetIdHex,
    verbs: {
      status,
      targets: {
        match: async (query) =>
          (await jobs.meant(query)).map(({ name, id, online }) => ({ name, id, online })),
      },
      agents: {
        ...agentVerbs(inventory, clock),
        register: admitted(register.bind(undefined, enrolmentPorts)),
      },
      fleet: {
        trust: async () => fleet.trustChain(),
        signRelease: createReleases({ db, audit, fleet }).sign,
      },
      tokens: { ...tokens, create: admitted(tokens.create) },
      jobs,
      rollouts,
      contents: { ...contents, put: admitted(contents.put) },
      retention,
      operators: { ...operators, add: admitted(operators.add), trust: admitted(operators.trust) },
      audit: {
        ...audit,
        // A report that is not what its agent signed leaves its own line in the log: first that, then the chain.
        async verify(since) {
          await jobs.verifyReports();
          return audit.verify(since);
        },
      },
      figures: async () => ({
        ...(await jobs.figures()),
        rollouts: await rollouts.figures(),
        agents: inventory.figures(),
        commits: db.commits(),
        storage: await storageStatus(),
      }),
    },
    async start() {
      await audit.start();
      storage.start();
      bus.on((event) => {
        if (event.type === 'store-writable') gateway.sendAgain();
      });
      bus.on((event) => {
        if (event.type === 'agent-left' || event.type === 'store-writable') takeLeave();
      });
      bus.on((event) => abandonRuns(event.type === 'agent-removed' ? event.agentId : undefined, jobs, log));
      jobs.start();
      await rollouts.begin();
      // Those of whom a controller before this one knew that they left, and no more.
      await takeLeave();
      seen.start();
      contents.start();
      retention.start();
      fleet.start(gateway.pushTrust);
      gateway.start();
    },
    async stop() {
      bus.emit({ type: 'stopping' });
      await gateway.stop();
      fleet.stop();
      seen.stop();
      rollouts.end();
      jobs.stop();
      await contents.stop();
      retention.stop();
      storage.stop();
      await audit.stop();
    },
  };
}

/**
 * Takes those out of the fleet who have removed themselves from their hosts. What the store says decides, so that what a crash or
 * a full disk kept from being done is done later.
 */
function leaveTaker(jobs: Jobs, inventory: Pick<Inventory, 'left'>, log: Log): () => Promise<void> {
  let taking: Promise<void> | undefined;
  let more = false;
  async function takeAll(): Promise<void> {
    try {
      // Thousands may leave at once: whoever does so meanwhile is found by one more look.
      while (more) {
        more = false;
        const leavers = await jobs.leavers();
        await Promise.all(
          leavers.map(({ agentId, jobId, by }) => inventory.left(agentId, { id: jobId, by })),
        );
        for (const { agentId, jobId } of leavers)
          log.info({ agent: agentId, job: jobId }, 'agent uninstalled');
      }
    } catch (error) {
      log.error({ err: error }, 'agents that left are not removed');
    } finally {
      taking = undefined;
    }
  }
  return () => {
    more = true;
    taking ??= takeAll();
    return taking;
  };
}

/** As its session came; behind a proxy that is not the machine's own. */
function withAddress<A extends { presence: { address: string | null } | undefined }>(agent: A) {
  return { ...agent, address: agent.presence?.address ?? null };
}

function abandonRuns(agentId: string | undefined, jobs: Jobs, log: Log): void {
  if (agentId === undefined) return;
  jobs
    .abandon(agentId)
    .catch((error: unknown) => log.error({ err: error, agent: agentId }, 'runs not abandoned'));
}

function agentVerbs(
  inventory: Awaited<ReturnType<typeof openInventory>>,
  clock: Clock,
): Omit<ApiVerbs['agents'], 'register'> {
  return {
    list: async (query) => inventory.list(query).map((agent) => agentSummary(agent, clock.now())),
    show: async (nameOrId) => agentDetail(inventory.find(nameOrId), clock.now()),
    label: inventory.label,
    approve: inventory.approve,
    remove: inventory.remove,
    async facts(nameOrId) {
      const agent = inventory.find(nameOrId);
      if (!agent.facts || agent.factsAtMs === null)
        throw new MusterError('not-found', `${agent.name} has not sent its facts yet`);
      return {
        name: agent.name,
        id: agent.id,
        digest: toHex(agent.factsDigest),
        collectedAtMs: agent.factsAtMs,
        facts: { ...agent.facts },
      };
    },
  };
}
