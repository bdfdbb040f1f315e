import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Counts, RUN_STATES } from '../../../../controller/api/contract.ts';
import { plain } from '../../../../controller/cli/output/paint.ts';
import { renderProgress } from '../../../../controller/cli/output/progress.ts';

function fleet(counts: Counts) {
  const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
  return { counts: () => counts, total: () => total };
}

const WAITING = ['web-2 (queued)', 'db-1 (running, silent 14 s)', 'db-2 (sent, no answer 12 s)'];

test('progress says how many are done, how they went, and who is waited for', () => {
  assert.equal(
    renderProgress(fleet({ queued: 1, running: 1, sent: 1, failed: 1 }), WAITING, 200, plain),
    '1/4 done · 1 failed · waiting for 3: web-2 (queued), db-1 (running, silent 14 s), db-2 (sent, no answer 12 s)',
  );
});

test('each state that is no success has its own count', () => {
  const counts = Object.fromEntries(RUN_STATES.map((state, index) => [state, index + 1]));
  assert.equal(
    renderProgress(fleet(counts), [], 200, plain),
    '68/78 done · 6 failed · 7 timed-out · 8 cancelled · 9 rejected · 10 expired · 11 interrupted · 12 lost',
  );
});

test('progress never is wider than the terminal, and cuts between names', () => {
  for (let columns = 0; columns < 140; columns += 1) {
    const line = renderProgress(
      fleet({ queued: 1, running: 1, sent: 1, failed: 1 }),
      WAITING,
      columns,
      plain,
    );
    assert.ok(line.length <= columns, `${columns}: ${line}`);
    assert.match(line, /^$|^1\/4 done · 1 failed$|\)$|\), …$/, `${columns}: ${line}`);
  }
});

test('nobody to wait for is not waited for', () => {
  assert.equal(renderProgress(fleet({ succeeded: 1 }), [], 80, plain), '1/1 done');
});
