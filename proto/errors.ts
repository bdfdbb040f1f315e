/**
 * Every error that crosses a boundary, in one table: code -> sentence, HTTP status, exit status, retryable.
 * The code is the contract; the sentence is for people and may change.
 */

interface ErrorRow {
  /** One sentence; what happened and, where it can be known, what to do next. */
  sentence: string;
  /** Status of the operators' API. */
  http: number;
  /** Exit status of the command line. */
  exit: 1 | 2 | 3 | 4 | 5;
  /** Whether the same request may succeed later without anybody changing anything. */
  retryable: boolean;
}

const row = (sentence: string, http: number, exit: ErrorRow['exit'], retryable = false): ErrorRow => ({
  sentence,
  http,
  exit,
  retryable,
});

export const ERRORS = {
  // --- wrong use, at the operators' door
  'bad-request': row('the request is not well-formed', 400, 2),
  'bad-selector': row('the selector cannot be read', 400, 2),
  'bad-target': row('the target list cannot be read', 400, 2),
  'bad-limit': row('the limit cannot be read', 400, 2),
  'not-found': row('there is no such thing', 404, 2),
  'no-such-agent': row('no agent has this name or id', 404, 2),
  'no-such-job': row('there is no such job', 404, 2),
  'no-such-token': row('there is no such join token', 404, 2),
  'no-such-operator': row('there is no such operator', 404, 2),
  'name-taken': row('this name is taken', 409, 2),
  'nobody-matched': row('no agent matches these targets', 422, 3),
  'idempotency-conflict': row('this idempotency key was used with another request', 409, 2),
  'job-over': row('the job is over already', 409, 2),
  'retry-incomplete': row(
    'the history does not keep all that this job needs; run the command again, with --failed-of and the id of the job',
    409,
    2,
  ),
  drifted: row('the packages of the host are not as the plan says; nothing was changed', 409, 1),
  'no-way-back': row('a version that would have to be put back cannot be had; nothing was changed', 409, 1),
  'packages-locked': row("another program holds the package manager's lock", 409, 1, true),
  'no-package-manager': row('the host has no package manager that Muster knows', 409, 1),
  'probe-failed': row('what was probed does not hold', 409, 1),
  'not-rebooted': row('the machine did not come up in another boot', 409, 1),
  undone: row('the controller was not reached after the change; it was taken back', 409, 1),
  'undo-failed': row('the controller was not reached after the change, and taking it back failed', 409, 1),
  'no-such-rollout': row('there is no such rollout', 404, 2),
  'rollout-state': row('the rollout is not in a state in which that can be done', 409, 2),
  'host-busy': row('another rollout has this host', 409, 2),
  'max-failures': row('too many runs of the job failed', 409, 1),
  'too-large': row('the order is larger than 1 MiB', 413, 2),
  unauthenticated: row('the API token is missing, wrong, expired or revoked; run "muster login URL"', 401, 5),
  forbidden: row('the role of this API token does not allow that', 403, 5),
  'foreign-origin': row('requests from the web pages of others are refused', 403, 5),
  unavailable: row('the controller is not reachable', 503, 5, true),
  'shutting-down': row('the controller is stopping', 503, 5, true),
  'store-full': row(
    'the controller\'s disk has too little room for new jobs; results are still taken; see "muster status"',
    507,
    5,
    true,
  ),
  'bad-bundle': row('the bundle cannot be read', 400, 2),
  'root-key-away': row(
    'the root key is not on this controller; put root.key back into its home, start it again, and remove the file afterwards',
    409,
    5,
  ),
  'draft-over': row('what was to be signed is not there any more; run the command again', 409, 5, true),
  'release-key-away': row('the release key is not on this controller', 409, 5),
  'bad-release': row('the release is not one that this agent may become', 403, 1),
  'no-such-content': row('the controller does not hold this content', 404, 2),
  'content-mismatch': row('the content is not what its digest says', 400, 2),
  internal: row('the controller failed; its log has the detail', 500, 5),
  'cannot-listen': row('the controller cannot listen on its address', 500, 5),
  'home-in-use': row('another controller uses this home', 409, 5),
  'newer-schema': row(
    'a newer Muster wrote this database; install that version again, or restore a backup that this one made',
    500,
    5,
  ),
  'store-damaged': row(
    'the controller\'s database is damaged; move it away and put a backup back with "muster restore FILE"',
    500,
    5,
  ),
  'bad-backup': row('this is no backup that can be restored', 400, 2),
  'home-not-empty': row(
    'this home holds something already; with --force that is moved aside, nothing is deleted',
    409,
    2,
  ),
  'file-exists': row('there is such a file already; --force replaces it', 409, 2),
  'restore-unfinished': row(
    'a restore of this home was cut off; run "muster restore FILE --force" again',
    409,
    5,
  ),
  'output-pruned': row('the output was pruned; states and outcomes are kept', 410, 2),
  'store-failed': row('the controller could not write to its store', 507, 5, true),

  // --- at the agents' door
  malformed: row('the message is not well-formed', 400, 5),
  'version-unsupported': row('no protocol version is spoken by both sides', 426, 5),
  'fleet-unknown': row('this controller serves another fleet', 403, 5),
  'agent-unknown': row('the controller does not know this agent; it was removed or never joined', 403, 5),
  'agent-removed': row('this agent was removed from the fleet', 403, 5),
  'agent-pending': row('the agent waits for an operator to approve it', 403, 5, true),
  'agent-quarantined': row(
    'two machines hold this identity (a clone or a restored snapshot); stop one, then run "muster agents approve": the first to come back is kept',
    403,
    5,
  ),
  'epoch-renew': row('this agent begins a new epoch', 403, 5, true),
  'agent-replaced': row(
    'another machine with these keys was kept; run "muster-agent leave" here and join anew',
    403,
    5,
  ),
  'stale-session': row('a newer session of this agent exists', 409, 5),
  'bad-signature': row('the signature does not verify', 403, 5),
  'bad-key': row('the public key is not acceptable', 400, 5),
  'handshake-failed': row('the controller could not prove that it belongs to this fleet', 403, 5),
  'trust-expired': row('the trust document has expired', 403, 5),
  'trust-rejected': row('the trust document is not signed by the root that this agent trusts', 403, 5),
  'try-later': row('the controller is busy; try again', 503, 5, true),
  'token-unknown': row('the join token is not known to this controller', 403, 5),
  'token-used': row('the join token was used already', 403, 5),
  'token-expired': row('the join token has expired', 403, 5),
  'token-revoked': row('the join token was revoked', 403, 5),
  'token-malformed': row('this is not a join token', 400, 2),
  'label-not-allowed': row('the join token does not allow this label', 403, 2),
  'bad-name': row('this is not a valid agent name', 400, 2),
  'home-taken': row('this agent home belongs to another fleet', 409, 2),
  'home-busy': row('another agent is at work on this home', 409, 1, true),
  'not-joined': row('this agent belongs to no fleet yet; run "muster-agent join"', 409, 2),

  // --- refusals of a delivered order, in TRUST's opening order
  'order-too-large': row('the order or one of its parts is larger than allowed', 400, 1),
  'unwrap-failed': row('the key was not wrapped for this agent', 400, 1),
  'decrypt-failed': row('the ciphertext does not open: cut, reordered or altered', 400, 1),
  'order-malformed': row('the order is not strictly encoded', 400, 1),
  'signer-unknown': row('no signer of the order is in the trust document', 403, 1),
  'signer-not-allowed': row("the signer's role does not allow this kind of order", 403, 1),
  'signer-revoked': row('the signer was revoked', 403, 1),
  'order-signature': row('the signature of the order does not verify', 403, 1),
  'order-version': row('the version of the order is not supported by this agent', 400, 1),
  'order-kind': row('the kind of the order is not supported by this agent', 400, 1),
  'order-fleet': row('the order is for another fleet', 403, 1),
  'order-not-yet': row('the order is not valid yet', 403, 1),
  'order-expired': row('the order has expired', 403, 1),
  'order-forgotten': row(
    'the order is older than what this agent remembers; whether it ran is unknown',
    403,
    1,
  ),
  'not-a-target': row('the order is not for this agent, or for an earlier epoch of it', 403, 1),
  'job-id-reused': row('the job id was used for another order', 409, 1),
  'order-cancelled': row('the job was cancelled before it reached this agent', 409, 1),
  'policy-denied': row("the agent's policy does not allow this", 403, 1),
  'disk-reserve': row("too little free space in the agent's home", 507, 1, true),
  'journal-failed': row('the agent could not write its journal; nothing was started', 507, 1, true),
  'bad-task': row('the order asks for something that cannot be carried out as it is written', 400, 1),
  'no-such-user': row('the user does not exist on this machine', 400, 1),
  'cannot-switch-user': row('the agent cannot run a command as another user', 403, 1),
  'no-such-directory': row('the working directory does not exist on this machine', 400, 1),
  'bad-path': row('a path in the order is not one that this agent may touch', 400, 1),
  'content-refused': row('the controller does not give this content to this agent', 403, 1),
  'content-corrupt': row('the content that came is not what the order names', 400, 1),
  'agent-busy': row('the agent has too many jobs waiting', 503, 1, true),
  'agent-stopping': row('the agent is stopping', 503, 1, true),
  'agent-failed': row('the agent failed; its log has the detail', 500, 1),
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(value: string): value is ErrorCode {
  return Object.hasOwn(ERRORS, value);
}

/** The sentence for people: the table's, then the detail after a colon. */
export function sentence(code: ErrorCode, detail?: string): string {
  return detail ? `${ERRORS[code].sentence}: ${detail}` : ERRORS[code].sentence;
}

/** The one error type that carries a code across a boundary. */
export class MusterError extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;

  constructor(code: ErrorCode, detail?: string, options?: ErrorOptions) {
    super(sentence(code, detail), options);
    this.name = 'MusterError';
    this.code = code;
    this.detail = detail;
  }
}
