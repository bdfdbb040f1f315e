import { X509Certificate } from 'node:crypto';
import type { SecureContextOptions } from 'node:tls';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';

/**
 * Whom the command line takes for its controller:
 *
 *   nothing pinned                  a chain to an authority of this system, for this host's name
 *   another's authority pinned      a chain to it, for this host's name
 *   a controller's own authority    a chain to it; the name does not count
 *
 * A controller's own authority certifies that one controller and nothing else, so whoever has its signature is the
 * controller, by whatever name, address or tunnel it was reached; a changed name strands nobody. Every other
 * authority certifies strangers too, and there the name is all that tells them apart.
 */
export function trustOf(
  ca: string | undefined,
): Pick<ConnectionOptions, 'checkServerIdentity'> & SecureContextOptions & { rejectUnauthorized: true } {
  if (ca === undefined) return { rejectUnauthorized: true };
  return {
    rejectUnauthorized: true,
    ca,
    // A server may send less than its whole chain, so that login pins what it saw.
    allowPartialTrustChain: true,
    checkServerIdentity: (host, certificate) =>
      isOwnAuthority(ca) ? undefined : checkServerIdentity(host, certificate),
  };
}

/** The common name of an authority that `muster serve` makes begins with this word. */
const OWN_NAME = /^CN=Muster\b/m;

/** Whether this is the self-signed authority of a controller. */
export function isOwnAuthority(pem: string): boolean {
  try {
    const certificate = new X509Certificate(pem);
    return certificate.ca && certificate.subject === certificate.issuer && OWN_NAME.test(certificate.subject);
  } catch {
    return false;
  }
}

/** SHA-256 of a certificate, as openssl, browsers and the controller print it: `AB:CD:…`. */
export function fingerprintOf(pem: string | Uint8Array): string {
  return new X509Certificate(pem).fingerprint256;
}

/** What somebody typed or pasted as such, with or without colons, in any case; undefined when it is none. */
export function parseFingerprint(text: string): string | undefined {
  const hex = text
    .trim()
    .replace(/^sha-?256( fingerprint)?[:= ]/i, '')
    .replaceAll(/[: ]/g, '')
    .toUpperCase();
  return /^[0-9A-F]{64}$/.test(hex) ? hex.match(/../g)?.join(':') : undefined;
}
