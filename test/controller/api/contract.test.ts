import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import type * as z from 'zod';
import {
  type Calls,
  pathOf,
  ROUTES,
  type RolloutStreamEvents,
  type RouteName,
  type StreamEvents,
} from '../../../controller/api/contract.ts';
import type * as replies from '../../../controller/api/replies.ts';
import type { Shape, Shapes } from '../../../controller/api/shapes.ts';
import { SHAPES } from '../../../controller/api/shapes.ts';

/** Equal for the type checker, not only assignable: `readonly`, optional and unknown keys count. */
type Same<A, B> =
  (<T>() => T extends Flat<A> ? 1 : 2) extends <T>() => T extends Flat<B> ? 1 : 2 ? true : false;
/** Interfaces, intersections and extensions written out, so that only what they say is compared. */
type Flat<T> = T extends (infer E)[] ? Flat<E>[] : T extends object ? { [K in keyof T]: Flat<T[K]> } : T;

/** A schema's output where the row has that part; undefined where it has none. */
type Said<N extends RouteName, P extends string> = P extends keyof Shapes[N]
  ? Shapes[N][P] extends z.ZodType
    ? z.output<Shapes[N][P]>
    : undefined
  : undefined;
type Meant<N extends RouteName, P extends string> = P extends keyof Calls[N] ? Calls[N][P] : undefined;
type Part = 'params' | 'query' | 'body' | 'reply';
/** Names of what differs; never when nothing does. */
type Differs = {
  [N in RouteName]: { [P in Part]: Same<Said<N, P>, Meant<N, P>> extends true ? never : `${N} ${P}` }[Part];
}[RouteName];
type EventDiffers = {
  [E in keyof StreamEvents]: Same<StreamEvents[E], z.output<(typeof replies.streamEvents)[E]>> extends true
    ? never
    : E;
}[keyof StreamEvents];

type RolloutEventDiffers = {
  [E in keyof RolloutStreamEvents]: Same<
    RolloutStreamEvents[E],
    z.output<(typeof replies.rolloutStreamEvents)[E]>
  > extends true
    ? never
    : E;
}[keyof RolloutStreamEvents];

test('the schemas of the server and the types of its users are the same', () => {
  const differs: [Differs] extends [never] ? true : Differs = true;
  const eventDiffers: [EventDiffers] extends [never] ? true : EventDiffers = true;
  const rolloutEventDiffers: [RolloutEventDiffers] extends [never] ? true : RolloutEventDiffers = true;
  assert.ok(differs && eventDiffers && rolloutEventDiffers);
});

test('every route has a row in the schemas, and the parameters that its path names', () => {
  assert.deepEqual(Object.keys(SHAPES).sort(), Object.keys(ROUTES).sort());
  for (const [name, route] of Object.entries(ROUTES)) {
    const named = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1]);
    const { params }: Shape = SHAPES[name as RouteName];
    const taken = params === undefined ? [] : Object.keys((params as z.ZodObject).shape);
    assert.deepEqual(taken.sort(), named.sort(), name);
  }
});

test('no two routes share a method and a path', () => {
  const places = Object.values(ROUTES).map((route) => `${route.method} ${route.path.replace(/:\w+/g, ':')}`);
  assert.equal(new Set(places).size, places.length);
});

test('a path is made of its parameters and query, escaped', () => {
  assert.equal(pathOf('status'), '/api/v1/status');
  assert.equal(
    pathOf('agents.show', { params: { agent: 'a/b?c' } }),
    `/api/v1/agents/${encodeURIComponent('a/b?c')}`,
  );
  assert.equal(
    pathOf('jobs.events', { params: { job: 'ab' }, query: { after: 0, follow: false, agentId: undefined } }),
    '/api/v1/jobs/ab/events?after=0&follow=false',
  );
});

test('a path without its parameter, or with one that would climb, is refused', () => {
  for (const agent of ['', '.', '..'])
    assert.throws(() => pathOf('agents.show', { params: { agent } }), /needs the parameter agent/);
  assert.throws(() => pathOf('agents.show'), /needs the parameter agent/);
});

test('the contract costs its users nothing: it loads types, and short lists', async () => {
  const folder = new URL('../../../controller/api/', import.meta.url);
  const loaded = async (file: string): Promise<string[]> => {
    const source = await readFile(new URL(file, folder), 'utf8');
    const statements = source.matchAll(/^(?:import|export)\s+(?!type\b)[^;]*?\bfrom '([^']+)';/gm);
    return [...statements].map((match) => match[1] ?? '');
  };
  assert.deepEqual(await loaded('contract.ts'), ['./job-messages.ts', './rollout-messages.ts']);
  for (const file of ['job-messages.ts', 'rollout-messages.ts']) assert.deepEqual(await loaded(file), []);
});
