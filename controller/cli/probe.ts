import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { connectionError } from './reply-error.ts';

export interface Probed {
  /** The certificates that the server sent, its own first, each signed by the next; PEM. */
  chain: string[];
  /** Whether this system trusts it for this host's name without our doing. */
  publiclyTrusted: boolean;
}

const PROBE_MS = 10_000;
const CHAIN_MOST = 10;

/** What a server shows, before anybody trusts it; nothing is sent to it. Throws as a client does. */
export function probe(url: string): Promise<Probed> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port: Number(port || 443),
      rejectUnauthorized: false,
      ...(isIP(host) ? {} : { servername: host }),
    });
    socket.setTimeout(PROBE_MS, () =>
      socket.destroy(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })),
    );
    socket.once('error', (error) => reject(connectionError(error, url)));
    socket.once('secureConnect', () => {
      resolve({ chain: chainOf(socket), publiclyTrusted: socket.authorized });
      socket.destroy();
    });
  });
}

function chainOf(socket: TLSSocket): string[] {
  const chain: string[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  const seen = new Set<string>();
  // A root is its own issuer.
  while (next?.raw && !seen.has(next.fingerprint256) && chain.length < CHAIN_MOST) {
    seen.add(next.fingerprint256);
    chain.push(new X509Certificate(next.raw).toString());
    next = next.issuerCertificate;
  }
  return chain;
}
