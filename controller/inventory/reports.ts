import { MusterError } from '../../proto/errors.ts';
import { shortHash } from '../../proto/frame.ts';
import { equalBytes } from '../../proto/ids.ts';
import { LIMITS } from '../../proto/limits.ts';
import type { Late } from '../db/database.ts';
import { lastReportOf, reportPlace, setReportPlace } from './store.ts';

/** Thrown inside the transaction for a report that is stored already: nothing is written, the receipt is given again. */
export class ReportKnown extends Error {}

/**
 * Moves an agent's chain of reports on by one, in the transaction that stores the report.
 * Throws ReportKnown, or MusterError('malformed') for a gap or another chain.
 */
export function reportStored(
  agentId: string,
  epoch: string,
  seq: number,
  chain: Uint8Array,
  previous: Uint8Array,
): Late {
  return {
    late(tx) {
      const [place] = tx.read(reportPlace({ id: agentId }));
      if (!place || place.epoch !== epoch) throw new MusterError('malformed', 'a report of another epoch');
      if (seq <= place.report_seq) throw new ReportKnown();
      const expected = place.report_chain ?? new Uint8Array(LIMITS.hashBytes);
      if (seq !== place.report_seq + 1 || !equalBytes(previous, expected))
        throw new MusterError('malformed', `report ${seq} does not follow report ${place.report_seq}`);
      return [setReportPlace({ id: agentId, seq, chain })];
    },
  };
}

/**
 * A new epoch begins a new chain: its agent lost the journal that held the old one. An epoch that was here before (the journal
 * was found again) goes on where its chain was.
 */
export function newChain(agentId: string, epoch: string): Late {
  return {
    late(tx) {
      const [place] = tx.read(reportPlace({ id: agentId }));
      if (!place || place.epoch === epoch) return [];
      const [last] = tx.read(lastReportOf({ id: agentId, epoch }));
      const chain = last ? shortHash('report', last.report) : null;
      return [setReportPlace({ id: agentId, seq: last?.report_seq ?? 0, chain })];
    },
  };
}
