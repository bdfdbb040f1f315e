/**
 * What was true at the backup may not be true any more, and nobody can tell. So that a restored controller claims nothing that it
 * does not know, and lets nothing happen twice:
 *
 *   join tokens that were open      are revoked: they may have been used since
 *   runs that were queued           may have been sent since. They become `sent`: their agents get the order (again), know it by its
 *                                   id where they had it, and answer with what became of it; without an answer they end as `lost`,
 *                                   never as `expired` or `cancelled`, which would say that nothing ran
 *   … and waited for their turn     become `lost` at once: sent now, they would overrun their batch. A report replaces that
 *   rollouts that were open         are stopped: their steps may have gone on since, and the orders that were held are `lost` as above.
 *                                   They are there to be read and aborted; a new one says what it finds
 *   the trust document              is followed by one whose serial leaps past all that may have been signed since
 *
 * What agents know needs nothing here: session counters and report chains only go forward there, and they send again what this
 * store lacks.
 */

import type { Trust } from '../../certs/trust.ts';
import { applyTrust, signTrust } from '../../certs/trust.ts';
import type { KeyPair } from '../../proto/crypto.ts';
import type { Statement } from '../db/database.ts';
import { VALID_MS } from '../fleet/documents.ts';
import { insertDocuments } from '../fleet/store.ts';
import { NO_OUTCOME } from '../jobs/run.ts';
import type { Change } from '../jobs/transition.ts';
import { stopRollout, tellRollout } from './store.ts';

const SERIAL_LEAP = 1_000;

/** Of a run that was queued, what is true of it now. */
export function changesOf(
  run: { job_id: string; agent_id: string; waits: 0 | 1 },
  madeAtMs: number,
): Change[] {
  const about = { jobId: run.job_id, agentId: run.agent_id };
  const sent: Change = { ...about, from: 'queued', to: 'sent' };
  if (run.waits === 0) return [sent];
  const reason = `it waited for its turn at the backup of ${new Date(madeAtMs).toISOString()}, which was restored; it may have run since`;
  return [sent, { ...about, from: 'sent', to: 'lost', outcome: { ...NO_OUTCOME, reason } }];
}

/** Nothing of a rollout goes on by itself. */
export function stopped(id: string, madeAtMs: number, nowMs: number): Statement[] {
  const reason = `it was open at the backup of ${new Date(madeAtMs).toISOString()}, which was restored: hosts may have been changed since; abort it, and start another`;
  return [stopRollout({ id, reason }), tellRollout({ id, reason, nowMs })];
}

/** Undefined where the root key is elsewhere: then nobody but its holder signs. */
export function leap(trust: Trust, root: KeyPair | undefined, nowMs: number): Statement[] {
  if (!root || !trust.document) return [];
  const { version: _, ...document } = trust.document;
  const serial = trust.serial + SERIAL_LEAP;
  const bytes = signTrust({ ...document, serial, issuedAtMs: nowMs, expiresAtMs: nowMs + VALID_MS }, [root]);
  // As every agent will.
  applyTrust(trust, bytes);
  return insertDocuments([{ serial, document: bytes, changes_root: 0 }]);
}
