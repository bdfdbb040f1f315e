import assert from 'node:assert/strict';
import { test } from 'node:test';
import { undoStack } from '../../../controller/installer/undo.ts';

test('what was done last is undone first, and one that cannot be undone keeps no other from it', async () => {
  const undo = undoStack();
  const undone: string[] = [];
  for (const what of ['a', 'b', 'c'])
    undo.push(what, async () => {
      if (what === 'b') throw new Error('the disk is full');
      undone.push(what);
    });
  assert.deepEqual(await undo.unwind(), ['b (the disk is full)']);
  assert.deepEqual(undone, ['c', 'a']);
  assert.deepEqual(await undo.unwind(), [], 'and once');
});
