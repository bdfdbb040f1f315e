import type * as z from 'zod';
import { ERRORS, MusterError } from '../../proto/errors.ts';
import { API_LIMITS } from './limits.ts';
import type { ErrorReply } from './messages.ts';

/** Every way in which a request is refused ends here: what was thrown -> status and body. */
export interface Refusal {
  status: number;
  body: ErrorReply;
  /** The fault is on this side: the log gets the detail, the operator only the request's id. */
  ours: boolean;
}

/** `bodyLimit`: of the route, in bytes. */
export function refusalOf(
  thrown: unknown,
  requestId: string,
  bodyLimit: number = API_LIMITS.bodyBytes,
): Refusal {
  const error = known(thrown, bodyLimit);
  const { code, detail } = error;
  const ours = error.code === 'internal';
  return {
    status: ERRORS[code].http,
    ours,
    body: {
      error: {
        code,
        message: ERRORS[code].sentence,
        ...(detail !== undefined && !ours ? { detail } : {}),
        retryable: ERRORS[code].retryable,
        ...(ours ? { requestId } : {}),
      },
    },
  };
}

function known(thrown: unknown, bodyLimit: number): MusterError {
  if (thrown instanceof MusterError) return thrown;
  const { statusCode, message } = frameworkError(thrown);
  if (statusCode === 413) return new MusterError('too-large', `the request has more than ${bodyLimit} bytes`);
  // What Fastify itself refuses: JSON that is none, a media type, a wrong Content-Length.
  if (statusCode >= 400 && statusCode < 500) return new MusterError('bad-request', cut(message, 300));
  return new MusterError('internal');
}

function frameworkError(thrown: unknown): { statusCode: number; message: string } {
  if (!(thrown instanceof Error) || !('statusCode' in thrown) || !('code' in thrown))
    return { statusCode: 0, message: '' };
  const ofFastify = typeof thrown.code === 'string' && thrown.code.startsWith('FST_');
  const poisoned = thrown instanceof SyntaxError; // of its JSON parser, which forbids `__proto__`
  const { statusCode } = thrown;
  if (typeof statusCode !== 'number' || !(ofFastify || poisoned)) return { statusCode: 0, message: '' };
  return { statusCode, message: thrown.message };
}

/** One problem of a request: where it is and what was expected. Others are not listed: they are often its echo. */
export function problemOf(place: 'path' | 'query' | 'body', error: z.ZodError): MusterError {
  const issue = deepest(error.issues);
  if (issue === undefined) return new MusterError('bad-request', place);
  const at = [place, ...issue.path.map(String)].join('.');
  return new MusterError('bad-request', `${cut(at, 200)}: ${cut(issue.message, 300)}`);
}

type Issue = z.core.$ZodIssue;

/** Of a union, the branch that was meant is the one where reading came furthest. */
function deepest(issues: readonly Issue[]): Issue | undefined {
  const [first] = issues;
  if (first?.code !== 'invalid_union') return first;
  const branches = first.errors.flatMap((branch) => deepest(branch) ?? []);
  const furthest = branches.toSorted((a, b) => b.path.length - a.path.length)[0];
  if (furthest === undefined || furthest.path.length <= 1) return first;
  return { ...furthest, path: [...first.path, ...furthest.path] };
}

/** What somebody sent comes back only in part, and without control characters. */
function cut(value: string, chars: number): string {
  const plain = value.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '?');
  return plain.length > chars ? `${plain.slice(0, chars)}…` : plain;
}
