import assert from 'node:assert/strict';
import { readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openOutputLog } from '../../../agent/executor/output.ts';
import { keptFiles } from '../../../agent/spool/kept-files.ts';
import type { OutputSource } from '../../../agent/spool/output.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { memoryLog } from '../../support/memory-log.ts';

const RUN = { jobId: '00112233445566778899aabbccddeeff', attempt: 1 };

function longOutput(bytes: number) {
  const { log: output } = openOutputLog({ capBytes: bytes, file: memoryLog() });
  for (let at = 0; at < bytes; at += 1000)
    output.append(at % 3000 === 0 ? 'stderr' : 'stdout', Buffer.alloc(1000, at / 1000));
  return output;
}

/** Where it is cut into segments does not matter; which byte stands where does. */
function byStream(from: OutputSource): { all: string; stdout: string; stderr: string } {
  const streams = { stdout: '', stderr: '' };
  let all = '';
  for (const { stream, offset, position, data } of from.read(0, from.stored)) {
    assert.deepEqual([offset, position], [streams[stream].length, all.length]);
    const text = Buffer.from(data).toString('latin1');
    streams[stream] += text;
    all += text;
  }
  return { all, ...streams };
}

describe('the files of long outputs', () => {
  it('leave nothing of an agent that was killed while it copied', (t) => {
    const folder = temporaryFolder(t);
    writeFileSync(join(folder, `${RUN.jobId}-1.tmp`), 'half');
    keptFiles(folder, async () => {});
    assert.deepEqual(readdirSync(folder), []);
  });

  it('hold exactly what was kept, and are removed', async (t) => {
    const folder = join(temporaryFolder(t), 'spool');
    let pauses = 0;
    const files = keptFiles(folder, async () => {
      pauses += 1;
    });
    const output = longOutput(600_000);
    await files.keep(RUN, output);
    assert.deepEqual(files.list(), [RUN]);
    assert.equal(statSync(join(folder, `${RUN.jobId}-1`)).mode & 0o777, 0o600);
    assert.ok(pauses >= 2, 'others had no turn');
    const opened = files.open(RUN, output.stored);
    assert.deepEqual(opened && byStream(opened), byStream(output));
    opened?.close();
    files.remove(RUN);
    assert.deepEqual(readdirSync(folder), []);
    assert.equal(files.open(RUN, 1), undefined);
  });

  it('leave nothing behind when the disk fails', async (t) => {
    const folder = temporaryFolder(t);
    const files = keptFiles(folder, async () => {});
    const failing = {
      stored: 10,
      read: () => {
        throw new Error('EIO');
      },
    };
    await assert.rejects(files.keep(RUN, failing), /EIO/);
    assert.deepEqual(readdirSync(folder), []);
  });

  it('are not opened when they were cut', async (t) => {
    const folder = temporaryFolder(t);
    const files = keptFiles(folder, async () => {});
    await files.keep(RUN, longOutput(100_000));
    truncateSync(join(folder, `${RUN.jobId}-1`), 50_000);
    assert.equal(files.open(RUN, 100_000), undefined);
  });
});
