import { type Grant, openEnrolRequest, signGrant, signGrantBytes, tokenHash } from '../../certs/enrolment.ts';
import { idOfAgent } from '../../certs/identity.ts';
import { MusterError } from '../../proto/errors.ts';
import { toHex } from '../../proto/ids.ts';
import { labelProblem, nameProblem } from '../../proto/name.ts';
import type { Statement, Transaction } from '../db/database.ts';
import { agentById, agentByName, insertAgents, joinAgain, setRemoved } from '../inventory/store.ts';
import type { EnrolmentPorts } from './ports.ts';
import { grantOf, insertGrants, type TokenRow, takeUse, tokenByHash } from './store.ts';
import { tokenProblem } from './tokens.ts';

/** What an agent sends after the handshake, with keys that nobody knows yet. */
export interface EnrolAttempt {
  /** Of the handshake; the request's signature covers it. */
  h1: Uint8Array;
  /** The id that Hello claimed. */
  agentId: Uint8Array;
  request: Uint8Array;
  signature: Uint8Array;
  tokenSecret: Uint8Array;
}

export interface SignedGrant {
  grant: Uint8Array;
  signature: Uint8Array;
}

type Request = ReturnType<typeof openEnrolRequest>;

/**
 * Lets an agent join, in one transaction: the token's use, the agent, the name it takes over, the grant and the audit line.
 * The same token with the same key gets the same grant, so a grant that was lost on the way burns nothing.
 * Throws MusterError: malformed, bad-key, bad-signature, token-*, bad-name, name-taken, label-not-allowed, agent-removed.
 */
export async function enrol(
  ports: EnrolmentPorts,
  attempt: EnrolAttempt,
): Promise<SignedGrant & { agentId: string }> {
  const { fleet, db } = ports;
  const { fleetId } = fleet.current();
  const request = openEnrolRequest(attempt.h1, attempt.request, attempt.signature);
  const id = idOfAgent(fleetId, request.signPublicKey);
  if (toHex(id) !== toHex(attempt.agentId))
    throw new MusterError('malformed', 'the agent id is not of this key');
  const agentId = toHex(id);
  let signed: SignedGrant | undefined;
  let replaced: string | undefined;
  await db.write([
    {
      late(tx) {
        const [token] = tx.read(tokenByHash({ hash: tokenHash(attempt.tokenSecret) }));
        if (!token) throw new MusterError('token-unknown');
        const [known] = tx.read(grantOf({ tokenId: token.id, agentId }));
        const [agent] = tx.read(agentById({ id: agentId }));
        if (agent?.state === 'removed') throw new MusterError('agent-removed');
        if (known && agent) {
          signed = signGrantBytes(fleet.controllerKey(), known.grant);
          return [];
        }
        const joined = admitNew(ports, tx, token, request, agentId, fleetId);
        signed = joined.signed;
        replaced = joined.replaced;
        return joined.statements;
      },
    },
  ]);
  await ports.enrolled(agentId, replaced);
  return { ...(signed as unknown as SignedGrant), agentId };
}

interface Joined {
  signed: SignedGrant;
  replaced: string | undefined;
  statements: Statement[];
}

function admitNew(
  ports: EnrolmentPorts,
  tx: Transaction,
  token: TokenRow,
  request: Request,
  agentId: string,
  fleetId: Uint8Array,
): Joined {
  const nowMs = ports.clock.now();
  const problem = tokenProblem(token, nowMs);
  if (problem) throw new MusterError(problem);
  const name = acceptName(token, request);
  const claims = acceptLabels(token, request);
  const given = JSON.parse(token.labels) as Record<string, string>;
  const labels = { ...claims, ...given };
  const [holder] = tx.read(agentByName({ name }));
  // Whoever takes a name gets what is meant for it, so a join takes one over only where the token was made for that name.
  const mayReplace = request.replace && token.name === name;
  if (holder && holder.id !== agentId && !mayReplace)
    throw new MusterError(
      'name-taken',
      `${name}; remove that agent, or join with --replace and a token made for this name`,
    );
  const replaced = holder && holder.id !== agentId ? holder.id : undefined;
  const [known] = tx.read(agentById({ id: agentId }));
  const state = known?.state ?? (token.approve === 'manual' ? 'pending' : 'active');
  const grant: Grant = { fleetId, agentId: Buffer.from(agentId, 'hex'), name, labels, state };
  const signed = signGrant(ports.fleet.controllerKey(), grant);
  const row = {
    id: agentId,
    name,
    epoch: toHex(request.epoch),
    sign_key: request.signPublicKey,
    box_key: request.boxPublicKey,
    labels: JSON.stringify(labels),
    claimed_labels: JSON.stringify(claims),
    state,
    hostname: request.hostname || null,
    enrolled_at_ms: nowMs,
  } as const;
  return {
    signed,
    replaced,
    statements: [
      ...(replaced === undefined ? [] : [setRemoved({ id: replaced, nowMs })]),
      ...(known
        ? [joinAgain({ ...row, boxKey: row.box_key, claims: row.claimed_labels })]
        : insertAgents([row])),
      ...insertGrants([{ token_id: token.id, agent_id: agentId, grant: signed.grant }]),
      takeUse({ id: token.id }),
      ports.audit.entry({ name: `token ${token.id}` }, 'agent.enrol', {
        agent: name,
        id: agentId,
        labels,
        state,
        ...(replaced === undefined ? {} : { replaced }),
      }),
    ],
  };
}

function acceptName(token: TokenRow, request: Request): string {
  const problem = nameProblem(request.name);
  if (problem) throw new MusterError('bad-name', problem);
  if (token.name !== null && token.name !== request.name)
    throw new MusterError('bad-name', `the token was made for ${token.name}`);
  return request.name;
}

function acceptLabels(token: TokenRow, request: Request): Record<string, string> {
  const allowed = new Set(JSON.parse(token.allow_labels) as string[]);
  for (const [key, value] of Object.entries(request.labels)) {
    const problem = labelProblem(key, value);
    if (problem) throw new MusterError('label-not-allowed', problem);
    if (!allowed.has(key) && !allowed.has('*')) throw new MusterError('label-not-allowed', key);
  }
  return request.labels;
}
