import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createScreen } from '../../../../controller/cli/output/screen.ts';
import { virtualClock } from '../../../support/virtual-clock.ts';
import { fakeSinks } from '../fake-terminal.ts';

const CLEAR = '\r\x1b[K';

function stage(live = true, terminal = true) {
  const clock = virtualClock();
  const sinks = fakeSinks({ stdout: terminal, stderr: terminal, columns: 40 });
  return { ...sinks, clock, show: createScreen({ ...sinks, clock, live }) };
}

test('progress is cleared before output and comes back after it', async () => {
  const { clock, show, screen } = stage();
  show.progress(() => '0/2 done');
  await clock.advance(100);
  show.out('hello\n');
  await clock.advance(100);
  show.stop();
  assert.equal(screen(), `${CLEAR}0/2 done${CLEAR}hello\n${CLEAR}0/2 done${CLEAR}`);
});

test('progress is drawn at most ten times a second, however much output comes', async () => {
  const { clock, show } = stage();
  let drawn = 0;
  show.progress(() => `${++drawn}`);
  for (let i = 0; i < 1000; i += 1) {
    show.out('x\n');
    await clock.advance(1);
  }
  show.stop();
  assert.ok(drawn >= 9 && drawn <= 11, `${drawn}`);
});

test('without news progress is drawn once a second, for its seconds to count on', async () => {
  const { clock, show } = stage();
  let drawn = 0;
  show.progress(() => `${++drawn}`);
  await clock.advance(10_100);
  show.stop();
  assert.equal(drawn, 11);
});

test('half a line of output is not overwritten by progress', async () => {
  const { clock, show, screen } = stage();
  show.progress(() => 'PROGRESS');
  show.out('Password:');
  await clock.advance(5000);
  assert.equal(screen(), 'Password:');
  show.out('\n');
  await clock.advance(100);
  assert.equal(screen(), `Password:\n${CLEAR}PROGRESS`);
  show.stop();
});

test('a note after half a line begins on a line of its own', () => {
  const { show, screen } = stage();
  show.out('half');
  show.note('muster: left');
  assert.equal(screen(), 'half\nmuster: left\n');
});

test('where there is no terminal nothing is drawn and no timer is set', async () => {
  const { clock, show, stdout, stderr } = stage(false, false);
  show.progress(() => 'PROGRESS');
  show.out('x');
  await clock.advance(5000);
  assert.equal(stdout.text() + stderr.text(), 'x');
  assert.equal(clock.pending, 0);
});

test('nothing is left behind when it stops: no line, no timer', async () => {
  const { clock, show, screen } = stage();
  show.progress(() => 'PROGRESS');
  await clock.advance(150);
  show.stop();
  assert.equal(screen(), `${CLEAR}PROGRESS${CLEAR}`);
  assert.equal(clock.pending, 0);
  show.out('x\n');
  assert.equal(clock.pending, 0);
});

test('progress is told the width, less the column that would wrap', async () => {
  const { clock, show } = stage();
  let width = 0;
  show.progress((columns) => {
    width = columns;
    return '';
  });
  await clock.advance(100);
  show.stop();
  assert.equal(width, 39);
});

test('several lines are redrawn where they stand, and cleared before a note', async () => {
  const { clock, show, screen } = stage();
  let lines = ['one', 'two', 'totals'];
  show.progress(() => lines.join('\n'));
  await clock.advance(100);
  lines = ['two', 'totals'];
  show.refresh();
  await clock.advance(100);
  show.note('muster: left');
  show.stop();
  const rest = '\x1b[K';
  const below = '\x1b[J';
  assert.equal(
    screen(),
    `\rone${rest}\ntwo${rest}\ntotals${rest}${below}\r\x1b[2Atwo${rest}\ntotals${rest}${below}\r\x1b[1A${below}muster: left\n`,
  );
});

test('lines that a terminal wrapped since, because it became narrower, are cleared whole', async () => {
  const clock = virtualClock();
  const sinks = fakeSinks({ stdout: true, stderr: true });
  let columns = 40;
  const show = createScreen({
    ...{ stdout: sinks.stdout, clock, live: true },
    stderr: { ...sinks.stderr, columns: () => columns },
  });
  show.progress(() => `${'x'.repeat(30)}\ntotals`);
  await clock.advance(100);
  columns = 20;
  show.stop();
  assert.ok(sinks.screen().endsWith('\r\x1b[2A\x1b[J'), JSON.stringify(sinks.screen()));
});

test('while it is held nothing is written: what was said meanwhile comes afterwards, in its order', async () => {
  const { clock, show, screen } = stage();
  show.progress(() => 'PROGRESS');
  await clock.advance(100);
  const release = show.hold();
  const before = screen();
  show.note('a');
  show.out('b\n');
  await clock.advance(5000);
  assert.equal(screen(), before);
  release();
  release();
  await clock.advance(100);
  assert.equal(screen(), `${before}a\nb\n${CLEAR}PROGRESS`);
  show.stop();
});
