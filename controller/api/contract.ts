import type {
  CancelBody,
  CancelReply,
  JobBody,
  JobCreated,
  JobDetail,
  JobSummary,
  JobsQuery,
  OutputQuery,
  PruneBody,
  PruneReply,
  RetryBody,
  WaitingQuery,
  WaitingReply,
} from './job-messages.ts';
import type {
  Actor,
  AgentDetail,
  AgentSummary,
  AuditEntry,
  AuditHead,
  AuditQuery,
  AuditVerifyQuery,
  AuditVerifyReply,
  ContentQuery,
  ContentReply,
  Done,
  FactsReply,
  HealthReply,
  LabelBody,
  LabelReply,
  OperatorBody,
  OperatorReply,
  OperatorSummary,
  PublishBody,
  PublishReply,
  ReadyReply,
  RegisterBody,
  RegisterReply,
  ReleaseBody,
  ReleaseReply,
  Role,
  StatusReply,
  Target,
  TargetQuery,
  TokenBody,
  TokenReply,
  TokenSummary,
  TrustReply,
} from './messages.ts';
import type {
  AbortBody,
  ApproveBody,
  ReasonBody,
  RollbackBody,
  RolloutBody,
  RolloutChecked,
  RolloutDetail,
  RolloutReport,
  RolloutStarted,
  RolloutSummary,
  RolloutsQuery,
} from './rollout-messages.ts';
import type {
  JobDraftBody,
  JobDraftReply,
  KeysRevoked,
  OperatorKeyBody,
  OperatorKeyQuery,
  OperatorKeyReply,
  OperatorRevoked,
  RolloutDraftBody,
  RolloutDraftReply,
  SignaturesBody,
} from './signing-messages.ts';
import type { EventsQuery, RolloutEventsQuery } from './stream-messages.ts';

export type * from './job-messages.ts';
export { RUN_STATES } from './job-messages.ts';
export type * from './messages.ts';
export type * from './rollout-messages.ts';
export { HOST_PHASES, ROLLOUT_STATES, WAVE_STATES } from './rollout-messages.ts';
export type * from './signing-messages.ts';
export type * from './stream-messages.ts';
export type * from './task-messages.ts';

/**
 * The operators' API: the only thing that its server and its users (command line, web console) share.
 * A name has one row here and one entry in Calls; nothing in this file costs anything to import.
 */

/** `public` needs no token; the others need a token of at least this role. */
export type Access = 'public' | Role;

export interface Route {
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `:name` marks a parameter. */
  path: string;
  role: Access;
  /** What a good answer is: JSON as in Calls, plain text, bytes, or server-sent events (see StreamEvents). */
  answer: 'json' | 'text' | 'bytes' | 'events';
  summary: string;
  /** `bytes`: the body is bytes and not JSON. `large`: it may be larger than others. */
  takes?: 'bytes' | 'large';
}

export const API = '/api/v1';
/** With it, a second `jobs.create`, `jobs.retry` or `rollouts.start` answers with what the first one made. */
export const IDEMPOTENCY_HEADER = 'idempotency-key';

const get = (path: string, role: Access, summary: string, answer: Route['answer'] = 'json'): Route => ({
  method: 'GET',
  path,
  role,
  answer,
  summary,
});
const change = (method: Route['method'], path: string, role: Access, summary: string): Route => ({
  method,
  path,
  role,
  answer: 'json',
  summary,
});

const large = (path: string, role: Access, summary: string): Route => ({
  ...change('POST', path, role, summary),
  takes: 'large',
});

export const ROUTES: Readonly<Record<RouteName, Route>> = {
  whoami: get(`${API}/whoami`, 'viewer', 'The operator behind the token'),
  status: get(`${API}/status`, 'viewer', 'The controller at a glance'),
  'targets.list': get(`${API}/targets`, 'viewer', 'Who would be meant'),
  // The same for lists of names that fit into no URL.
  'targets.match': change('POST', `${API}/targets`, 'viewer', 'Who would be meant, for long lists'),

  'agents.list': get(`${API}/agents`, 'viewer', 'The fleet, or a part of it'),
  'agents.show': get(`${API}/agents/:agent`, 'viewer', 'One agent, by name or id'),
  'agents.facts': get(`${API}/agents/:agent/facts`, 'viewer', 'What a machine says of itself'),
  // Labels decide whom everybody's next order means.
  'agents.label': change('PATCH', `${API}/agents/:agent/labels`, 'admin', 'Set and remove labels'),
  'agents.approve': change(
    'POST',
    `${API}/agents/:agent/approve`,
    'admin',
    'Let a waiting or quarantined agent in',
  ),
  'agents.remove': change('DELETE', `${API}/agents/:agent`, 'admin', 'Cut an agent off and refuse its key'),

  'agents.register': change(
    'POST',
    `${API}/agents`,
    'admin',
    'Let a host in whose public keys were read back',
  ),

  'fleet.trust': get(`${API}/trust`, 'viewer', 'What a new agent is to trust'),
  'releases.sign': change('POST', `${API}/releases`, 'admin', 'Sign builds of the agent'),

  'tokens.create': change('POST', `${API}/tokens`, 'admin', 'Make a join token'),
  'tokens.list': get(`${API}/tokens`, 'admin', 'Join tokens, without their secrets'),
  'tokens.revoke': change('DELETE', `${API}/tokens/:id`, 'admin', 'Revoke a join token'),

  'jobs.create': change('POST', `${API}/jobs`, 'runner', 'Run a task on agents'),
  'jobs.draft': change('POST', `${API}/jobs/drafts`, 'runner', 'What would be ordered, to be signed'),
  'jobs.submit': change('POST', `${API}/jobs/drafts/:job`, 'runner', 'Run what its operator signed'),
  'jobs.list': get(`${API}/jobs`, 'viewer', 'Jobs, newest first'),
  'jobs.show': get(`${API}/jobs/:job`, 'viewer', 'One job and its runs'),
  'jobs.waiting': get(`${API}/jobs/:job/waiting`, 'viewer', 'Whom a job waits for, and since when'),
  'jobs.retry': change('POST', `${API}/jobs/:job/retry`, 'runner', 'Do it again where it did not succeed'),
  'jobs.cancel': change('POST', `${API}/jobs/:job/cancel`, 'runner', 'Cancel a job or some of its runs'),
  'jobs.prune': change('POST', `${API}/jobs/prune`, 'admin', 'Remove old jobs, or their output'),
  'jobs.events': get(`${API}/jobs/:job/events`, 'viewer', 'What happened and happens in a job', 'events'),
  'jobs.output': get(
    `${API}/jobs/:job/output/:agent`,
    'viewer',
    "One run's output, as it was written",
    'bytes',
  ),

  'rollouts.check': large(
    `${API}/rollouts/check`,
    'viewer',
    'How a rollout would go, and what is wrong with it',
  ),
  'rollouts.start': large(`${API}/rollouts`, 'runner', 'Carry a change through hosts in waves'),
  'rollouts.draft': large(`${API}/rollouts/drafts`, 'runner', 'What a rollout would order, to be signed'),
  'rollouts.submit': change(
    'POST',
    `${API}/rollouts/drafts/:rollout`,
    'runner',
    'Start what its operator signed',
  ),
  'rollouts.list': get(`${API}/rollouts`, 'viewer', 'Rollouts, newest first'),
  'rollouts.show': get(`${API}/rollouts/:rollout`, 'viewer', 'One rollout, its waves and its hosts'),
  'rollouts.report': get(`${API}/rollouts/:rollout/report`, 'viewer', 'All that is known of it, to keep'),
  'rollouts.events': get(
    `${API}/rollouts/:rollout/events`,
    'viewer',
    'What happened and happens in a rollout',
    'events',
  ),
  'rollouts.pause': change('POST', `${API}/rollouts/:rollout/pause`, 'runner', 'Begin nothing further'),
  'rollouts.resume': change('POST', `${API}/rollouts/:rollout/resume`, 'runner', 'Go on after a stop'),
  'rollouts.approve': change('POST', `${API}/rollouts/:rollout/approve`, 'runner', 'Open a gate that waits'),
  'rollouts.abort': change('POST', `${API}/rollouts/:rollout/abort`, 'runner', 'End it where it is'),
  'rollouts.rollback': change('POST', `${API}/rollouts/:rollout/rollback`, 'runner', 'Bring hosts back'),

  // Whoever may run anything may name them; nobody else needs their keys.
  'contents.show': get(`${API}/contents/:sha512`, 'runner', 'How much of a content is here, and its key'),
  'contents.put': {
    ...change('PUT', `${API}/contents/:sha512`, 'runner', 'Upload a content, or the next part of it'),
    takes: 'bytes',
  },
  'contents.publish': change(
    'POST',
    `${API}/contents/:sha512/publish`,
    'admin',
    'Let anybody download a build of the agent for a while',
  ),

  'operators.add': change('POST', `${API}/operators`, 'admin', 'Add an operator; answers with the API token'),
  'operators.list': get(`${API}/operators`, 'admin', 'The operators'),
  'operators.revoke': change(
    'DELETE',
    `${API}/operators/:name`,
    'admin',
    "Revoke an operator's token and keys",
  ),
  'operators.trust': change(
    'POST',
    `${API}/operators/:name/keys`,
    'admin',
    'Trust what a key of theirs signs',
  ),
  'operators.untrust': change('DELETE', `${API}/operators/:name/keys`, 'admin', 'Revoke keys of an operator'),

  'audit.list': get(`${API}/audit`, 'viewer', 'The audit log, oldest first'),
  'audit.verify': get(`${API}/audit/verify`, 'viewer', 'Check the chain of the audit log'),
  'audit.head': get(`${API}/audit/head`, 'viewer', 'The head of the audit log, to keep elsewhere'),

  openapi: get(`${API}/openapi.json`, 'public', 'This API as an OpenAPI 3.1 document'),
  health: get('/healthz', 'public', 'The process lives'),
  ready: get('/readyz', 'public', 'The controller can do its work'),
  // Names of routes and the size of the fleet are nobody else's business; Prometheus sends bearer tokens.
  metrics: get('/metrics', 'viewer', 'Measurements in the Prometheus text format', 'text'),
  // Machines that have nothing of this fleet yet get the agent here; its digest is what they are told to check.
  'install.build': get('/install/builds/:sha512', 'public', 'A packed build of the agent', 'bytes'),
  home: get('/', 'public', 'Where the web console will be', 'text'),
};

/** What each route takes and answers. */
export interface Calls {
  whoami: { reply: Actor };
  status: { reply: StatusReply };
  'targets.list': { query: TargetQuery; reply: Target[] };
  'targets.match': { body: TargetQuery; reply: Target[] };

  'agents.list': { query: Pick<TargetQuery, 'targets' | 'selector'>; reply: AgentSummary[] };
  'agents.show': { params: { agent: string }; reply: AgentDetail };
  'agents.facts': { params: { agent: string }; reply: FactsReply };
  'agents.label': { params: { agent: string }; body: LabelBody; reply: LabelReply };
  'agents.approve': { params: { agent: string }; reply: Done };
  'agents.remove': { params: { agent: string }; reply: Done };

  'agents.register': { body: RegisterBody; reply: RegisterReply };

  'fleet.trust': { reply: TrustReply };
  'releases.sign': { body: ReleaseBody; reply: ReleaseReply };

  'tokens.create': { body: TokenBody; reply: TokenReply };
  'tokens.list': { reply: TokenSummary[] };
  'tokens.revoke': { params: { id: string }; reply: Done };

  'jobs.create': { body: JobBody; reply: JobCreated };
  'jobs.draft': { body: JobDraftBody; reply: JobDraftReply };
  'jobs.submit': { params: { job: string }; body: SignaturesBody; reply: JobCreated };
  'jobs.list': { query: JobsQuery; reply: JobSummary[] };
  'jobs.show': { params: { job: string }; reply: JobDetail };
  'jobs.waiting': { params: { job: string }; query: WaitingQuery; reply: WaitingReply };
  'jobs.retry': { params: { job: string }; body: RetryBody; reply: JobCreated };
  'jobs.cancel': { params: { job: string }; body: CancelBody; reply: CancelReply };
  'jobs.prune': { body: PruneBody; reply: PruneReply };
  'jobs.events': { params: { job: string }; query: EventsQuery; reply: string };
  'jobs.output': { params: { job: string; agent: string }; query: OutputQuery; reply: string };

  'rollouts.check': { body: RolloutBody; reply: RolloutChecked };
  'rollouts.start': { body: RolloutBody; reply: RolloutStarted };
  'rollouts.draft': { body: RolloutDraftBody; reply: RolloutDraftReply };
  'rollouts.submit': { params: { rollout: string }; body: SignaturesBody; reply: RolloutStarted };
  'rollouts.list': { query: RolloutsQuery; reply: RolloutSummary[] };
  'rollouts.show': { params: { rollout: string }; reply: RolloutDetail };
  'rollouts.report': { params: { rollout: string }; reply: RolloutReport };
  'rollouts.events': { params: { rollout: string }; query: RolloutEventsQuery; reply: string };
  'rollouts.pause': { params: { rollout: string }; body: ReasonBody; reply: RolloutSummary };
  'rollouts.resume': { params: { rollout: string }; body: ReasonBody; reply: RolloutSummary };
  'rollouts.approve': { params: { rollout: string }; body: ApproveBody; reply: RolloutSummary };
  'rollouts.abort': { params: { rollout: string }; body: AbortBody; reply: RolloutSummary };
  'rollouts.rollback': { params: { rollout: string }; body: RollbackBody; reply: RolloutSummary };

  'contents.show': { params: { sha512: string }; reply: ContentReply };
  'contents.put': { params: { sha512: string }; query: ContentQuery; reply: ContentReply };
  'contents.publish': { params: { sha512: string }; body: PublishBody; reply: PublishReply };

  'operators.add': { body: OperatorBody; reply: OperatorReply };
  'operators.list': { reply: OperatorSummary[] };
  'operators.revoke': { params: { name: string }; reply: OperatorRevoked };
  'operators.trust': { params: { name: string }; body: OperatorKeyBody; reply: OperatorKeyReply };
  'operators.untrust': { params: { name: string }; query: OperatorKeyQuery; reply: KeysRevoked };

  'audit.list': { query: AuditQuery; reply: AuditEntry[] };
  'audit.verify': { query: AuditVerifyQuery; reply: AuditVerifyReply };
  'audit.head': { reply: AuditHead };

  openapi: { reply: Record<string, unknown> };
  health: { reply: HealthReply };
  ready: { reply: ReadyReply };
  metrics: { reply: string };
  'install.build': { params: { sha512: string }; reply: string };
  home: { reply: string };
}

export type RouteName = keyof Calls;

/** What a caller of a route has to give. */
export type Given<N extends RouteName> = Omit<Calls[N], 'reply'>;

/** Path and query string of a call. Throws when the path needs a parameter that is not there. */
export function pathOf(
  name: RouteName,
  given: { params?: Record<string, string>; query?: object } = {},
): string {
  const path = ROUTES[name].path.replace(/:(\w+)/g, (_, key: string) => {
    const value = given.params?.[key];
    // `.` and `..` would be taken out of the path again on its way.
    if (value === undefined || /^\.{0,2}$/.test(value))
      throw new TypeError(`${name} needs the parameter ${key}`);
    return encodeURIComponent(value);
  });
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(given.query ?? {})) {
    if (value !== undefined) query.set(key, String(value));
  }
  return query.size === 0 ? path : `${path}?${query}`;
}
