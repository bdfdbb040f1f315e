import { encodeToken, tokenHash } from '../../certs/enrolment.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { labelProblem, nameProblem } from '../../proto/name.ts';
import type { EnrolmentPorts } from './ports.ts';
import { allTokens, insertTokens, revokeToken, type TokenRow, tokenById } from './store.ts';

export interface TokenRequest {
  ttlMs: number;
  labels: Record<string, string>;
  allowLabels: string[];
  uses: number;
  approve: 'auto' | 'manual';
  name?: string;
}

export interface TokenSummary {
  id: string;
  state: 'open' | 'used' | 'expired' | 'revoked';
  labels: Record<string, string>;
  allowLabels: string[];
  uses: number;
  used: number;
  approve: 'auto' | 'manual';
  name: string | null;
  createdBy: string;
  createdAtMs: number;
  expiresAtMs: number;
}

export interface Tokens {
  /** The token is told once; its hash is what is kept. Throws bad-request, bad-name. */
  create(
    request: TokenRequest,
    by: { name: string },
  ): Promise<{ id: string; token: string; expiresAtMs: number }>;
  list(): Promise<TokenSummary[]>;
  /** Throws no-such-token. */
  revoke(id: string, by: { name: string }): Promise<void>;
}

export function createTokens({ clock, random, db, audit, fleet }: EnrolmentPorts): Tokens {
  return {
    async create(request, by) {
      for (const [key, value] of Object.entries(request.labels)) {
        const problem = labelProblem(key, value);
        if (problem) throw new MusterError('bad-request', `label ${key}=${value}: ${problem}`);
      }
      const problem = request.name === undefined ? undefined : nameProblem(request.name);
      if (problem) throw new MusterError('bad-name', problem);
      const secret = random(32);
      const id = toHex(random(4));
      const nowMs = clock.now();
      const expiresAtMs = nowMs + request.ttlMs;
      const row = {
        id,
        secret_hash: tokenHash(secret),
        created_at_ms: nowMs,
        expires_at_ms: expiresAtMs,
        uses: request.uses,
        uses_left: request.uses,
        labels: JSON.stringify(request.labels),
        allow_labels: JSON.stringify(request.allowLabels),
        approve: request.approve,
        name: request.name ?? null,
        created_by: by.name,
      };
      const { ttlMs: _, ...shown } = request;
      await db.write([
        ...insertTokens([row]),
        audit.entry(by, 'token.create', { id, ...shown, expiresAtMs }),
      ]);
      const { fleetId, rootKeyId, urls } = fleet.current();
      return { id, token: encodeToken({ secret, fleetId, rootKeyId, urls: [...urls] }), expiresAtMs };
    },
    async list() {
      return (await db.read(allTokens())).map((row) => summary(row, clock.now()));
    },
    async revoke(id, by) {
      const [row] = await db.read(tokenById({ id }));
      if (!row) throw new MusterError('no-such-token', id);
      if (row.revoked_at_ms !== null) return;
      await db.write([revokeToken({ id, nowMs: clock.now() }), audit.entry(by, 'token.revoke', { id })]);
    },
  };
}

/** Why a token lets nobody in, or undefined. */
export function tokenProblem(
  row: Pick<TokenRow, 'revoked_at_ms' | 'expires_at_ms' | 'uses_left'>,
  nowMs: number,
): 'token-revoked' | 'token-expired' | 'token-used' | undefined {
  if (row.revoked_at_ms !== null) return 'token-revoked';
  if (row.uses_left <= 0) return 'token-used';
  return nowMs >= row.expires_at_ms ? 'token-expired' : undefined;
}

const STATES = { 'token-revoked': 'revoked', 'token-used': 'used', 'token-expired': 'expired' } as const;

function summary(row: TokenRow, nowMs: number): TokenSummary {
  const problem = tokenProblem(row, nowMs);
  return {
    id: row.id,
    state: problem ? STATES[problem] : 'open',
    labels: JSON.parse(row.labels) as Record<string, string>,
    allowLabels: JSON.parse(row.allow_labels) as string[],
    uses: row.uses,
    used: row.uses - row.uses_left,
    approve: row.approve,
    name: row.name,
    createdBy: row.created_by,
    createdAtMs: row.created_at_ms,
    expiresAtMs: row.expires_at_ms,
  };
}
