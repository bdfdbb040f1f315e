import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { Journal } from '../../../agent/spool/journal.ts';
import { openJournal } from '../../../agent/spool/open-journal.ts';
import { MusterError } from '../../../proto/errors.ts';
import { equalBytes } from '../../../proto/ids.ts';
import { fraction } from '../../../proto/random.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const ORDERS = 24;
const random = seededRandom('journal damage');
const jobId = (n: number): string => n.toString(16).padStart(32, '0');
const order = (n: number) => ({
  jobId: jobId(n),
  orderHash: new Uint8Array(32).fill(n),
  expiresAtMs: 1_000_000 + n,
  attempt: 1,
  tasks: 1,
});
const start = { startedAtMs: 5, startedUptimeMs: 5, bootId: 'boot' };
const work = { order: new Uint8Array(200).fill(1), context: '{}' };

interface Told {
  corrupt: number;
  older: number;
}

function open(file: string, told: Told = { corrupt: 0, older: 0 }): Journal {
  return openJournal({
    file,
    newEpoch: () => random(16),
    now: () => 1,
    onCorrupt: () => void told.corrupt++,
    onOlder: () => void told.older++,
  });
}

/** Orders of all kinds: over with a report, running, accepted. */
function fill(journal: Journal, from: number, to: number): void {
  for (let n = from; n < to; n++) {
    journal.accept({ ...order(n), work, ...(n % 4 === 3 ? {} : { start }) });
    if (n % 4 > 1) continue;
    journal.conclude({ ...order(n), kept: 'none', outputEnd: 0 }, () => ({
      report: random(200),
      signature: random(64),
    }));
  }
}

const FILES = ['', '-wal', '-mark'];
function copy(from: string, to: string, suffixes = FILES): void {
  for (const suffix of suffixes) {
    rmSync(to + suffix, { force: true });
    if (existsSync(from + suffix)) copyFileSync(from + suffix, to + suffix);
  }
}

/** What a damaged or older journal may be: refused, of a new epoch, or one that knows every order. */
function assertHarmless(file: string, epoch: Uint8Array, what: string): 'refused' | 'renewed' | 'whole' {
  let journal: Journal;
  try {
    journal = open(file);
  } catch (error) {
    assert.ok(error instanceof MusterError && error.code === 'journal-failed', `${what}: ${error}`);
    return 'refused';
  }
  try {
    if (!equalBytes(journal.epoch(), epoch)) {
      for (const row of journal.unfinished()) assert.equal(row.state, 'running', `${what}: it would start`);
      return 'renewed';
    }
    for (let n = 0; n < ORDERS; n++)
      assert.ok(journal.find(jobId(n)), `${what}: order ${n} is forgotten, and would start again`);
    return 'whole';
  } finally {
    journal.close();
  }
}

describe('a journal that is not what was written', () => {
  it('with one flipped bit anywhere: is refused, begins a new epoch, or knows every order', (t) => {
    const folder = temporaryFolder(t);
    const [file, damaged] = [join(folder, 'journal.db'), join(folder, 'damaged.db')];
    const journal = open(file);
    fill(journal, 0, ORDERS);
    const epoch = journal.epoch();
    // Without a close there is a write-ahead log, as after a kill.
    copy(file, join(folder, 'killed.db'));
    journal.close();
    const seen = { refused: 0, renewed: 0, whole: 0 };
    for (const from of [file, join(folder, 'killed.db')])
      for (const suffix of ['', '-wal', '-mark']) {
        if (!existsSync(from + suffix)) continue;
        const size = readFileSync(from + suffix).length;
        for (let flip = 0; flip < 25 && size > 0; flip++) {
          copy(from, damaged);
          const bytes = readFileSync(damaged + suffix);
          const at = Math.floor(fraction(random) * size);
          bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(fraction(random) * 8));
          writeFileSync(damaged + suffix, bytes);
          seen[assertHarmless(damaged, epoch, `bit at ${at} of ${suffix || 'the database'}`)] += 1;
        }
      }
    assert.ok(seen.renewed > 10 && seen.whole > 10, JSON.stringify(seen));
  });

  it('cut off anywhere: is refused, begins a new epoch, or knows every order', (t) => {
    const folder = temporaryFolder(t);
    const [file, damaged] = [join(folder, 'journal.db'), join(folder, 'damaged.db')];
    const journal = open(file);
    fill(journal, 0, ORDERS);
    const epoch = journal.epoch();
    copy(file, join(folder, 'killed.db'));
    journal.close();
    for (const from of [file, join(folder, 'killed.db')])
      for (const suffix of ['', '-wal']) {
        if (!existsSync(from + suffix)) continue;
        const size = readFileSync(from + suffix).length;
        for (let cut = 0; cut < 8; cut++) {
          copy(from, damaged);
          const left = Math.floor(fraction(random) * size);
          truncateSync(damaged + suffix, left);
          assertHarmless(damaged, epoch, `${suffix || 'the database'} cut to ${left}`);
        }
      }
  });

  it('an older copy of itself, put back: begins a new epoch, and starts nothing of what it holds', (t) => {
    const folder = temporaryFolder(t);
    const [file, old] = [join(folder, 'journal.db'), join(folder, 'old.db')];
    const journal = open(file);
    fill(journal, 0, 10);
    const epoch = journal.epoch();
    copy(file, old, ['', '-wal']);
    fill(journal, 10, 11);
    journal.close();
    copy(old, file, ['', '-wal']);
    const told = { corrupt: 0, older: 0 };
    const back = open(file, told);
    assert.ok(!equalBytes(back.epoch(), epoch));
    assert.deepEqual(told, { corrupt: 0, older: 1 });
    for (const row of back.unfinished()) {
      assert.equal(row.state, 'running');
      assert.equal(back.work(row.jobId), undefined);
    }
    // The next start finds nothing wrong any more.
    const renewed = back.epoch();
    back.close();
    const again = open(file, told);
    assert.deepEqual(again.epoch(), renewed);
    assert.equal(told.older, 1);
    again.close();
  });

  it('a whole one is never taken for an older copy, however its process ended', (t) => {
    const folder = temporaryFolder(t);
    const [file, killed] = [join(folder, 'journal.db'), join(folder, 'killed.db')];
    const journal = open(file);
    const epoch = journal.epoch();
    for (let n = 0; n < ORDERS; n++) {
      fill(journal, n, n + 1);
      copy(file, killed);
      assert.equal(assertWhole(killed, epoch), true);
    }
    journal.close();
    const told = { corrupt: 0, older: 0 };
    // A power cut may take the last marks, which are not fsynced; and somebody may have deleted the file.
    rmSync(`${file}-mark`);
    open(file, told).close();
    assert.deepEqual(told, { corrupt: 0, older: 0 });
  });
});

function assertWhole(file: string, epoch: Uint8Array): boolean {
  const journal = open(file);
  const same = equalBytes(journal.epoch(), epoch);
  journal.close();
  return same;
}
