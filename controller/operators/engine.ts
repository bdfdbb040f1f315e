import type { Clock } from '../../proto/clock.ts';
import { MusterError } from '../../proto/errors.ts';
import { keyId } from '../../proto/frame.ts';
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
  /** Their own signing keys, in the trust document. */
  trust: OperatorTrust;
}

export interface OperatorTrust {
  /** Ids are hex. */
  keys(): { name: string; keyId: string }[];
  /** Throws bad-key, bad-request, root-key-away. */
  add(operator: { name: string; publicKey: Uint8Array; role: Role }, by: { name: string }): Promise<void>;
  /** Answers with the ids of the keys that are revoked now. Throws root-key-away where there are some. */
  remove(name: string, by: { name: string }, only?: string): Promise<string[]>;
}

export interface OperatorSummary {
  id: string;
  name: string;
  role: Role;
  state: 'active' | 'expired' | 'revoked';
  createdAtMs: number;
  expiresAtMs: number | null;
  /** Ids of the keys with which they may sign, in hex. */
  keys: string[];
}

/** `trustedKeys` are ids of keys that stay trusted, since the root key is not here: who has one still signs. */
export interface Revoked {
  revokedKeys: string[];
  trustedKeys: string[];
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
  revoke(name: string, by: { name: string }): Promise<Revoked>;
  /** Lets an operator sign with a key of his own. Answers with its id. Throws no-such-operator, bad-key, bad-request, root-key-away. */
  trust(name: string, publicKey: Uint8Array, by: { name: string }): Promise<{ keyId: string }>;
  /** One key, or all of a name, also of one who was revoked before. Throws not-found, root-key-away. */
  untrust(name: string, by: { name: string }, only?: string): Promise<{ revokedKeys: string[] }>;
  /** Undefined: unknown, expired or revoked. */
  authenticate(token: string): Promise<Actor | undefined>;
}

export function createOperators({ clock, random, db, audit, trust }: OperatorsPorts): Operators {
  const keysOf = (name: string): string[] =>
    trust.keys().flatMap((key) => (key.name === name ? [key.keyId] : []));

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
        keys: row.revoked_at_ms === null ? keysOf(row.name) : [],
      }));
    },
    async revoke(name, by) {
      const [row] = await db.read(operatorByName({ name }));
      if (!row) throw new MusterError('no-such-operator', name);
      // The keys first: cut off in between, the same command still finds an operator whose token it revokes.
      const revokedKeys = await trust.remove(name, by).catch((error: unknown) => {
        if (error instanceof MusterError && error.code === 'root-key-away') return [];
        throw error;
      });
      const trustedKeys = keysOf(name);
      await db.write([
        revokeOperator({ id: row.id, nowMs: clock.now() }),
        audit.entry(by, 'operator.revoke', { operator: name, id: row.id, trustedKeys }),
      ]);
      return { revokedKeys, trustedKeys };
    },
    async trust(name, publicKey, by) {
      const [row] = await db.read(operatorByName({ name }));
      if (!row) throw new MusterError('no-such-operator', name);
      await trust.add({ name, publicKey, role: row.role }, by);
      return { keyId: toHex(keyId('operator', publicKey)) };
    },
    async untrust(name, by, only) {
      const revokedKeys = await trust.remove(name, by, only);
      if (revokedKeys.length === 0)
        throw new MusterError(
          'not-found',
          `no key of ${name} is trusted${only === undefined ? '' : ` with the id ${only}`}`,
        );
      return { revokedKeys };
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
