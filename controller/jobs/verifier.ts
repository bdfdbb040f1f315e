/**
 * Checks the signatures of stored reports behind the hot path. The session makes a report authentic for the controller; its
 * signature makes it checkable by anyone later, and one that does not verify quarantines its agent.
 */
import { delay } from '../../proto/clock.ts';
import { verify } from '../../proto/frame.ts';
import type { Statement } from '../db/database.ts';
import type { JobsPorts } from './ports.ts';
import { setVerified, unverifiedReports } from './report-store.ts';

/** Verified without a pause, a fifth of a millisecond each; their verdicts share a commit. */
const PAGE = 25;
const PAUSE_MS = 20;

export interface Verifier {
  start(): void;
  stop(): void;
  /** A report was stored. */
  wake(): void;
  /** Resolves when no stored report is unchecked: before anything trusts them. */
  finish(): Promise<void>;
}

export function createVerifier({ db, clock, inventory, log }: JobsPorts): Verifier {
  let running = false;
  let cancelTimer: (() => void) | undefined;

  function wake(): void {
    if (!running || cancelTimer) return;
    cancelTimer = clock.after(PAUSE_MS, () => void check());
  }

  /** How many were checked: none when all are. */
  async function checkPage(): Promise<number> {
    const reports = await db.read(unverifiedReports({ limit: PAGE }));
    const verdicts: Statement[] = [];
    for (const one of reports) {
      // The key in memory was imported once; an agent's id stands for one key.
      const signKey = inventory.get(one.agent_id)?.signKey ?? one.sign_key;
      const good = verify(signKey, one.signature, 'report', one.report);
      const at = { agentId: one.agent_id, epoch: one.epoch, seq: one.report_seq };
      // Before its verdict is stored: what fails in between is found again.
      if (!good)
        await inventory.quarantine(one.agent_id, `report ${one.report_seq} is not signed by its key`);
      verdicts.push(setVerified({ ...at, verified: good ? 1 : 2 }));
    }
    if (verdicts.length > 0) await db.write(verdicts);
    return reports.length;
  }

  async function check(): Promise<void> {
    try {
      const checked = await checkPage();
      cancelTimer = undefined;
      // Others may have come meanwhile, whose call of wake did nothing.
      if (checked > 0) wake();
    } catch (error) {
      cancelTimer = undefined;
      log.error({ err: error }, 'reports could not be verified');
    }
  }

  return {
    wake,
    async finish() {
      while ((await checkPage()) > 0) await delay(clock, 0);
    },
    start() {
      running = true;
      wake();
    },
    stop() {
      running = false;
      cancelTimer?.();
      cancelTimer = undefined;
    },
  };
}
