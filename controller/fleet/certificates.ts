import { type Certified, issueServer, makeAuthority, needsRenewal } from '../../certs/tls.ts';
import type { RandomBytes } from '../../proto/random.ts';
import type { SecretFiles } from './files.ts';

export interface ServerCertificate extends Certified {
  /** PEM of the authority that operators pin. */
  authorityPem: string;
}

const AUTHORITY_DAYS = 3650;
const SERVER_DAYS = 397;
const FILES = { ca: 'ca.pem', caKey: 'ca.key', server: 'server.pem', serverKey: 'server.key' } as const;

/** The certificate that the controller serves with, from its own authority; made, and made again, where it has to be. */
export async function openCertificate(
  files: SecretFiles,
  hosts: readonly string[],
  random: RandomBytes,
  nowMs: number,
): Promise<ServerCertificate> {
  const authority = readPair(files, FILES.ca, FILES.caKey) ?? (await newAuthority(files, random, nowMs));
  const known = readPair(files, FILES.server, FILES.serverKey);
  if (known && !(await needsRenewal(known.certPem, hosts, nowMs)))
    return { ...known, authorityPem: authority.certPem };
  const issued = await issueServer({ random, authority, hosts, now: nowMs, days: SERVER_DAYS });
  writePair(files, FILES.server, FILES.serverKey, issued);
  return { ...issued, authorityPem: authority.certPem };
}

async function newAuthority(files: SecretFiles, random: RandomBytes, nowMs: number): Promise<Certified> {
  const authority = await makeAuthority({
    random,
    now: nowMs,
    days: AUTHORITY_DAYS,
    name: 'Muster controller authority',
  });
  writePair(files, FILES.ca, FILES.caKey, authority);
  return authority;
}

function readPair(files: SecretFiles, cert: string, key: string): Certified | undefined {
  const [certPem, keyPem] = [files.read(cert), files.read(key)];
  return (
    certPem && keyPem && { certPem: Buffer.from(certPem).toString(), keyPem: Buffer.from(keyPem).toString() }
  );
}

/** The key first: a certificate that is there has its key. */
function writePair(files: SecretFiles, cert: string, key: string, pair: Certified): void {
  files.write(key, Buffer.from(pair.keyPem));
  files.write(cert, Buffer.from(pair.certPem));
}
