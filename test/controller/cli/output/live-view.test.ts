import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createPassthroughView,
  createPrefixView,
  LINE_BOUND_BYTES,
} from '../../../../controller/cli/output/live-view.ts';
import { plain } from '../../../../controller/cli/output/paint.ts';
import { createScreen } from '../../../../controller/cli/output/screen.ts';
import type { Piece, Stream } from '../../../../controller/cli/output/view.ts';
import type { Tracked } from '../../../../controller/cli/tally.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';
import { fakeSinks } from '../fake-terminal.ts';
import { seededNumbers } from '../seeded.ts';

function stage(terminal: boolean) {
  const sinks = fakeSinks({ stdout: terminal, stderr: terminal });
  const screen = createScreen({ ...sinks, clock: virtualClock(), live: false });
  const parts = {
    screen,
    isTerminal: { stdout: terminal, stderr: terminal },
    paint: { stdout: plain, stderr: plain },
  };
  return { ...sinks, parts };
}

function piece(name: string, bytes: Uint8Array | string, stream: Stream = 'stdout', missingBytes = 0): Piece {
  return {
    agentId: `id-${name}`,
    name,
    attempt: 1,
    stream,
    offset: 0,
    position: 0,
    missingBytes,
    bytes: Buffer.from(bytes),
  };
}
const ended = (name: string): Tracked => ({
  agentId: `id-${name}`,
  name,
  state: 'succeeded',
  ...{ outcome: null, attempt: 1, task: null, tasks: [], heardMs: 0 },
});

test("one host's bytes reach a file or pipe as they are", () => {
  const { parts, stdout, stderr } = stage(false);
  const view = createPassthroughView(parts);
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  view.output(piece('web-1', bytes));
  view.output(piece('web-1', '\x1b[31m', 'stderr'));
  view.ended(ended('web-1'));
  assert.deepEqual([...stdout.bytes()], [...bytes]);
  assert.equal(stderr.text(), '\x1b[31m');
});

test("one host's bytes never reach a terminal raw, on either stream", () => {
  const { parts, stdout, stderr } = stage(true);
  const view = createPassthroughView(parts);
  view.output(piece('web-1', '\x1b[2Jok\r\nhalf'));
  view.output(piece('web-1', Buffer.from([0x1b, 0xc2])));
  view.output(piece('web-1', Buffer.from([0x9b, 0x0d])));
  view.output(piece('web-1', '\x07', 'stderr'));
  view.ended(ended('web-1'));
  assert.equal(stdout.text(), '\\x1b[2Jok\nhalf\\x1b\\x9b\\x0d');
  assert.equal(stderr.text(), '\\x07');
});

test('with several hosts each line is whole, behind its name, wherever the streams are cut', () => {
  const random = seededNumbers(3);
  const names = ['web-1', 'db', 'web-222'];
  for (let round = 0; round < 200; round += 1) {
    const { parts, stdout, stderr } = stage(false);
    const view = createPrefixView({ ...parts, width: 7 });
    const streams = names.flatMap((name) =>
      (['stdout', 'stderr'] as const).map((stream) => {
        const lines = Array.from(
          { length: random(6) },
          (_, i) => `${name}:${stream}:${i}${'ü'.repeat(random(5))}`,
        );
        return {
          name,
          stream,
          lines,
          rest: Buffer.from(lines.join('\n') + (random(2) && lines.length > 0 ? '\n' : '')),
        };
      }),
    );
    while (streams.some(({ rest }) => rest.length > 0)) {
      const stream = streams[random(streams.length)];
      if (!stream) continue;
      const cut = random(12);
      view.output(piece(stream.name, stream.rest.subarray(0, cut), stream.stream));
      stream.rest = stream.rest.subarray(cut);
    }
    for (const name of names) view.ended(ended(name));
    for (const [sink, which] of [
      [stdout, 'stdout'],
      [stderr, 'stderr'],
    ] as const) {
      const shown = sink.text().split('\n');
      assert.equal(shown.pop(), '', 'the last line has its end');
      for (const name of names) {
        const own = shown
          .filter((line) => line.startsWith(`${name.padEnd(7)} | `))
          .map((line) => line.slice(10));
        assert.deepEqual(
          own,
          streams.find((s) => s.name === name && s.stream === which)?.lines,
          `round ${round}`,
        );
      }
      const expected = streams.filter((s) => s.stream === which).reduce((sum, s) => sum + s.lines.length, 0);
      assert.equal(shown.length, expected, 'no line but theirs');
    }
  }
});

test('a half line waits for its end, and is shown when its host is done', () => {
  const { parts, stdout } = stage(false);
  const view = createPrefixView({ ...parts, width: 5 });
  view.output(piece('web-1', 'ha'));
  view.output(piece('web-2', 'whole\n'));
  assert.equal(stdout.text(), 'web-2 | whole\n');
  view.output(piece('web-1', 'lf'));
  view.ended(ended('web-1'));
  assert.equal(stdout.text(), 'web-2 | whole\nweb-1 | half\n');
});

test('what is half when the operator leaves is shown too', () => {
  const { parts, stdout } = stage(false);
  const view = createPrefixView({ ...parts, width: 5 });
  view.output(piece('web-1', 'ha'));
  view.flush();
  assert.equal(stdout.text(), 'web-1 | ha\n');
});

test('a line without end goes on behind a plus', () => {
  const { parts, stdout } = stage(false);
  const view = createPrefixView({ ...parts, width: 5 });
  view.output(piece('web-1', 'x'.repeat(LINE_BOUND_BYTES + 1)));
  view.ended(ended('web-1'));
  assert.deepEqual(
    stdout
      .text()
      .split('\n')
      .map((line) => [line.slice(0, 9), line.length]),
    [
      ['web-1 | x', LINE_BOUND_BYTES + 8],
      ['web-1 + x', 9],
      ['', 0],
    ],
  );
});

test('lines of several hosts go to a pipe byte for byte, and to a terminal made harmless', () => {
  const raw = Buffer.concat([Buffer.from('\x1b[1A\u202e'), Buffer.of(0xff), Buffer.from('\r\n')]);
  const pipe = stage(false);
  createPrefixView({ ...pipe.parts, width: 5 }).output(piece('web-1', raw));
  assert.deepEqual(pipe.stdout.bytes(), Buffer.concat([Buffer.from('web-1 | '), raw]));
  const terminal = stage(true);
  createPrefixView({ ...terminal.parts, width: 5 }).output(piece('web-1', raw));
  assert.equal(terminal.stdout.text(), 'web-1 | \\x1b[1A\\u{202e}\ufffd\n');
});

test('a name with control characters is made harmless even in a pipe', () => {
  const { parts, stdout } = stage(false);
  createPrefixView({ ...parts, width: 3 }).output(piece('a\n\x1b[2J', 'x\n'));
  assert.equal(stdout.text(), 'a\\x0a\\x1b[2J | x\n');
});

test('a gap is told where it is, and joins no two halves into a line', () => {
  const { parts, stdout, stderr } = stage(false);
  const view = createPrefixView({ ...parts, width: 5 });
  view.output(piece('web-1', 'before'));
  view.output(piece('web-1', 'after\n', 'stdout', 120));
  assert.equal(stdout.text(), 'web-1 | before\nweb-1 | after\n');
  assert.equal(stderr.text(), 'muster: web-1: 120 bytes of stdout are missing here\n');
});
