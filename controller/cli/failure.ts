import { ERRORS, type ErrorCode, MusterError } from '../../proto/errors.ts';
import { CAUSES, HostFailure } from '../installer/failure.ts';

/** Exit statuses; `exit-status.ts` has those of a job. */
export const EXIT = {
  ok: 0,
  failed: 1,
  wrongUse: 2,
  nobody: 3,
  noAnswer: 4,
  refused: 5,
  detached: 130,
  /** As of a program that SIGPIPE ended: nobody reads what is written. */
  closed: 141,
} as const;

/** An error as the command line shows it: what happened, what to do next, and with which status to leave. */
export class Failure extends Error {
  readonly exit: number;
  readonly next: string | undefined;

  constructor(exit: number, message: string, next?: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'Failure';
    this.exit = exit;
    this.next = next;
  }
}

export function wrongUse(message: string, next?: string): Failure {
  return new Failure(EXIT.wrongUse, message, next);
}

/** What to type next, where the sentence of the table does not say it. */
const NEXT: Partial<Record<ErrorCode, string>> = {
  'nobody-matched': 'see who there is with "muster agents"',
  'no-such-agent': 'see who there is with "muster agents"',
  'no-such-job': 'see the latest with "muster jobs"',
  'no-such-token': 'see them with "muster token ls"',
  'no-such-operator': 'see them with "muster operator ls"',
  'idempotency-conflict': 'use another --idempotency-key',
  forbidden: 'ask an admin for another role: "muster operator add NAME --role …"',
  'too-large': 'make the script or its input smaller',
  unavailable: 'is it running? "muster serve" starts one here, "muster login URL" points to another',
  'store-failed': 'see its log and the free space on its disk',
  'shutting-down': 'try again when it is back',
};

/**
 * Any error as a Failure. What is none of those that are thrown on purpose is a defect of ours: the job's fate is unknown,
 * as with a lost controller.
 */
export function explain(error: unknown): Failure {
  if (error instanceof Failure) return error;
  if (error instanceof MusterError)
    return new Failure(ERRORS[error.code].exit, error.message, NEXT[error.code], { cause: error });
  if (error instanceof HostFailure)
    return new Failure(EXIT.refused, error.message, CAUSES[error.because].next, { cause: error });
  const message = error instanceof Error ? error.message : String(error);
  return new Failure(EXIT.refused, `this is a defect of muster: ${message}`, undefined, { cause: error });
}
