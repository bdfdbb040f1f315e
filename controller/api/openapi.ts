import * as z from 'zod';
import { API, IDEMPOTENCY_HEADER, ROUTES, type Route, type RouteName } from './contract.ts';
import { METRICS_TYPE } from './metrics.ts';
import { failure, rolloutStreamEvents, streamEvents } from './replies.ts';
import { SHAPES, type Shape } from './shapes.ts';

type Json = Record<string, unknown>;

/** The API as an OpenAPI 3.1 document, made of the route table and the schemas: there is no second description to keep. */
export function openApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const [name, route] of Object.entries(ROUTES) as [RouteName, Route][]) {
    const path = route.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operation(name, route, SHAPES[name]) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Muster', version, description: `Operators' API of a Muster controller, under ${API}.` },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: {
        token: { type: 'http', scheme: 'bearer', description: 'An API token of "muster operator add".' },
      },
      schemas: {
        Error: outgoing(failure),
        ...Object.fromEntries(
          Object.entries({ ...streamEvents, ...rolloutStreamEvents }).map(([event, schema]) => [
            `event-${event}`,
            outgoing(schema),
          ]),
        ),
      },
    },
  };
}

/** What makes something, and makes it once for one key. */
const KEYED: readonly RouteName[] = ['jobs.create', 'jobs.retry', 'rollouts.start', 'rollouts.draft'];

function operation(name: RouteName, route: Route, shape: Shape): Json {
  const parameters = [
    ...parametersOf('path', shape.params),
    ...parametersOf('query', shape.query),
    ...(KEYED.includes(name)
      ? [headerOf(IDEMPOTENCY_HEADER, 'A second request with the same key gets what the first one made.')]
      : []),
    ...(route.answer === 'events' ? [headerOf('last-event-id', 'Go on after this event.')] : []),
  ];
  return {
    operationId: name,
    summary: route.summary,
    ...(route.role === 'public' ? { security: [] } : { 'x-role': route.role }),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(shape.body
      ? { requestBody: { required: true, content: { 'application/json': { schema: incoming(shape.body) } } } }
      : {}),
    ...(route.takes === 'bytes'
      ? { requestBody: { required: true, content: { 'application/octet-stream': {} } } }
      : {}),
    responses: {
      200: { description: route.summary, content: contentOf(name, route, shape) },
      default: {
        description: 'What went wrong',
        content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
      },
    },
  };
}

function contentOf(name: RouteName, route: Route, shape: Shape): Json {
  switch (route.answer) {
    case 'json':
      return { 'application/json': { schema: outgoing(shape.reply) } };
    case 'text':
      return { [name === 'metrics' ? METRICS_TYPE : 'text/plain']: { schema: { type: 'string' } } };
    case 'bytes':
      return { 'application/octet-stream': {} };
    case 'events':
      return {
        'text/event-stream': {
          schema: {
            type: 'string',
            description: `Events ${Object.keys(name === 'rollouts.events' ? rolloutStreamEvents : streamEvents).join(', ')}; the data of each is JSON, see components.schemas.event-….`,
          },
        },
      };
  }
}

function parametersOf(place: 'path' | 'query', schema: z.ZodType | undefined): Json[] {
  if (schema === undefined) return [];
  const { properties = {}, required = [] } = incoming(schema) as { properties?: Json; required?: string[] };
  return Object.entries(properties).map(([name, part]) => ({
    name,
    in: place,
    required: required.includes(name),
    schema: part,
  }));
}

const headerOf = (name: string, description: string): Json => ({
  name,
  in: 'header',
  required: false,
  description,
  schema: { type: 'string' },
});

/** What a request becomes once it was read: numbers of a query are numbers. Unknown keys are refused. */
const incoming = (schema: z.ZodType): Json => bare(z.toJSONSchema(schema, { io: 'output' }));
/** What a reply has at least: it may grow keys. */
const outgoing = (schema: z.ZodType): Json => bare(z.toJSONSchema(schema, { io: 'input' }));

/** OpenAPI 3.1 says once for the whole document which JSON Schema it speaks. */
function bare({ $schema: _, '~standard': __, ...schema }: Json): Json {
  return schema;
}
