import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { RunResult } from '../../../agent/executor/run.ts';
import { type Outcome, signReport } from '../../../agent/runs/report.ts';
import { Report } from '../../../proto/codec.ts';
import { sha512, signKeyPair } from '../../../proto/crypto.ts';
import { verify } from '../../../proto/frame.ts';
import { LIMITS } from '../../../proto/limits.ts';
import { checkReport } from '../../../proto/validate.ts';

const key = signKeyPair(new Uint8Array(32).fill(1));
const reporter = {
  fleetId: new Uint8Array(16),
  agentId: new Uint8Array(16),
  signKey: key,
  agentVersion: '1',
};
const chain = { epoch: new Uint8Array(16), seq: 41, hash: new Uint8Array(32).fill(2) };

function reportOf(outcome: Outcome) {
  const reported = { jobId: 'ab'.repeat(16), orderHash: new Uint8Array(32), attempt: 1, outcome };
  const { report, signature } = signReport(reporter, reported, chain);
  assert.ok(report.length <= LIMITS.reportBytes);
  assert.ok(verify(key.publicKey, signature, 'report', report));
  const message = Report.decode(report);
  checkReport(message);
  return message;
}

const result: RunResult = {
  state: 'failed',
  reason: 'exit status 3',
  tasks: [
    { index: 0, state: 'failed', exitCode: 3, durationMs: 1.2345, outputFrom: 0, outputTo: 5 },
    { index: 1, state: 'skipped', durationMs: 0, outputFrom: 5, outputTo: 5 },
  ],
  output: {
    length: 9,
    stored: 5,
    stdoutLength: 4,
    stderrLength: 5,
    truncated: true,
    sha512: sha512(),
    gaps: [{ stream: 'stderr', offset: 3 }],
  },
  startedAtMs: 1000.4,
  endedAtMs: 1002,
  durationMs: 1.5,
  leftover: [],
};

describe('a report', () => {
  it('says what the executor found, in the units of the wire', () => {
    const message = reportOf(result);
    assert.equal(message.reportSeq, 42);
    assert.deepEqual(Buffer.from(message.previous), Buffer.from(chain.hash));
    assert.deepEqual([message.state, message.durationUs, message.startedAtMs], ['failed', 1500, 1000]);
    const [first, second] = message.tasks;
    assert.deepEqual(
      [first?.exited, first?.exitCode, first?.durationUs, first?.outputTo],
      [true, 3, 1235, 5],
    );
    assert.deepEqual([second?.state, second?.exited], ['skipped', false]);
    assert.deepEqual(
      [
        message.output?.length,
        message.output?.stored,
        message.output?.truncated,
        message.output?.gaps.length,
      ],
      [9, 5, true, 1],
    );
  });

  it('tells an exit with status 0 from an end by a signal', () => {
    const task = { index: 0, durationMs: 0, outputFrom: 0, outputTo: 0 };
    const tasks = [
      { ...task, state: 'succeeded', exitCode: 0 },
      { ...task, index: 1, state: 'failed', signal: 'SIGKILL' },
    ] as const;
    const message = reportOf({ ...result, tasks });
    assert.deepEqual(
      message.tasks.map((one) => [one.exited, one.signal]),
      [
        [true, ''],
        [false, 'SIGKILL'],
      ],
    );
  });

  it('of a run that never started has a code and no output', () => {
    const message = reportOf({
      state: 'rejected',
      reason: 'no',
      code: 'policy-denied',
      startedAtMs: 0,
      endedAtMs: 5,
    });
    assert.deepEqual([message.code, message.output?.stored, message.tasks.length], ['policy-denied', 0, 0]);
  });

  it('stays within its size, whatever the reasons say', () => {
    const reason = '\u20ac'.repeat(100_000);
    const tasks = Array.from({ length: LIMITS.tasksPerOrder }, (_, index) => ({
      index,
      state: 'failed' as const,
      signal: 'SIGVTALRM',
      durationMs: 1e9,
      outputFrom: 1e12,
      outputTo: 1e12,
      reason,
    }));
    const message = reportOf({ ...result, reason, tasks });
    assert.ok(Buffer.byteLength(message.reason) <= LIMITS.reasonBytes);
    assert.equal(message.tasks.length, LIMITS.tasksPerOrder);
  });
});
