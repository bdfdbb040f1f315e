import type { Message } from '../../proto/codec.ts';
import { shortHash } from '../../proto/frame.ts';
import { equalBytes } from '../../proto/ids.ts';
import type { Journal } from './journal.ts';

/**
 * How far the controller holds this journal's reports; 0 for a receipt of another epoch. `forked` when it holds a chain
 * that this journal did not write: an older copy of the journal was put back, and what it forgot must not run again.
 */
export function receiptedUpTo(
  receipt: Message<'Receipt'>,
  journal: Pick<Journal, 'chain' | 'report'>,
): number | 'forked' {
  const { epoch, seq } = journal.chain();
  if (!equalBytes(receipt.epoch, epoch)) return 0;
  if (receipt.reportSeq > seq) return 'forked';
  const last = journal.report(receipt.reportSeq);
  if (last && !equalBytes(shortHash('report', last.report), receipt.chain)) return 'forked';
  return receipt.reportSeq;
}

/**
 * Whether reports are missing between those that the controller holds and the next of this journal: it was put back to a time
 * of which this agent has forgotten the reports, and takes no later one of that chain.
 */
export function hasGapAfter(seq: number, journal: Pick<Journal, 'chain' | 'reportAfter'>): boolean {
  return (journal.reportAfter(seq)?.seq ?? journal.chain().seq + 1) !== seq + 1;
}
