import { MusterError } from '../../proto/errors.ts';
import type { Access } from './contract.ts';
import { API_LIMITS } from './limits.ts';
import type { Actor, Role } from './messages.ts';

const RANK: Record<Role, number> = { viewer: 0, runner: 1, admin: 2 };

/** Where an operator's token could come to a log; whoever makes the logger hides these too. */
export const REDACT = [
  'token',
  '*.token',
  'headers.authorization',
  '*.headers.authorization',
  'headers.cookie',
  '*.headers.cookie',
];

/**
 * The operator behind an Authorization header, if the route's role allows it.
 * Throws unauthenticated (no token, or one that does not count) and forbidden (a real one of too low a role).
 */
export async function admit(
  access: Role,
  authorization: string | undefined,
  authenticate: (token: string) => Promise<Actor | undefined>,
): Promise<Actor> {
  const token = bearer(authorization);
  const actor = token === undefined ? undefined : await authenticate(token);
  if (actor === undefined) throw new MusterError('unauthenticated');
  if (!(RANK[actor.role] >= RANK[access]))
    throw new MusterError('forbidden', `this needs the role ${access}, ${actor.name} is ${actor.role}`);
  return actor;
}

/** RFC 6750, section 2.1; the scheme's name in any case (RFC 9110, section 11.1). */
function bearer(authorization: string | undefined): string | undefined {
  const match = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization ?? '');
  const token = match?.[1];
  return token !== undefined && token.length <= API_LIMITS.tokenChars ? token : undefined;
}

/** A route whose role was forgotten must not become a public one. */
export function checkAccess(name: string, access: Access | undefined): Access {
  if (access === 'public' || (access !== undefined && Object.hasOwn(RANK, access))) return access;
  throw new Error(`the route ${name} declares no role`);
}
