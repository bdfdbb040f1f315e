import assert from 'node:assert/strict';
import { test } from 'node:test';
import { plain } from '../../../../controller/cli/output/paint.ts';
import { renderProgress } from '../../../../controller/cli/output/progress.ts';
import { createTally } from '../../../../controller/cli/tally.ts';

function fleet() {
  const targets = ['web-1', 'web-2', 'db-1', 'db-2'].map((name) => ({ id: name, name }));
  const tally = createTally(targets, 0);
  tally.apply('web-1', 'failed', null, 1000);
  tally.apply('db-1', 'running', null, 2000);
  tally.apply('db-2', 'sent', null, 4000);
  return tally;
}

test('progress says how many are done, how they went, and who is waited for longest', () => {
  assert.equal(
    renderProgress(fleet(), 16_400, 200, plain),
    '1/4 done · 1 failed · waiting for: web-2 (queued, 16 s), db-1 (14 s), db-2 (sent, 12 s)',
  );
});

test('hosts without an answer are not counted as failed', () => {
  const tally = fleet();
  tally.apply('web-2', 'expired', null, 2000);
  assert.match(
    renderProgress(tally, 5000, 200, plain),
    /^2\/4 done · 1 failed · 1 no answer · waiting for: db-1 \(3 s\)/,
  );
});

test('progress never is wider than the terminal, and cuts between names', () => {
  for (let columns = 0; columns < 120; columns += 1) {
    const line = renderProgress(fleet(), 16_400, columns, plain);
    assert.ok(line.length <= columns, `${columns}: ${line}`);
    assert.match(line, /^$|^1\/4 done · 1 failed$|\)$|\), …$/, `${columns}: ${line}`);
  }
});

test('nobody to wait for is not waited for', () => {
  const tally = createTally([{ id: 'a', name: 'a' }], 0);
  tally.apply('a', 'succeeded', null, 5);
  assert.equal(renderProgress(tally, 10, 80, plain), '1/1 done');
});

test('a name cannot draw on the terminal', () => {
  const tally = createTally([{ id: 'a', name: '\x1b[2J' }], 0);
  assert.equal(renderProgress(tally, 0, 80, plain), '0/1 done · waiting for: \\x1b[2J (queued, 0 s)');
});
