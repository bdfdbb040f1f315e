import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import { API, type Calls, type RouteName } from './contract.ts';
import { rangeFrom, resumeAfter } from './door.ts';
import type { Flows } from './flow.ts';
import { createHandlers, type Given, type JsonRoute } from './handlers.ts';
import { METRICS_TYPE, renderMetrics } from './metrics.ts';
import { openApiDocument } from './openapi.ts';
import { openOutput } from './output.ts';
import type { ProcessFigures } from './probe.ts';
import { type Checks, readiness } from './readiness.ts';
import { type ApiBus, openEvents, openRolloutEvents } from './stream.ts';
import type { Traffic } from './traffic.ts';
import type { ApiVerbs } from './verbs.ts';

export interface AnswerPorts {
  verbs: ApiVerbs;
  bus: ApiBus;
  clock: Clock;
  version: string;
  checks: Checks;
  probe: { read(): ProcessFigures };
  flows: Flows;
  downloads: Flows;
  traffic: Traffic;
  stopping: AbortSignal;
}

/** What a route does with a request that was let in and read. `given` has what the route's shape says. */
export type Answer<N extends RouteName> = (
  given: Given<N>,
  request: FastifyRequest,
  reply: FastifyReply,
) => Promise<Calls[N]['reply'] | FastifyReply>;

export type Answers = { [N in RouteName]: Answer<N> };

/** Every route's answer: the JSON handlers, and the few routes that answer in another way or to everybody. */
export function createAnswers(ports: AnswerPorts): Answers {
  const { verbs, bus, clock, flows, downloads, stopping } = ports;
  let document: Record<string, unknown> | undefined;

  const special: Pick<Answers, Exclude<RouteName, JsonRoute>> = {
    'jobs.events': ({ params, query }, request, reply) => {
      const after = resumeAfter(query.after, request.headers['last-event-id']);
      const { agentId, follow = true } = query;
      const wanted = { jobId: params.job, after, follow, ...(agentId === undefined ? {} : { agentId }) };
      reply.type('text/event-stream');
      return flows.send(reply, (gone) =>
        openEvents({ jobs: verbs.jobs, bus, clock, gone, stopping }, wanted),
      );
    },
    'rollouts.events': ({ params, query }, request, reply) => {
      const after = resumeAfter(query.after, request.headers['last-event-id']);
      const wanted = { rollout: params.rollout, after, follow: query.follow ?? true };
      reply.type('text/event-stream');
      return flows.send(reply, (gone) =>
        openRolloutEvents({ rollouts: verbs.rollouts, bus, clock, gone, stopping }, wanted),
      );
    },
    'jobs.output': async ({ params, query }, _request, reply) => {
      const agentId = /^[0-9a-f]{32}$/.test(params.agent)
        ? params.agent
        : (await verbs.agents.show(params.agent)).id;
      await refusePruned(verbs.jobs, params.job, agentId);
      reply.type('application/octet-stream').header('content-disposition', 'attachment');
      return flows.send(reply, () => openOutput(verbs.jobs, { jobId: params.job, agentId, ...query }));
    },
    'contents.put': ({ params, query, by }, request) =>
      verbs.contents.put({ ...params, ...query, body: piecesOf(request.body) }, by),
    async 'install.build'({ params }, request, reply) {
      const build = await verbs.contents.download(params.sha512);
      const from = rangeFrom(request.headers.range, build.length);
      reply.type('application/octet-stream').header('accept-ranges', 'bytes');
      if (from !== undefined)
        reply.code(206).header('content-range', `bytes ${from}-${build.length - 1}/${build.length}`);
      reply.header('content-length', build.length - (from ?? 0));
      return downloads.send(reply, async () => build.pieces(from ?? 0));
    },
    async openapi() {
      document ??= openApiDocument(ports.version);
      return document;
    },
    health: async () => ({ ok: true }),
    async ready(_given, _request, reply) {
      const answer = await readiness(ports.checks, clock);
      return reply.code(answer.ready ? 200 : 503).send(answer);
    },
    async metrics(_given, _request, reply) {
      reply.type(METRICS_TYPE);
      const fleet = await verbs.figures();
      return renderMetrics({
        fleet,
        process: ports.probe.read(),
        traffic: ports.traffic.read(),
        streams: flows.open,
      });
    },
    async home(_given, _request, reply) {
      reply.type('text/plain; charset=utf-8');
      return `This is a Muster controller. The web console is not there yet; the command line is: muster login URL\nThe API is under ${API}, described at ${API}/openapi.json\n`;
    },
  };
  return { ...createHandlers(verbs), ...special };
}

/** A body of bytes as it comes; without one, there are none. */
function piecesOf(body: unknown): AsyncIterable<Uint8Array> {
  return body instanceof Readable ? body : Readable.from([]);
}

/** What was stored and is gone must not look like a program that wrote nothing. */
async function refusePruned(jobs: ApiVerbs['jobs'], jobId: string, agentId: string): Promise<void> {
  const { outputPrunedAtMs, storedBytes, state } = await jobs.progress(jobId, agentId);
  if (outputPrunedAtMs === null) return;
  // Of one that was given up nobody said how much there was.
  const mayHaveWritten = storedBytes > 0 || state === 'lost' || state === 'interrupted';
  if (mayHaveWritten)
    throw new MusterError('output-pruned', `on ${new Date(outputPrunedAtMs).toISOString()}`);
}
