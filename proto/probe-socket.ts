/** The tries of a probe that go over the network: no proxy, no redirect followed, no more read than it takes. */
import { type LookupAddress, type LookupOptions, lookup } from 'node:dns';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, isIP, type LookupFunction } from 'node:net';
import { getCACertificates, rootCertificates } from 'node:tls';
import type { Message } from './codec.ts';
import { LIMITS } from './limits.ts';

/** Why this address is not to be reached, or undefined. */
export type Refuses = (address: string) => string | undefined;

/**
 * Both reject with an Error whose message says why the try failed, and as soon as the signal aborts. `refuses` is asked of each address that
 * a name stands for, and only of what it takes is a connection made; left out: all may be reached.
 */
export interface ProbeSockets {
  http(probe: Message<'HttpProbe'>, signal: AbortSignal, refuses?: Refuses): Promise<void>;
  tcp(probe: Message<'TcpProbe'>, signal: AbortSignal, refuses?: Refuses): Promise<void>;
}

export const probeSockets: ProbeSockets = { http: tryHttp, tcp: tryTcp };

function tryTcp({ host, port }: Message<'TcpProbe'>, signal: AbortSignal, refuses?: Refuses): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host, port, ...allowed(host, refuses) });
    const end = (settle: () => void): void => {
      signal.removeEventListener('abort', onAbort);
      // What comes after it is for nobody.
      socket.on('error', () => {});
      socket.destroy();
      settle();
    };
    const onAbort = (): void => end(() => reject(signal.reason));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => end(resolve));
    socket.once('error', (cause) => end(() => reject(plainly(cause))));
  });
}

async function tryHttp(probe: Message<'HttpProbe'>, signal: AbortSignal, refuses?: Refuses): Promise<void> {
  const { status, contains } = probe;
  const answer = await ask(probe, signal, refuses);
  try {
    const got = answer.statusCode ?? 0;
    if (status === 0 ? got < 200 || got > 399 : got !== status)
      throw new Error(`status ${got}${status === 0 ? '' : `, not ${status}`}`);
    if (contains !== '' && !(await holds(answer, Buffer.from(contains), signal)))
      throw new Error(`status ${got}, but the text is not in the first 64 KiB of the answer`);
  } finally {
    answer.on('error', () => {});
    answer.destroy();
  }
}

function ask(
  { url, insecure }: Message<'HttpProbe'>,
  signal: AbortSignal,
  refuses: Refuses | undefined,
): Promise<IncomingMessage> {
  const { protocol, hostname } = new URL(url);
  const isSecure = protocol === 'https:';
  const options: RequestOptions = {
    // One of its own, without what the environment says of proxies.
    agent: false,
    headers: { 'user-agent': 'muster', accept: '*/*', connection: 'close' },
    signal,
    ...allowed(hostname.replace(/^\[(.*)\]$/, '$1'), refuses),
  };
  return new Promise((resolve, reject) => {
    const request = isSecure
      ? httpsRequest(url, { ...options, rejectUnauthorized: !insecure, ...(!insecure && { ca: trusted() }) })
      : httpRequest(url, options);
    request.once('response', resolve);
    request.on('error', (cause) => reject(signal.aborted ? signal.reason : plainly(cause)));
    request.end();
  });
}

/** How a name is looked up where not all may be reached. Throws for an address that may not. */
function allowed(host: string, refuses: Refuses | undefined): { lookup?: LookupFunction } {
  if (refuses === undefined) return {};
  const why = isIP(host) === 0 ? undefined : refuses(host);
  if (why !== undefined) throw new Error(why);
  return {
    // What was looked at is what is connected to: nobody looks the name up once more.
    lookup(name: string, options: LookupOptions, done): void {
      lookup(name, { ...options, all: true }, (error, found) => {
        if (error) return done(error, '');
        const reasons = found.map(({ address }) => refuses(address));
        const [first, ...others] = found.filter((_, index) => reasons[index] === undefined);
        if (!first) done(new Error(reasons.find((one) => one !== undefined) ?? `${name} has no address`), '');
        else if (options.all) done(null, [first, ...others] satisfies LookupAddress[]);
        else done(null, first.address, first.family);
      });
    },
  };
}

async function holds(answer: IncomingMessage, text: Buffer, signal: AbortSignal): Promise<boolean> {
  let body = Buffer.alloc(0);
  try {
    for await (const piece of answer) {
      body = Buffer.concat([body, piece]).subarray(0, LIMITS.probeBodyBytes);
      if (body.includes(text)) return true;
      if (body.length === LIMITS.probeBodyBytes) return false;
    }
  } catch (cause) {
    throw signal.aborted ? signal.reason : plainly(cause);
  }
  return false;
}

let authorities: string[] | undefined;

/** Those of the machine too: what is probed inside a company is often certified by the company. */
function trusted(): string[] {
  authorities ??= [...rootCertificates, ...getCACertificates('system')];
  return authorities;
}

/** Where several addresses were tried, the first one's reason. */
function plainly(cause: unknown): Error {
  if (cause instanceof AggregateError && cause.errors[0] instanceof Error) return cause.errors[0];
  return cause instanceof Error ? cause : new Error(String(cause));
}
