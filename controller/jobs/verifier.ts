/**
 * Checks the signatures of stored reports behind the hot path. The session makes a report authentic for the controller; its
 * signature makes it checkable by anyone later, and one that does not verify quarantines its agent.
 */
import { verify } from '../../proto/frame.ts';
import type { JobsPorts } from './ports.ts';
import { setVerified, unverifiedReports } from './store.ts';

const PAGE = 50;
const PAUSE_MS = 20;

export interface Verifier {
  start(): void;
  stop(): void;
  /** A report was stored. */
  wake(): void;
}

export function createVerifier({ db, clock, inventory, log }: JobsPorts): Verifier {
  let running = false;
  let cancelTimer: (() => void) | undefined;

  function wake(): void {
    if (!running || cancelTimer) return;
    cancelTimer = clock.after(PAUSE_MS, () => void check());
  }

  async function check(): Promise<void> {
    try {
      const reports = await db.read(unverifiedReports({ limit: PAGE }));
      for (const one of reports) {
        const good = verify(one.sign_key, one.signature, 'report', one.report);
        const at = { agentId: one.agent_id, epoch: one.epoch, seq: one.report_seq };
        await db.write([setVerified({ ...at, verified: good ? 1 : 2 })]);
        if (!good)
          await inventory.quarantine(one.agent_id, `report ${one.report_seq} is not signed by its key`);
      }
      cancelTimer = undefined;
      if (reports.length === PAGE) wake();
    } catch (error) {
      cancelTimer = undefined;
      log.error({ err: error }, 'reports could not be verified');
    }
  }

  return {
    wake,
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
