/**
 * The outer TLS: the controller's own certificate authority and the certificate of its server. It is for the network
 * alone; an agent proves the controller by the session's handshake, so a changed certificate strands nobody.
 *
 *   authority key --signs--> authority (pinned by `muster login` and by browsers that are told to)
 *                 --signs--> server certificate: the DNS names and addresses that the controller listens on
 *
 * The keys are made by WebCrypto from the platform's randomness, not from the injected one: they guard nothing that a
 * replayed seed has to reproduce, and the platform offers no other way to make an ECDSA key. Serial numbers, which say
 * something of the generator, are injected. @peculiar/x509 (with the Reflect polyfill that it needs) takes some 100 ms to load, so
 * it is imported when the first certificate is made or read, and never by an agent.
 */
import type { RandomBytes } from '../proto/random.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const KEY = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNATURE = { name: 'ECDSA', hash: 'SHA-256' } as const;
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1';

export interface Certified {
  /** PEM; of a server: the leaf, then its authority. */
  readonly certPem: string;
  /** PKCS#8, PEM. */
  readonly keyPem: string;
}

export interface AuthorityInput {
  random: RandomBytes;
  /** Milliseconds since the epoch. */
  now: number;
  days: number;
  /** The common name: up to 64 letters, digits, spaces, dots, dashes and underscores. */
  name: string;
}

export interface ServerInput {
  random: RandomBytes;
  authority: Certified;
  /** DNS names (wildcards too) and IP addresses; at least one. */
  hosts: readonly string[];
  now: number;
  days: number;
}

const load = async (): Promise<typeof import('@peculiar/x509')> => {
  await import('reflect-metadata');
  return import('@peculiar/x509');
};

/** A new self-signed authority that signs servers and no further authority. Throws a RangeError for another name. */
export async function makeAuthority(input: AuthorityInput): Promise<Certified> {
  // The library reads quotes, '#' and '=' in a name as syntax, and would certify something else.
  if (!/^[\w .-]{1,64}$/.test(input.name)) throw new RangeError('the name of an authority is plain text');
  const x509 = await load();
  const keys = await makeKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(input.random),
    name: [{ CN: [input.name] }],
    ...validity(input.now, input.days),
    signingAlgorithm: SIGNATURE,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certPem: `${certificate.toString('pem')}\n`, keyPem: await privatePem(keys.privateKey) };
}

/**
 * A certificate for a server, with a new key. It ends no later than its authority.
 * Throws a RangeError without hosts, for one that is neither a name nor an address, or when the authority is over.
 */
export async function issueServer(input: ServerInput): Promise<Certified> {
  if (input.hosts.length === 0) throw new RangeError('a server certificate names at least one host');
  const odd = input.hosts.find((host) => hostType(host) === undefined);
  if (odd !== undefined) throw new RangeError(`neither a DNS name nor an address: ${JSON.stringify(odd)}`);
  const x509 = await load();
  const authority = new x509.X509Certificate(input.authority.certPem);
  if (input.now >= authority.notAfter.getTime())
    throw new RangeError('the certificate authority has expired');
  const signingKey = await crypto.subtle.importKey(
    'pkcs8',
    x509.PemConverter.decodeFirst(input.authority.keyPem),
    KEY,
    false,
    ['sign'],
  );
  const keys = await makeKeys();
  const { notBefore, notAfter } = validity(input.now, input.days);
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(input.random),
    subject: [{ CN: ['Muster controller'] }],
    issuer: authority.subjectName,
    notBefore,
    notAfter: new Date(Math.min(notAfter.getTime(), authority.notAfter.getTime())),
    signingAlgorithm: SIGNATURE,
    publicKey: keys.publicKey,
    signingKey,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension(
        input.hosts.map((host) => ({ type: hostType(host) ?? 'dns', value: canonicalHost(host) })),
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
    ],
  });
  return {
    certPem: `${certificate.toString('pem')}\n${authority.toString('pem')}\n`,
    keyPem: await privatePem(keys.privateKey),
  };
}

/**
 * Whether a server's certificate (the first of `certPem`) is to be made again: unreadable, not valid yet, in the last
 * third of its life, or without one of these hosts.
 */
export async function needsRenewal(certPem: string, hosts: readonly string[], now: number): Promise<boolean> {
  const x509 = await load();
  let certificate: InstanceType<typeof x509.X509Certificate>;
  try {
    certificate = new x509.X509Certificate(x509.PemConverter.decodeFirst(certPem));
  } catch {
    return true;
  }
  const [from, until] = [certificate.notBefore.getTime(), certificate.notAfter.getTime()];
  if (now < from || now >= until - (until - from) / 3) return true;
  const named = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items ?? [];
  const known = new Set(named.map((name) => canonicalHost(name.value)));
  return !hosts.every((host) => known.has(canonicalHost(host)));
}

/** SHA-256 of the first certificate, as `openssl x509 -fingerprint` and browsers print it: AB:CD:… */
export async function fingerprintOf(certPem: string): Promise<string> {
  const body = /-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/.exec(certPem)?.[1];
  if (body === undefined) throw new TypeError('not a certificate in PEM');
  const digest = await crypto.subtle.digest('SHA-256', Buffer.from(body, 'base64'));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(
    ':',
  );
}

const makeKeys = () => crypto.subtle.generateKey(KEY, true, ['sign', 'verify']);

type PrivateKey = Awaited<ReturnType<typeof makeKeys>>['privateKey'];

async function privatePem(key: PrivateKey): Promise<string> {
  const { PemConverter } = await load();
  const der = await crypto.subtle.exportKey('pkcs8', key);
  return `${PemConverter.encode(der, PemConverter.PrivateKeyTag)}\n`;
}

/** 16 bytes; the first begins with 01, so that DER reads it as positive and without a leading zero. */
function serialNumber(random: RandomBytes): string {
  const serial = Buffer.from(random(16));
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  return serial.toString('hex');
}

/** Backdated by an hour for clocks that run behind; whole seconds, as X.509 counts. */
function validity(now: number, days: number): { notBefore: Date; notAfter: Date } {
  const second = Math.floor(now / 1000) * 1000;
  return { notBefore: new Date(second - HOUR_MS), notAfter: new Date(second + days * DAY_MS) };
}

function hostType(host: string): 'ip' | 'dns' | undefined {
  // A zone (fe80::1%eth0) means something on one machine only, and has no place in a certificate.
  if (host.includes(':'))
    return /^[\da-f:.]+$/i.test(host) && URL.canParse(`http://[${host}]`) ? 'ip' : undefined;
  if (/^[\d.]+$/.test(host)) return isIPv4(host) ? 'ip' : undefined;
  return host.length <= 253 && /^(\*\.)?[\w-]+(\.[\w-]+)*$/.test(host) ? 'dns' : undefined;
}

function isIPv4(host: string): boolean {
  const octets = host.split('.');
  return (
    octets.length === 4 && octets.every((octet) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255)
  );
}

/** Names without case, IPv6 addresses in their shortest form (the library misreads ::ffff:10.1.2.3). */
function canonicalHost(host: string): string {
  const address = host.includes(':') && hostType(host) === 'ip';
  return address ? new URL(`http://[${host}]`).hostname.slice(1, -1) : host.toLowerCase();
}
