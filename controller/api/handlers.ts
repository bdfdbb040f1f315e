import { MusterError } from '../../proto/errors.ts';
import type { Calls, RouteName } from './contract.ts';
import type { JobBody } from './job-messages.ts';
import { API_DEFAULTS, API_LIMITS } from './limits.ts';
import type { Actor } from './messages.ts';
import type { ApiVerbs, JobRequest } from './verbs.ts';

/** The routes that need an operator and answer in JSON: what was sent, checked, to a verb and back. */

type Part<N extends RouteName, P extends string> = P extends keyof Calls[N] ? Calls[N][P] : undefined;

export interface Given<N extends RouteName> {
  params: Part<N, 'params'>;
  query: Part<N, 'query'>;
  body: Part<N, 'body'>;
  by: Actor;
  idempotencyKey: string | undefined;
}

export type JsonRoute = Exclude<
  RouteName,
  | 'jobs.events'
  | 'rollouts.events'
  | 'jobs.output'
  | 'contents.put'
  | 'install.build'
  | 'openapi'
  | 'health'
  | 'ready'
  | 'metrics'
  | 'home'
>;
export type Handlers = { [N in JsonRoute]: (given: Given<N>) => Promise<Calls[N]['reply']> };

const DONE = { ok: true } as const;

export function createHandlers(verbs: ApiVerbs): Handlers {
  const { agents, tokens, jobs, rollouts, retention, operators, audit, targets } = verbs;
  return {
    whoami: async ({ by }) => ({ name: by.name, role: by.role }),
    status: () => verbs.status(),
    'targets.list': ({ query }) => targets.match(query),
    'targets.match': ({ body }) => targets.match(body),

    'agents.list': ({ query }) => agents.list(query),
    'agents.show': ({ params }) => agents.show(params.agent),
    'agents.facts': ({ params }) => agents.facts(params.agent),
    async 'agents.label'({ params, body, by }) {
      const { set = {}, remove = [] } = body;
      const both = remove.find((key) => Object.hasOwn(set, key));
      if (both !== undefined)
        throw new MusterError('bad-request', `body: the label ${both} is both set and removed`);
      const { id } = await agents.show(params.agent);
      return { labels: await agents.label(id, set, remove, by) };
    },
    async 'agents.approve'({ params, by }) {
      const { id } = await agents.show(params.agent);
      await agents.approve(id, by);
      return DONE;
    },
    async 'agents.remove'({ params, by }) {
      const { id } = await agents.show(params.agent);
      await agents.remove(id, by);
      return DONE;
    },

    'agents.register': ({ body, by }) => agents.register(body, by),

    'fleet.trust': () => verbs.fleet.trust(),
    'releases.sign': ({ body, by }) => verbs.fleet.signRelease(body, by),

    'tokens.create': ({ body, by }) => {
      const { ttlMs = API_DEFAULTS.tokenTtlMs, labels = {}, allowLabels = ['*'], uses = 1 } = body;
      const { approve = 'auto', name } = body;
      return tokens.create(
        { ttlMs, labels, allowLabels, uses, approve, ...(name === undefined ? {} : { name }) },
        by,
      );
    },
    'tokens.list': () => tokens.list(),
    async 'tokens.revoke'({ params, by }) {
      await tokens.revoke(params.id, by);
      return DONE;
    },

    'jobs.create': ({ body, by, idempotencyKey }) => jobs.create(requestOf(body, idempotencyKey), by),
    async 'jobs.draft'({ body: { signer, ...body }, by, idempotencyKey }) {
      const drawn = await jobs.draft(requestOf(body, idempotencyKey), by, Buffer.from(signer, 'hex'));
      if ('made' in drawn) return { draft: null, made: drawn.made };
      const { job, untilMs, order, targets } = drawn.draft;
      const orders = [{ what: 'job', order: Buffer.from(order).toString('base64'), targets: null }];
      return { draft: { draft: job, untilMs, orders, targets }, made: null };
    },
    'jobs.submit': ({ params, body: { signer, signatures }, by }) =>
      jobs.submit(
        params.job,
        { keyId: Buffer.from(signer, 'hex'), signature: Buffer.from(signatures[0] ?? '', 'base64') },
        by,
      ),
    'jobs.list': ({ query }) => jobs.list({ ...query, limit: query.limit ?? API_LIMITS.listDefault }),
    'jobs.show': ({ params }) => jobs.show(params.job),
    'jobs.waiting': ({ params, query }) => jobs.waiting(params.job, query.limit ?? API_LIMITS.listDefault),
    'jobs.retry': ({ params, body, by, idempotencyKey }) =>
      jobs.retry(params.job, { ...body, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) }, by),
    'jobs.cancel': ({ params, body, by }) => jobs.cancel(params.job, by, body),

    'rollouts.check': ({ body, by }) => rollouts.check(body, by),
    'rollouts.start': ({ body, by, idempotencyKey }) => rollouts.start(body, by, idempotencyKey),
    async 'rollouts.draft'({ body: { signer, ...body }, by, idempotencyKey }) {
      const drawn = await rollouts.draft(body, by, Buffer.from(signer, 'hex'), idempotencyKey);
      if ('made' in drawn) return { draft: null, made: drawn.made };
      const { rollout, orders, ...rest } = drawn.draft;
      const coded = orders.map((one) => ({ ...one, order: Buffer.from(one.order).toString('base64') }));
      return { draft: { draft: rollout, orders: coded, ...rest }, made: null };
    },
    'rollouts.submit': ({ params, body: { signer, signatures }, by }) =>
      rollouts.submit(
        params.rollout,
        signatures.map((signature) => ({
          keyId: Buffer.from(signer, 'hex'),
          signature: Buffer.from(signature, 'base64'),
        })),
        by,
      ),
    'rollouts.list': ({ query }) => rollouts.list({ ...query, limit: query.limit ?? API_LIMITS.listDefault }),
    'rollouts.show': ({ params }) => rollouts.show(params.rollout),
    'rollouts.report': ({ params }) => rollouts.report(params.rollout),
    'rollouts.pause': ({ params, body, by }) => rollouts.pause(params.rollout, body, by),
    'rollouts.resume': ({ params, body, by }) => rollouts.resume(params.rollout, body, by),
    'rollouts.approve': ({ params, body, by }) => rollouts.approve(params.rollout, body, by),
    'rollouts.abort': ({ params, body, by }) => rollouts.abort(params.rollout, body, by),
    'rollouts.rollback': ({ params, body, by }) => rollouts.rollback(params.rollout, body, by),

    'contents.show': ({ params }) => verbs.contents.show(params.sha512),
    'contents.publish': ({ params, body, by }) => verbs.contents.publish(params.sha512, body.ttlMs, by),
    'jobs.prune': ({ body: { olderThanMs, outputOnly = false, dryRun = false }, by }) =>
      retention.prune({ olderThanMs, outputOnly, dryRun }, by),

    'operators.add': ({ body, by }) => operators.add(body, by),
    'operators.list': () => operators.list(),
    async 'operators.revoke'({ params, by }) {
      return { ...DONE, ...(await operators.revoke(params.name, by)) };
    },
    'operators.trust': ({ params, body, by }) =>
      operators.trust(params.name, Buffer.from(body.publicKey, 'hex'), by),
    'operators.untrust': ({ params, query, by }) => operators.untrust(params.name, by, query.keyId),

    'audit.list': ({ query }) =>
      audit.list({ afterSeq: query.after ?? 0, limit: query.limit ?? API_LIMITS.listDefault }),
    'audit.verify': ({ query }) => {
      if (query.since === undefined) return audit.verify();
      const [seq = '', hash = ''] = query.since.split(':');
      return audit.verify({ seq: Number(seq), hash });
    },
    'audit.head': () => audit.head(),
  };
}

/** Throws bad-request: everybody is only ever asked for by name. */
function requestOf(body: JobBody, idempotencyKey: string | undefined): JobRequest {
  if (body.targets === undefined && body.selector === undefined && body.failedOf === undefined)
    throw new MusterError('bad-request', 'body: needs targets, a selector or both, or failedOf');
  const { timeoutMs = API_DEFAULTS.runTimeoutMs, ttlMs = API_DEFAULTS.runTtlMs } = body;
  return { ...body, timeoutMs, ttlMs, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) };
}
