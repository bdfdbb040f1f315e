import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSseParser, type SseEvent, SseOverflow } from '../../../controller/cli/sse.ts';

function parse(pieces: readonly Uint8Array[], maxChars = 10_000): SseEvent[] {
  const push = createSseParser(maxChars);
  return pieces.flatMap((piece) => push(piece));
}

const bytes = (text: string): Uint8Array => Buffer.from(text);

const STREAM =
  '\ufeff: hello\nid: 1\nevent: output\ndata: {"a":"ü🎉"}\n\nid:2\r\nevent:state\r\ndata:x\r\ndata:  y\r\n\r\n: still here\r\rdata: z\rid: 3\r\rdata\n\nid\ndata: end\n\nretry: 10\n\nevent: nothing\n\n';
const EVENTS: SseEvent[] = [
  { id: '1', type: 'output', data: '{"a":"ü🎉"}' },
  { id: '2', type: 'state', data: 'x\n y' },
  { id: '3', type: 'message', data: 'z' },
  { id: '3', type: 'message', data: '' },
  { id: '', type: 'message', data: 'end' },
];

test('a stream with every kind of line end, comments, a mark and a missing space is understood', () => {
  assert.deepEqual(parse([bytes(STREAM)]), EVENTS);
});

test('a stream means the same wherever it is cut in two', () => {
  const all = bytes(STREAM);
  for (let cut = 0; cut <= all.length; cut += 1)
    assert.deepEqual(parse([all.subarray(0, cut), all.subarray(cut)]), EVENTS, `cut at ${cut}`);
});

test('a stream means the same byte by byte', () => {
  assert.deepEqual(parse([...bytes(STREAM)].map((byte) => Uint8Array.of(byte))), EVENTS);
});

test('an event that is not finished is not told', () => {
  assert.deepEqual(parse([bytes('id: 1\ndata: half\n')]), []);
});

test('an id with a NUL in it is ignored', () => {
  assert.deepEqual(
    parse([bytes('id: 1\ndata: a\n\nid: 2\0\ndata: b\n\n')]).map(({ id }) => id),
    ['1', '1'],
  );
});

test('an event longer than the bound is refused, in one line, in many, and before its end came', () => {
  assert.throws(() => parse([bytes(`data: ${'x'.repeat(200)}`)], 100), SseOverflow);
  assert.throws(() => parse([bytes('data: 0123456789\n'.repeat(20))], 100), SseOverflow);
  assert.equal(parse([bytes('data: 0123456789\n\n'.repeat(20))], 100).length, 20);
});

test('comments, however many, are never too much', () => {
  const push = createSseParser(100);
  for (let i = 0; i < 100; i += 1) assert.deepEqual(push(bytes(': still here\n')), []);
  assert.equal(push(bytes('data: x\n\n')).length, 1);
});
