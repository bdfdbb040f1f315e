import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createForward, type Forward } from '../../../agent/spool/forward.ts';
import type { StoredReport } from '../../../agent/spool/journal.ts';

const run = (jobId: string) => ({ jobId, attempt: 1 });
const source = (stored: number) => ({ stored, read: () => [] });

function report(jobId: string, outputEnd: number): StoredReport {
  const nothing = new Uint8Array(0);
  return { seq: 1, jobId, attempt: 1, report: nothing, signature: nothing, kept: 'row', outputEnd };
}

/** Sends what is next, as it stands, and says what that was. */
function step(forward: Forward, head?: StoredReport): string | undefined {
  const piece = forward.next(head);
  if (!piece) return undefined;
  if (piece.kind === 'report') return `report ${piece.report.jobId}`;
  const data = new Uint8Array(piece.maxBytes);
  forward.sent(piece.lane, [{ stream: 'stdout', offset: piece.from, position: piece.from, data }]);
  return `${piece.lane.run.jobId} ${piece.from}+${piece.maxBytes}`;
}

function make(): Forward {
  return createForward({ windowBytes: 100, frameBytes: 40 });
}

describe('what is sent next', () => {
  it('goes in frames up to the window, and on as it is acknowledged', () => {
    const forward = make();
    forward.add(run('a'), source(250), 0);
    assert.deepEqual(
      [step(forward), step(forward), step(forward), step(forward)],
      ['a 0+40', 'a 40+40', 'a 80+20', undefined],
    );
    forward.ack(run('a'), 50);
    assert.equal(step(forward), 'a 100+40');
    forward.ack(run('a'), 10);
    assert.equal(step(forward), 'a 140+10');
    assert.equal(step(forward), undefined);
  });

  it('never counts as acknowledged what was not sent', () => {
    const forward = make();
    forward.add(run('a'), source(1000), 0);
    step(forward);
    forward.ack(run('a'), 10_000);
    assert.equal(step(forward), 'a 40+40');
    assert.equal(step(forward), 'a 80+40');
    assert.equal(step(forward), 'a 120+20');
    assert.equal(step(forward), undefined);
  });

  it('begins where the controller says, or at the end of what there is', () => {
    const forward = make();
    forward.add(run('a'), source(50), 30);
    forward.add(run('b'), source(50), 400);
    assert.deepEqual([step(forward), step(forward)], ['a 30+20', undefined]);
  });

  it('takes turns among the runs', () => {
    const forward = make();
    for (const name of ['a', 'b', 'c']) forward.add(run(name), source(80), 0);
    const order = [1, 2, 3, 4, 5, 6].map(() => step(forward)?.charAt(0));
    assert.deepEqual(order, ['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it('is a report only when all kept output of its run went before', () => {
    const forward = make();
    forward.add(run('a'), source(60), 0);
    const head = report('a', 60);
    assert.deepEqual(
      [step(forward, head), step(forward, head), step(forward, head)],
      ['a 0+40', 'a 40+20', 'report a'],
    );
  });

  it('lets other runs go on while the first report waits for its window', () => {
    const forward = make();
    forward.add(run('a'), source(200), 0);
    forward.add(run('b'), source(40), 0);
    const sent = [1, 2, 3, 4, 5].map(() => step(forward, report('a', 200)));
    assert.deepEqual(sent, ['a 0+40', 'b 0+40', 'a 40+40', 'a 80+20', undefined]);
  });

  it('does not hold a report for output that cannot be read any more', () => {
    const forward = make();
    forward.add(run('a'), source(200), 0);
    const piece = forward.next(undefined);
    if (piece?.kind === 'output') forward.giveUp(piece.lane);
    assert.equal(step(forward, report('a', 200)), 'report a');
    assert.equal(step(forward, report('unknown', 10)), 'report unknown');
  });

  it('sends nothing from behind what cannot be read, however much is still written', () => {
    const forward = make();
    const growing = { stored: 30, read: () => [] };
    forward.add(run('a'), growing, 0);
    const piece = forward.next(undefined);
    if (piece?.kind === 'output') forward.giveUp(piece.lane);
    growing.stored = 60;
    assert.equal(step(forward), undefined);
    assert.equal(step(forward, report('a', 60)), 'report a');
  });
});
