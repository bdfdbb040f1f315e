import type { FastifyRequest } from 'fastify';
import type * as z from 'zod';
import { MusterError } from '../../proto/errors.ts';
import { ROUTES, type RouteName } from './contract.ts';
import { problemOf } from './refusal.ts';
import { SHAPES, type Shape } from './shapes.ts';

/** The three parts of a request, held against the route's shape. Throws bad-request with the place and what was expected. */
export function readRequest(
  name: RouteName,
  request: FastifyRequest,
): { params: unknown; query: unknown; body: unknown } {
  const shape: Shape = SHAPES[name];
  // Whoever asks for a public page may add what he likes: those who probe for life do.
  if (shape.query === undefined && ROUTES[name].role !== 'public') nothing('query', request.query);
  if (shape.body === undefined && ROUTES[name].takes !== 'bytes') nothing('body', request.body);
  return {
    params: read('path', shape.params, request.params),
    query: read('query', shape.query, request.query),
    // No body at all is an empty one: where everything may be left out, it may be left out whole.
    body: read('body', shape.body, request.body ?? {}),
  };
}

function read(place: 'path' | 'query' | 'body', schema: z.ZodType | undefined, value: unknown): unknown {
  if (schema === undefined) return undefined;
  const result = schema.safeParse(value);
  if (!result.success) throw problemOf(place, result.error);
  return result.data;
}

function nothing(place: 'query' | 'body', value: unknown): void {
  const empty =
    value === undefined || value === null || (typeof value === 'object' && Object.keys(value).length === 0);
  if (!empty) throw new MusterError('bad-request', `${place}: this route takes none`);
}
