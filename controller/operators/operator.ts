/** Operators and their API tokens. Pure. */
import { hash } from '../../proto/frame.ts';

export type Role = 'viewer' | 'runner' | 'admin';

export interface Actor {
  name: string;
  role: Role;
}

const PREFIX = 'muster-api-';
const SECRET_BYTES = 32;

export function encodeApiToken(secret: Uint8Array): string {
  return PREFIX + Buffer.from(secret).toString('base64url');
}

/** What is stored of an API token, or undefined when the text cannot be one. */
export function apiTokenHash(token: string): Uint8Array | undefined {
  if (!token.startsWith(PREFIX) || token.length > 100) return undefined;
  const secret = Buffer.from(token.slice(PREFIX.length), 'base64url');
  return secret.length === SECRET_BYTES ? hash('api-token', secret) : undefined;
}

/** Returns why a name is refused, or undefined. */
export function operatorNameProblem(name: string): string | undefined {
  return /^[a-z0-9][a-z0-9._@-]{0,63}$/.test(name)
    ? undefined
    : 'an operator name has up to 64 lower-case letters, digits, dots, dashes, underscores or @';
}
