/** Connections through a proxy, by CONNECT (RFC 9110). Loaded by those who have one. */
import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { BlockList, isIP, type Socket } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import { MusterError } from '../../proto/errors.ts';
import type { Via } from './proxy.ts';

const ANSWER_MS = 15_000;

/**
 * A socket whose far end is that of `url` (ws: or wss:, then with TLS begun), or undefined where that is to be reached without the
 * proxy. Throws MusterError('unavailable') that says what the proxy did, or the signal's reason.
 */
export async function throughProxy(via: Via, url: string, signal: AbortSignal): Promise<Socket | undefined> {
  const { hostname, port, protocol } = new URL(url);
  const isSecure = protocol === 'wss:';
  const target = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || (isSecure ? 443 : 80)) };
  if (isExcepted(target, via.except)) return undefined;
  const socket = await openTunnel(via, `${hostname}:${target.port}`, signal);
  if (!isSecure) return socket;
  // Who is behind it, the handshake inside proves: see transport.ts.
  return tlsConnect({
    socket,
    servername: serverName(target.host),
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  });
}

function openTunnel(via: Via, authority: string, signal: AbortSignal): Promise<Socket> {
  const proxy = `the proxy ${via.host}:${via.port}`;
  return new Promise((resolve, reject) => {
    const asking: ClientRequest = (via.isSecure ? httpsRequest : httpRequest)({
      host: via.host,
      port: via.port,
      method: 'CONNECT',
      path: authority,
      // Else Node takes the name for the proxy's own that the Host header has.
      servername: serverName(via.host),
      headers: { host: authority, ...authorization(via) },
      // One of its own, and no keeping of it for later.
      agent: false,
      timeout: ANSWER_MS,
    });
    const fail = (error: unknown): void => {
      signal.removeEventListener('abort', onAbort);
      asking.destroy();
      reject(error);
    };
    const onAbort = (): void => fail(signal.reason);
    asking.once('connect', (answer: IncomingMessage, socket: Socket, head: Buffer) => {
      signal.removeEventListener('abort', onAbort);
      const problem = refusal(answer.statusCode ?? 0, authority, via.credentials !== undefined);
      if (problem === undefined && head.length === 0) {
        socket.setTimeout(0);
        return resolve(socket);
      }
      socket.destroy();
      reject(new MusterError('unavailable', `${proxy} ${problem ?? 'speaks before it is spoken to'}`));
    });
    // Whatever is no 2xx comes as an answer to CONNECT as well; this is for proxies that do not know the method.
    asking.once('response', (answer) =>
      fail(new MusterError('unavailable', `${proxy} ${refusal(answer.statusCode ?? 0, authority, false)}`)),
    );
    asking.once('timeout', () =>
      fail(new MusterError('unavailable', `${proxy} does not answer for ${authority}`)),
    );
    asking.on('error', (error) => fail(new MusterError('unavailable', `${proxy}: ${error.message}`)));
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    asking.end();
  });
}

/** TLS names no addresses. */
const serverName = (host: string): string => (isIP(host) ? '' : host);

function authorization({ credentials }: Via): { 'proxy-authorization'?: string } {
  if (credentials === undefined) return {};
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}

/** Undefined: it did as it was asked. */
function refusal(status: number, authority: string, hadCredentials: boolean): string | undefined {
  if (status >= 200 && status < 300) return undefined;
  if (status === 407)
    return hadCredentials
      ? 'does not take the user and the password that it was given (407)'
      : 'wants a user and a password (407); see --proxy-auth-file';
  if (status === 403) return `does not allow connections to ${authority} (403)`;
  if (status === 502 || status === 503 || status === 504) return `does not reach ${authority} (${status})`;
  return `does not connect to ${authority} (${status})`;
}

/**
 * As others read NO_PROXY: `*`, a name with all below it (a dot or `*.` before it changes nothing), an address, a network
 * (10.0.0.0/8), each with `:port` where only that is meant. And this machine always: no proxy could reach it.
 */
export function isExcepted(
  { host, port }: { readonly host: string; readonly port: number },
  except: readonly string[],
): boolean {
  const name = host.toLowerCase().replace(/\.$/, '');
  return [...LOOPBACK, ...except].some((entry) => {
    if (entry === '*') return true;
    const [, bracketed, plain = '', itsPort] =
      /^(?:\[([^\]]*)\]|([^:]*|.*:.*:.*?))(?::(\d+))?$/.exec(entry) ?? [];
    if (itsPort !== undefined && Number(itsPort) !== port) return false;
    const wanted = (bracketed ?? plain).toLowerCase();
    if (isIP(name)) return isInNetwork(name, wanted);
    const suffix = wanted.replace(/^\*?\./, '');
    return suffix !== '' && (name === suffix || name.endsWith(`.${suffix}`));
  });
}

const LOOPBACK = ['localhost', '127.0.0.0/8', '::1'];

function isInNetwork(address: string, wanted: string): boolean {
  const [base = '', bits] = wanted.split('/');
  const family = isIP(base) === 6 ? 'ipv6' : 'ipv4';
  if (isIP(base) !== isIP(address)) return false;
  const list = new BlockList();
  const most = family === 'ipv6' ? 128 : 32;
  if (bits !== undefined && !(/^\d{1,3}$/.test(bits) && Number(bits) <= most)) return false;
  list.addSubnet(base, bits === undefined ? most : Number(bits), family);
  return list.check(address, family);
}
