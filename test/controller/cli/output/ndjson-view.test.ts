import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createNdjsonView } from '../../../../controller/cli/output/ndjson-view.ts';
import type { Piece } from '../../../../controller/cli/output/view.ts';
import type { Tracked } from '../../../../controller/cli/tally.ts';
import { seededNumbers } from '../seeded.ts';

const outcome = {
  ...{ exitCode: 3, signal: null, durationMs: 12.5, outputBytes: 9, storedBytes: 9, truncated: false },
  ...{ reason: null, code: null, awaySinceMs: null, gaps: [] },
};
const IDLE = { attempt: 1, task: null, tasks: [], heardMs: 0 };
const web1: Tracked = { agentId: 'a1', name: 'web-1', state: 'failed', outcome, ...IDLE };

function piece(offset: number, bytes: Uint8Array | string, more: Partial<Piece> = {}): Piece {
  const base = { agentId: 'a1', name: 'web-1', attempt: 1, stream: 'stdout', missingBytes: 0 } as const;
  return { ...base, offset, position: offset, bytes: Buffer.from(bytes), ...more };
}

function recorder() {
  const lines: string[] = [];
  return {
    view: createNdjsonView((line) => lines.push(line), ['first', 'second']),
    lines,
    events: () => lines.map((line) => JSON.parse(line)),
  };
}

test('a run is told as output, outcome and summary, with the keys that scripts rely on', () => {
  const { view, lines } = recorder();
  view.output(piece(0, 'hello\n'));
  view.output(piece(0, 'oh\n', { stream: 'stderr', position: 6 }));
  view.ended(web1);
  view.finished({ job: 'ab'.repeat(16), counts: { failed: 1 }, runs: [web1], elapsedMs: 5 });
  assert.deepEqual(lines, [
    '{"event":"output","agent":"web-1","attempt":1,"stream":"stdout","offset":0,"position":0,"text":"hello\\n"}\n',
    '{"event":"output","agent":"web-1","attempt":1,"stream":"stderr","offset":0,"position":6,"text":"oh\\n"}\n',
    '{"event":"outcome","agent":"web-1","state":"failed","attempt":1,"exitCode":3,"signal":null,"durationMs":12.5,"outputBytes":9,"storedBytes":9,"truncated":false,"gaps":[],"reason":null,"code":null,"awaySinceMs":null,"change":null,"tasks":[]}\n',
    `{"event":"summary","job":"${'ab'.repeat(16)}","counts":{"failed":1}}\n`,
  ]);
});

test('a run that never started has an outcome with the same keys', () => {
  const { view, events } = recorder();
  const never = {
    ...outcome,
    exitCode: null,
    durationMs: null,
    outputBytes: 0,
    storedBytes: 0,
    reason: 'offline since noon',
    awaySinceMs: 12,
  };
  view.ended({ ...web1, state: 'expired', outcome: never });
  const expected = {
    event: 'outcome',
    agent: 'web-1',
    state: 'expired',
    attempt: 1,
    exitCode: null,
    signal: null,
    durationMs: null,
  };
  assert.deepEqual(events(), [
    {
      ...{ ...expected, outputBytes: 0, storedBytes: 0, truncated: false, gaps: [] },
      ...{ reason: 'offline since noon', code: null, awaySinceMs: 12, change: null, tasks: [] },
    },
  ]);
});

test('text stays text when a character is cut between two pieces, and offsets count bytes', () => {
  const { view, events } = recorder();
  const bytes = Buffer.from('a🎉b');
  view.output(piece(0, bytes.subarray(0, 3)));
  view.output(piece(3, bytes.subarray(3)));
  view.ended(web1);
  assert.deepEqual(
    events()
      .slice(0, -1)
      .map(({ offset, text }) => [offset, text]),
    [
      [0, 'a'],
      [1, '🎉b'],
    ],
  );
});

test('what the other stream wrote between two halves of a character moves no position', () => {
  const { view, events } = recorder();
  const bytes = Buffer.from('ä€b');
  view.output(piece(0, bytes.subarray(0, 3), { position: 10 }));
  view.output(piece(0, 'xx', { stream: 'stderr', position: 13 }));
  view.output(piece(3, bytes.subarray(3, 4), { position: 15 }));
  view.output(piece(4, bytes.subarray(4), { position: 16 }));
  assert.deepEqual(
    events().map(({ position, text }) => [position, text]),
    [
      [10, 'ä'],
      [13, 'xx'],
      [12, '€b'],
    ],
  );
});

test('of several tasks the one that begins is told, and with the outcome how each ended', () => {
  const { view, events } = recorder();
  const result = {
    ...({ state: 'succeeded', exitCode: 0, signal: null, durationMs: 1, reason: null, code: null } as const),
    ...{ outputFrom: 0, outputTo: 6 },
  };
  view.task({ ...web1, state: 'running', outcome: null, task: 1 });
  view.ended({
    ...web1,
    tasks: [
      { ...result, index: 0, change: 'unchanged' },
      {
        ...result,
        index: 1,
        state: 'failed',
        exitCode: 3,
        change: null,
        reason: 'no',
        outputFrom: 6,
        outputTo: 9,
      },
    ],
  });
  const [task, ended] = events();
  assert.deepEqual(task, { event: 'task', agent: 'web-1', attempt: 1, index: 1, name: 'second' });
  assert.equal(ended?.change, 'unchanged');
  assert.deepEqual(ended?.tasks, [
    { ...result, index: 0, change: 'unchanged', name: 'first' },
    {
      ...{ ...result, index: 1, state: 'failed', exitCode: 3, change: null, reason: 'no' },
      ...{ outputFrom: 6, outputTo: 9, name: 'second' },
    },
  ]);
});

test('bytes that are no text travel as base64', () => {
  const { view, events } = recorder();
  view.output(piece(0, Uint8Array.of(0, 0xff, 0xfe)));
  assert.deepEqual(events(), [
    { event: 'output', agent: 'web-1', attempt: 1, stream: 'stdout', offset: 0, position: 0, base64: 'AP/+' },
  ]);
});

test('a character that is never completed comes out as bytes before the outcome', () => {
  const { view, events } = recorder();
  view.output(piece(0, Uint8Array.of(0x61, 0xe2, 0x82)));
  view.ended(web1);
  assert.deepEqual(
    events()
      .slice(0, 2)
      .map(({ offset, text, base64 }) => [offset, text ?? base64]),
    [
      [0, 'a'],
      [1, '4oI='],
    ],
  );
});

test('what stands before a gap is not joined with what follows it', () => {
  const { view, events } = recorder();
  view.output(piece(0, Uint8Array.of(0xe2, 0x82)));
  view.output(piece(10, Uint8Array.of(0xac, 0x61), { missingBytes: 8 }));
  assert.deepEqual(
    events().map(({ offset, base64 }) => [offset, base64]),
    [
      [0, '4oI='],
      [10, 'rGE='],
    ],
  );
});

test('a byte-order mark at the beginning is not lost', () => {
  const { view, events } = recorder();
  view.output(piece(0, '\ufeffx'));
  assert.equal(events()[0].text, '\ufeffx');
});

test('whatever a host writes and however it is cut, the pieces together are its output', () => {
  const random = seededNumbers(11);
  const alphabet = [
    Buffer.from('x'),
    Buffer.from('ü'),
    Buffer.from('🎉'),
    Buffer.from('\u2028'),
    Buffer.of(0xff),
    Buffer.of(0xe2, 0x82),
    Buffer.of(0),
    Buffer.from('\n'),
  ];
  for (let round = 0; round < 300; round += 1) {
    const bytes = Buffer.concat(
      Array.from({ length: random(40) }, () => alphabet[random(alphabet.length)] ?? Buffer.of()),
    );
    const { view, events } = recorder();
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + 1 + random(9));
      view.output(piece(at, bytes.subarray(at, end)));
      at = end;
    }
    view.ended(web1);
    let at = 0;
    const got: Buffer[] = [];
    for (const { offset, text, base64 } of events().slice(0, -1)) {
      assert.equal(offset, at);
      const part = text === undefined ? Buffer.from(base64, 'base64') : Buffer.from(text);
      got.push(part);
      at += part.length;
    }
    assert.deepEqual(Buffer.concat(got), bytes, `round ${round}`);
  }
});

test('hosts and streams do not get mixed up', () => {
  const { view, events } = recorder();
  view.output(piece(0, Uint8Array.of(0xc3)));
  view.output(piece(0, Uint8Array.of(0xc3), { agentId: 'a2', name: 'web-2' }));
  view.output(piece(0, Uint8Array.of(0xc3), { stream: 'stderr' }));
  view.output(piece(1, Uint8Array.of(0xbc)));
  view.output(piece(1, Uint8Array.of(0xb6), { agentId: 'a2', name: 'web-2' }));
  view.output(piece(1, Uint8Array.of(0xa4), { stream: 'stderr' }));
  assert.deepEqual(
    events().map(({ agent, stream, text }) => [agent, stream, text]),
    [
      ['web-1', 'stdout', 'ü'],
      ['web-2', 'stdout', 'ö'],
      ['web-1', 'stderr', 'ä'],
    ],
  );
});
