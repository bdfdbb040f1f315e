import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { untilRemoved } from '../../../agent/leaving/until-removed.ts';

function stage() {
  const told: string[] = [];
  const ended = Promise.withResolvers<void>();
  const released = Promise.withResolvers<string>();
  const done = Promise.withResolvers<void>();
  const life = untilRemoved(
    async () => {
      told.push('end');
      await ended.promise;
      told.push('ended');
    },
    released.promise,
    (options) => {
      told.push(`remove ${options}`);
      return { removed: done.promise, stop: async () => void told.push('let go') };
    },
  );
  return { told, ended, released, done, life };
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an agent that may be told to remove itself', () => {
  test('ends before its removal begins, and is over when that is done', async () => {
    const { told, ended, released, done, life } = stage();
    released.resolve('all');
    await settled();
    assert.deepEqual(told, ['end']);
    ended.resolve();
    await settled();
    assert.deepEqual(told, ['end', 'ended', 'remove all']);
    done.resolve();
    await life.removed;
    await life.stop();
    assert.deepEqual(told, ['end', 'ended', 'remove all', 'let go']);
  });

  test('is stopped as any other where nothing released it', async () => {
    const { told, ended, life } = stage();
    ended.resolve();
    await life.stop();
    assert.deepEqual(told, ['end', 'ended']);
  });

  test('does not begin with it once it was asked to stop, whichever came first', async () => {
    for (const first of ['stop', 'release'] as const) {
      const { told, ended, released, life } = stage();
      if (first === 'release') released.resolve('all');
      await settled();
      const stopped = life.stop();
      released.resolve('all');
      await settled();
      ended.resolve();
      await stopped;
      await settled();
      assert.deepEqual(told, ['end', 'ended'], first);
    }
  });
});
