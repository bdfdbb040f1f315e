/** The tries of a probe that go over the network: no proxy, no redirect followed, no more read than it takes. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:net';
import { getCACertificates, rootCertificates } from 'node:tls';
import type { Message } from './codec.ts';
import { LIMITS } from './limits.ts';

/** Both reject with an Error whose message says why the try failed, and as soon as the signal aborts. */
export interface ProbeSockets {
  http(probe: Message<'HttpProbe'>, signal: AbortSignal): Promise<void>;
  tcp(probe: Message<'TcpProbe'>, signal: AbortSignal): Promise<void>;
}

export const probeSockets: ProbeSockets = { http: tryHttp, tcp: tryTcp };

function tryTcp({ host, port }: Message<'TcpProbe'>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const socket = connect({ host, port });
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

async function tryHttp(probe: Message<'HttpProbe'>, signal: AbortSignal): Promise<void> {
  const { status, contains } = probe;
  const answer = await ask(probe, signal);
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

function ask({ url, insecure }: Message<'HttpProbe'>, signal: AbortSignal): Promise<IncomingMessage> {
  const isSecure = new URL(url).protocol === 'https:';
  const options: RequestOptions = {
    // One of its own, without what the environment says of proxies.
    agent: false,
    headers: { 'user-agent': 'muster', accept: '*/*', connection: 'close' },
    signal,
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
