import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import type { RandomBytes } from '../../proto/random.ts';
import { type Database, isTaken, type Statement } from '../db/database.ts';
import { type Actor, apiTokenHash, encodeApiToken, operatorNameProblem, type Role } from './operator.ts';
import {
  allOperators,
  insertOperators,
  operatorByName,
  operatorByToken,
  revokeOperator,
  tokenGiven,
} from './store.ts';

export interface OperatorsPorts {
  clock: Clock;
  random: RandomBytes;
  db: Database;
  audit: { entry(actor: { name: string }, action: string, detail: object): Statement };
}

export interface OperatorSummary {
  id: string;
  name: string;
  role: Role;
  state: 'active' | 'expired' | 'revoked';
  createdAtMs: number;
  expiresAtMs: number | null;
}

export interface Operators {
  /** An API token that nobody has yet. */
  newToken(): string;
  /** Whether this is a token that no operator has or ever had. */
  isFree(token: string): Promise<boolean>;
  /** Makes an operator and its API token, which is told once. Throws bad-request, name-taken. */
  add(
    request: { name: string; role: Role; ttlMs?: number },
    by: { name: string },
    /** One that is free; left out: a new one. */
    token?: string,
  ): Promise<{ id: string; token: string }>;
  list(): Promise<OperatorSummary[]>;
  /** Throws no-such-operator. */
  revoke(name: string, by: { name: string }): Promise<void>;
  /** Undefined: unknown, expired or revoked. */
  authenticate(token: string): Promise<Actor | undefined>;
}

export function createOperators({ clock, random, db, audit }: OperatorsPorts): Operators {
  const newToken = (): string => encodeApiToken(random(32));
  return {
    newToken,
    async isFree(token) {
      const tokenHash = apiTokenHash(token);
      return tokenHash !== undefined && (await db.read(tokenGiven({ tokenHash }))).length === 0;
    },
    async add(request, by, token = newToken()) {
      const problem = operatorNameProblem(request.name);
      if (problem) throw new MusterError('bad-request', problem);
      const nowMs = clock.now();
      const id = toHex(random(8));
      const row = {
        id,
        name: request.name,
        role: request.role,
        token_hash: apiTokenHash(token) as Uint8Array,
        created_at_ms: nowMs,
        expires_at_ms: request.ttlMs === undefined ? null : nowMs + request.ttlMs,
      };
      try {
        await db.write([
          ...insertOperators([row]),
          audit.entry(by, 'operator.add', { operator: request.name, id, role: request.role }),
        ]);
      } catch (error) {
        if (isTaken(error, 'operators.name')) throw new MusterError('name-taken', request.name);
        throw error;
      }
      return { id, token };
    },
    async list() {
      const nowMs = clock.now();
      return (await db.read(allOperators())).map((row) => ({
        id: row.id,
        name: row.name,
        role: row.role,
        state:
          row.revoked_at_ms !== null ? 'revoked' : isOver(row.expires_at_ms, nowMs) ? 'expired' : 'active',
        createdAtMs: row.created_at_ms,
        expiresAtMs: row.expires_at_ms,
      }));
    },
    async revoke(name, by) {
      const [row] = await db.read(operatorByName({ name }));
      if (!row) throw new MusterError('no-such-operator', name);
      await db.write([
        revokeOperator({ id: row.id, nowMs: clock.now() }),
        audit.entry(by, 'operator.revoke', { operator: name, id: row.id }),
      ]);
    },
    async authenticate(token) {
      // Found by its hash: what the comparison's time could tell is about the hash, not about the token.
      const tokenHash = apiTokenHash(token);
      const [row] = tokenHash ? await db.read(operatorByToken({ tokenHash })) : [];
      if (!row || isOver(row.expires_at_ms, clock.now())) return undefined;
      return { name: row.name, role: row.role };
    },
  };
}

function isOver(expiresAtMs: number | null, nowMs: number): boolean {
  return expiresAtMs !== null && nowMs >= expiresAtMs;
}
