/**
 * The controller's composition root: the only place that constructs features and hands them the real clock, randomness, disk and
 * network. What each needs of the others is declared at its own side and joined here.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { hostname as machineName } from 'node:os';
import { MusterError } from '../proto/errors.ts';
import { hash, keyId, sign, verify } from '../proto/frame.ts';
import { toHex } from '../proto/ids.ts';
import { fraction } from '../proto/random.ts';
import { systemClock, systemRandom } from '../proto/system.ts';
import { MUSTER_VERSION } from '../proto/version.ts';
import { SERVER_OPTIONS } from './api/limits.ts';
import { startProbe } from './api/probe.ts';
import { createApi } from './api/server.ts';
import type { ApiVerbs } from './api/verbs.ts';
import { createAudit } from './audit/engine.ts';
import { completeConfig, type ServeOptions } from './config.ts';
import { lockFile } from './db/lock.ts';
import { openDatabase } from './db/sqlite.ts';
import { enrol } from './enrolment/enrol.ts';
import { createTokens } from './enrolment/tokens.ts';
import { createBus } from './events.ts';
import { prepareContext } from './first-start.ts';
import { openCertificate } from './fleet/certificates.ts';
import { openFleet } from './fleet/engine.ts';
import { openSecretFiles } from './fleet/files.ts';
import { openKeys } from './fleet/keys.ts';
import { createAdmission } from './gateway/admission.ts';
import { createGateway, type Gateway } from './gateway/engine.ts';
import { openDoor } from './gateway/socket.ts';
import { openInventory } from './inventory/engine.ts';
import { agentDetail, agentSummary } from './inventory/summary.ts';
import { createJobs, type Jobs } from './jobs/engine.ts';
import { createLog } from './log.ts';
import { createOperators } from './operators/engine.ts';

export interface Controller {
  url: string;
  /** Graceful: streams are ended, agents are told, what was acknowledged is durable. */
  stop(): Promise<void>;
}

const ADMISSION = { perSecond: 400, burst: 800, concurrent: 400 } as const;

/** Starts a controller, making what it needs at the first start. Throws MusterError with a sentence for the operator. */
export async function serve(options: ServeOptions): Promise<Controller> {
  const config = completeConfig(options);
  const [clock, random] = [systemClock, systemRandom];
  const log = createLog(config.logLevel, process.stderr);
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const files = openSecretFiles(config.keys);
    undo.push(lockFile(config.lock));
    const keys = openKeys(files, random);
    const db = openDatabase({ path: config.database, schedule: setImmediate });
    undo.push(() => db.close());

    const certificate = await openCertificate(
      files,
      config.certificateHosts(machineName()),
      random,
      clock.now(),
    );
    const server = createServer({
      ...SERVER_OPTIONS,
      cert: certificate.certPem,
      key: certificate.keyPem,
      minVersion: 'TLSv1.2',
    });
    server.on('request', notYet);
    const port = await listen(server, config.listen);
    undo.push(() => close(server));
    const urls = config.urlsAt(port, machineName());
    const url = urls[0] ?? '';

    const bus = createBus({ onError: (error) => log.error({ err: error }, 'listener failed') });
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
    await audit.start();
    undo.push(() => audit.stop());

    // Agents' door and jobs know each other: what one sends, the other hands over.
    let gateway: Gateway | undefined;
    let jobs: Jobs | undefined;
    const inventory = await openInventory({
      clock,
      db,
      bus,
      log,
      audit,
      fraction: () => fraction(random),
      drop: (agentId, code) => gateway?.drop(agentId, code),
    });
    const enrolmentPorts = { clock, random, db, audit, fleet, enrolled: inventory.enrolled };
    jobs = createJobs({
      clock,
      random,
      db,
      bus,
      log,
      audit,
      links: { send: (agentId, kind, value) => gateway?.send(agentId, kind, value) ?? false },
      inventory,
      fleetId: fleet.fleetId,
      controllerKey: fleet.controllerKey,
      jobKey: keys.job,
    });
    gateway = createGateway(
      {
        clock,
        random,
        log,
        fleet,
        agents: { ...inventory, signKeyOf: (agentId) => inventory.get(agentId)?.signKey },
        enrol: (attempt) => enrol(enrolmentPorts, attempt),
        jobs,
      },
      createAdmission(ADMISSION, clock, random),
    );
    bus.on((event) => {
      if (event.type !== 'agent-removed') return;
      jobs
        ?.abandon(event.agentId)
        .catch((error: unknown) => log.error({ err: error }, 'runs of a removed agent'));
    });

    const operators = createOperators({ clock, random, db, audit });
    const startedAtMs = clock.now();
    const verbs: ApiVerbs = {
      async status() {
        const { serial, expiresAtMs } = fleet.current();
        const counts = inventory.figures();
        const sum = (wanted: (one: (typeof counts)[number]) => boolean): number =>
          counts.filter(wanted).reduce((total, one) => total + one.count, 0);
        return {
          version: MUSTER_VERSION,
          fleetId: fleet.fleetIdHex,
          urls,
          timeMs: clock.now(),
          startedAtMs,
          agents: {
            known: sum(() => true),
            online: sum((one) => one.online),
            pending: sum((one) => one.state === 'pending'),
            quarantined: sum((one) => one.state === 'quarantined'),
          },
          jobs: { running: (await history.figures()).jobs.running },
          trust: { serial, expiresAtMs },
          rootKeyHere: fleet.rootKeyHere,
          warnings: fleet.warnings(),
        };
      },
      targets: {
        match: async (query) => inventory.meant(query).map(({ name, id, online }) => ({ name, id, online })),
      },
      agents: {
        list: async (query) => inventory.list(query).map((agent) => agentSummary(agent, clock.now())),
        show: async (nameOrId) => agentDetail(inventory.find(nameOrId), clock.now()),
        label: inventory.label,
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
      },
      tokens: createTokens(enrolmentPorts),
      jobs,
      operators,
      audit,
      figures: async () => ({
        ...(await history.figures()),
        agents: inventory.figures(),
        commits: db.commits(),
      }),
    };
    const history = jobs;

    await prepareContext(operators, config.context, { url, ca: certificate.authorityPem });
    const probe = startProbe();
    undo.push(() => probe.stop());
    jobs.start();
    undo.push(() => history.stop());
    fleet.start(gateway.pushTrust);
    undo.push(() => fleet.stop());
    server.off('request', notYet);
    const api = await createApi({
      verbs,
      bus,
      clock,
      log,
      server,
      version: MUSTER_VERSION,
      checks: { store: async () => void (await db.write([])) },
      probe,
    });
    undo.push(() => api.stop());
    const door = openDoor(server, gateway.accept);
    gateway.start();
    undo.push(() => {
      bus.emit({ type: 'stopping' });
      door.close();
      gateway.stop();
    });
    log.info({ url, fleet: fleet.fleetIdHex, version: MUSTER_VERSION }, 'controller ready');
    return { url, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The port is taken before the doors are there: a request in between is told to come again. */
function notYet(_: IncomingMessage, response: ServerResponse): void {
  response.writeHead(503, { 'retry-after': '1', connection: 'close' }).end();
}

function listen(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why =
        cause.code === 'EADDRINUSE' ? 'another process listens there; use --listen HOST:PORT' : cause.message;
      reject(new MusterError('cannot-listen', `${host}:${port}: ${why}`, { cause }));
    });
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address ? address.port : port);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
