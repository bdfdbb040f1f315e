import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  atHand,
  begin,
  crowdOf,
  due,
  end,
  halted,
  isOver,
  pressed,
} from '../../../controller/installer/crowd.ts';

test('as many begin as the concurrency allows, and each that ends makes room for one', () => {
  let crowd = crowdOf(5, 2);
  assert.equal(due(crowd), 2);
  crowd = begin(crowd, 2);
  assert.deepEqual([due(crowd), atHand(crowd)], [0, 2]);
  crowd = end(crowd);
  assert.equal(due(crowd), 1);
});

test('it is over when all have ended, and where there is nobody at once', () => {
  assert.ok(isOver(crowdOf(0, 20)));
  let crowd = begin(crowdOf(1, 20), 1);
  assert.ok(!isOver(crowd));
  crowd = end(crowd);
  assert.ok(isOver(crowd));
});

test('the first Ctrl-C begins no other, the second undoes, the third waits for nobody', () => {
  let crowd = pressed(begin(crowdOf(5, 2), 2));
  assert.deepEqual([crowd.phase, due(crowd), isOver(crowd)], ['finishing', 0, false]);
  assert.equal(due(end(crowd)), 0);
  assert.ok(isOver(end(end(crowd))));
  crowd = pressed(crowd);
  assert.deepEqual([crowd.phase, isOver(crowd)], ['undoing', false]);
  crowd = pressed(crowd);
  assert.deepEqual([crowd.phase, isOver(crowd)], ['left', true]);
});

test('a controller that is gone begins no other, and does not soften what Ctrl-C said', () => {
  const crowd = begin(crowdOf(5, 2), 2);
  assert.equal(halted(crowd).phase, 'finishing');
  assert.equal(halted(pressed(pressed(crowd))).phase, 'undoing');
});
