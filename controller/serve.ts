/**
 * The controller's composition root: gives it the real clock, randomness, disk and network, and opens its two doors on one port.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { hostname as machineName } from 'node:os';
import { fingerprintOf } from '../certs/tls.ts';
import { MusterError } from '../proto/errors.ts';
import { probeSockets } from '../proto/probe-socket.ts';
import { systemClock, systemRandom } from '../proto/system.ts';
import { MUSTER_VERSION } from '../proto/version.ts';
import { SERVER_OPTIONS } from './api/limits.ts';
import { startProbe } from './api/probe.ts';
import { createApi } from './api/server.ts';
import { copyBeforeMigration } from './backup/before-migration.ts';
import { refuseUnfinishedRestore } from './backup/folder.ts';
import { completeConfig, type ServeOptions } from './config.ts';
import { openContentDisk } from './contents/disk.ts';
import { openController } from './controller.ts';
import { lockFile } from './db/lock.ts';
import { openDatabase } from './db/sqlite.ts';
import type { Bus } from './events.ts';
import { prepareContext } from './first-start.ts';
import { openCertificate } from './fleet/certificates.ts';
import { openSecretFiles } from './fleet/files.ts';
import { openKeys } from './fleet/keys.ts';
import { hasFleet } from './fleet/store.ts';
import { openDoor } from './gateway/socket.ts';
import { createLog } from './log.ts';

export interface Serving {
  readonly url: string;
  /** SHA-256 of the certificate authority that operators pin. */
  readonly authority: string;
  readonly events: Pick<Bus, 'on' | 'waitFor'>;
  /** Graceful: streams are ended, agents are told, what was acknowledged is durable. */
  stop(): Promise<void>;
}

/** Starts a controller, making what it needs at the first start. Throws MusterError with a sentence for the operator. */
export async function serve(options: ServeOptions): Promise<Serving> {
  const config = completeConfig(options);
  const [clock, random] = [systemClock, systemRandom];
  const log = createLog(config.logLevel, options.logTo ?? process.stderr);
  // What is made here is for its owner alone, the database too.
  process.umask(0o077);
  const undo: (() => unknown)[] = [];
  const stop = async (): Promise<void> => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const files = openSecretFiles(config.keys);
    undo.push(lockFile(config.lock));
    refuseUnfinishedRestore(config.home);
    const copy = copyBeforeMigration(config.database);
    if (copy !== undefined) log.info({ copy }, 'database copied, as it is before it is migrated');
    const db = openDatabase({ path: config.database, schedule: setImmediate });
    undo.push(() => db.close());
    const keys = openKeys(files, random, await hasFleet(db));
    const hosts = config.certificateHosts(machineName());
    const certificate = await openCertificate(files, hosts, random, clock.now());

    const { certPem: cert, keyPem: key } = certificate;
    const server = createServer({ ...SERVER_OPTIONS, cert, key, minVersion: 'TLSv1.2' });
    server.on('request', notYet);
    const port = await listen(server, config.listen);
    undo.push(() => close(server));
    const urls = config.urlsAt(port, machineName());
    const url = urls[0] ?? '';

    const contentDisk = await openContentDisk(config.contents);
    const controller = await openController({
      ...{ clock, random, db, log, keys, contentDisk, urls },
      keeping: config.keeping,
      probeSockets,
    });
    await prepareContext(controller.operators, config.context, { url, ca: certificate.authorityPem });
    const probe = startProbe();
    undo.push(() => probe.stop());
    server.off('request', notYet);
    const { verbs, bus, gateway } = controller;
    const checks = { store: async () => void (await db.write([])) };
    const api = await createApi({ verbs, bus, clock, log, server, version: MUSTER_VERSION, checks, probe });
    undo.push(() => api.stop());
    const door = openDoor(server, gateway.accept);
    undo.push(() => door.close());
    await controller.start();
    undo.push(() => controller.stop());
    const authority = await fingerprintOf(certificate.authorityPem);
    log.info({ url, fleet: controller.fleetId, authority, version: MUSTER_VERSION }, 'controller ready');
    return { url, authority, events: bus, stop };
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
