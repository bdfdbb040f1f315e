import { isErrorCode, MusterError } from '../../proto/errors.ts';
import type { ErrorReply } from '../api/contract.ts';
import { EXIT, Failure } from './failure.ts';

/** What an answer that is not the expected one means. */
export function replyError(status: number, body: Uint8Array, url: string): Error {
  const error = errorOf(body);
  if (error === undefined) {
    // A load balancer's own page, while nobody stands behind it.
    if (status >= 502 && status <= 504)
      return new MusterError('unavailable', `${url} answers HTTP ${status}`);
    return new Failure(
      EXIT.refused,
      `${url} does not answer like a Muster controller (HTTP ${status})`,
      'check the URL; "muster login URL" points to another',
    );
  }
  const { code, message, detail, requestId } = error;
  const more = detail ?? (requestId === undefined ? undefined : `request ${requestId}`);
  if (isErrorCode(code)) return new MusterError(code, more);
  // A newer controller's: its own words have to do.
  return new Failure(EXIT.refused, more === undefined ? message : `${message}: ${more}`);
}

function errorOf(body: Uint8Array): ErrorReply['error'] | undefined {
  try {
    const { error } = JSON.parse(Buffer.from(body).toString()) as Partial<ErrorReply>;
    return typeof error?.code === 'string' && typeof error.message === 'string' ? error : undefined;
  } catch {
    return undefined;
  }
}

const UNREACHABLE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection',
  ECONNRESET: 'cut the connection',
  EPIPE: 'cut the connection',
  ETIMEDOUT: 'does not answer',
  EHOSTUNREACH: 'cannot be reached from here',
  ENETUNREACH: 'cannot be reached from here',
  ENOTFOUND: 'has a name that nobody knows',
  EAI_AGAIN: 'has a name that cannot be looked up now',
};

const NOT_TRUSTED = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
  'ERR_TLS_CERT_ALTNAME_INVALID',
  'INVALID_CA',
  'INVALID_PURPOSE',
]);

/** What a broken connection means. An error that is ours already, or an abort, comes back as it is. */
export function connectionError(error: unknown, url: string): unknown {
  if (error instanceof MusterError || error instanceof Failure || !(error instanceof Error)) return error;
  if (error.name === 'AbortError') return error;
  const code = 'code' in error ? String(error.code) : '';
  if (NOT_TRUSTED.has(code))
    return new Failure(
      EXIT.refused,
      `${url} shows a certificate that is not the pinned controller's (${code})`,
      'if the controller was set up anew, use "muster login URL" again; otherwise somebody stands between',
      { cause: error },
    );
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return new Failure(
      EXIT.refused,
      `the certificate of ${url} ${code === 'CERT_HAS_EXPIRED' ? 'has expired' : 'is not valid yet'}`,
      "check this machine's clock; a restarted controller renews its certificate",
      { cause: error },
    );
  if (code.startsWith('ERR_SSL') || code === 'EPROTO')
    return new Failure(
      EXIT.refused,
      `${url} does not speak TLS as it should (${code})`,
      'check the port in the URL',
      {
        cause: error,
      },
    );
  return new MusterError(
    'unavailable',
    `${url} ${UNREACHABLE[code] ?? `failed (${code || error.message})`}`,
    {
      cause: error,
    },
  );
}
