import assert from 'node:assert/strict';
import { test } from 'node:test';
import { live, tell } from './history.ts';

test('the same seed gives the same history, byte for byte', async () => {
  const first = await live(7);
  const second = await live(7);
  assert.equal(second.lines.join('\n'), first.lines.join('\n'));
  assert.equal(second.digest, first.digest);
  assert.notEqual((await live(8)).digest, first.digest);
});

test('every promise holds in histories of chance', async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const history = await live(seed);
    assert.equal(history.violation, undefined, tell(history));
  }
});
