import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Outcome, RunState } from '../../../../controller/api/contract.ts';
import { createFetchView, type FetchView } from '../../../../controller/cli/content/fetch-view.ts';
import type { Piece } from '../../../../controller/cli/output/view.ts';
import type { Tracked } from '../../../../controller/cli/tally.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { seededRandom } from '../../../support/seeded-random.ts';
import { archiveOf } from './archives.ts';

interface Stage {
  view: FetchView;
  into: string;
  said: string[];
  fetched: string[];
  send(bytes: Uint8Array, more?: Partial<Piece>): void;
  end(state: RunState, more?: Partial<Outcome>, name?: string): void;
}

function stage(t: { after(fn: () => unknown): void }): Stage {
  const into = join(temporaryFolder(t), 'out');
  const said: string[] = [];
  const fetched: string[] = [];
  const view = createFetchView(
    {
      into,
      force: false,
      random: seededRandom('fetch'),
      note: (text) => void said.push(text),
      fetched: ({ name }) => void fetched.push(name),
      failed: (name, why) => void said.push(`${name}: ${why}`),
    },
    { finished() {} },
  );
  return {
    view,
    into,
    said,
    fetched,
    send(bytes, more = {}) {
      const where = {
        agentId: 'a1',
        name: 'web-1',
        attempt: 1,
        stream: 'stdout',
        offset: 0,
        position: 0,
      } as const;
      view.output({ ...where, missingBytes: 0, bytes, ...more });
    },
    end(state, more = {}, name = 'web-1') {
      const outcome = { truncated: false, storedBytes: 0, gaps: [], ...more } as unknown as Outcome;
      view.ended({ agentId: 'a1', name, state, outcome } as unknown as Tracked);
    },
  };
}

const ARCHIVE = await archiveOf([{ name: 'motd', text: 'hello\n' }]);

test("a host's files are there once its run succeeded, and not before", async (t) => {
  const at = stage(t);
  at.send(ARCHIVE);
  await at.view.settled?.();
  assert.ok(!existsSync(join(at.into, 'web-1')));
  at.end('succeeded');
  await at.view.done();
  assert.equal(readFileSync(join(at.into, 'web-1', 'motd'), 'utf8'), 'hello\n');
  assert.deepEqual(readdirSync(at.into), ['web-1']);
  assert.deepEqual(at.fetched, ['web-1']);
});

const NOTHING: Record<string, { of: (at: Stage) => void; said?: RegExp }> = {
  'of a run that failed': {
    of(at) {
      at.send(ARCHIVE);
      at.end('failed');
    },
  },
  'of a run that is not over': { of: (at) => at.send(ARCHIVE) },
  'of an output that was cut': {
    of(at) {
      at.send(ARCHIVE);
      at.end('succeeded', { truncated: true, storedBytes: 65_536 });
    },
    said: /more than 64 KiB; ask for more with --max-size/,
  },
  'of an output with a gap': {
    of(at) {
      at.send(ARCHIVE);
      at.end('succeeded', { gaps: [{ stream: 'stdout', offset: 512 }] });
    },
    said: /was lost on the host/,
  },
  'where bytes were lost on the way': {
    of(at) {
      at.send(ARCHIVE.subarray(0, 512));
      at.send(ARCHIVE.subarray(512), { offset: 513, missingBytes: 1 });
      at.end('succeeded');
    },
    said: /1 bytes of its archive were lost/,
  },
  'of an archive that ends early': {
    of(at) {
      at.send(ARCHIVE.subarray(0, 700));
      at.end('succeeded');
    },
    said: /its archive is not good/,
  },
  'of noise': {
    of(at) {
      at.send(Buffer.alloc(5000, 'noise'));
      at.end('succeeded');
    },
    said: /its archive is not good/,
  },
  'where there was no output': { of: (at) => at.end('succeeded'), said: /sent no archive/ },
  'of a host whose name leads elsewhere': {
    of(at) {
      at.send(ARCHIVE, { name: '../away' });
      at.end('succeeded', {}, '../away');
    },
    said: /cannot be that of a folder/,
  },
  'of a host whose name hides': {
    of(at) {
      at.send(ARCHIVE, { name: '.ssh' });
      at.end('succeeded', {}, '.ssh');
    },
    said: /cannot be that of a folder/,
  },
};
for (const [what, { of, said = /^$/ }] of Object.entries(NOTHING))
  test(`nothing is left ${what}`, async (t) => {
    const at = stage(t);
    of(at);
    await at.view.done();
    assert.deepEqual(existsSync(at.into) ? readdirSync(at.into) : [], []);
    assert.deepEqual(at.fetched, []);
    assert.match(at.said.join('\n'), said);
  });

test('a run that begins anew brings a new archive', async (t) => {
  const at = stage(t);
  at.send(ARCHIVE.subarray(0, 700));
  at.send(ARCHIVE, { attempt: 2 });
  at.end('succeeded');
  await at.view.done();
  assert.deepEqual(readdirSync(at.into), ['web-1']);
  assert.deepEqual(at.said, []);
});

test('what a host says besides is told, and its archive is not', async (t) => {
  const at = stage(t);
  at.send(Buffer.from('/var/run/x: a socket, passed over\n'), { stream: 'stderr' });
  at.send(ARCHIVE);
  at.end('succeeded');
  await at.view.done();
  assert.deepEqual(at.said, ['muster: web-1: /var/run/x: a socket, passed over']);
});

test('a host that sends faster than the disk takes makes the reader wait, and all of it comes', async (t) => {
  const at = stage(t);
  const large = await archiveOf([{ name: 'large', text: 'x'.repeat(3_000_000) }]);
  for (let from = 0; from < large.length; from += 65_536) {
    at.send(large.subarray(from, from + 65_536));
    await at.view.settled?.();
  }
  at.end('succeeded');
  await at.view.done();
  assert.equal(readFileSync(join(at.into, 'web-1', 'large')).length, 3_000_000);
});
