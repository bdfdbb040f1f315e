import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { Report } from '../../../proto/codec.ts';
import { sha512 } from '../../../proto/crypto.ts';
import { shortHash, verify } from '../../../proto/frame.ts';
import { KIB, LIMITS } from '../../../proto/limits.ts';
import { checkReport } from '../../../proto/validate.ts';
import { type AgentWorld, agentWorld, outputOf } from '../../support/agent-world.ts';
import { seededRandom } from '../../support/seeded-random.ts';

async function world(t: TestContext): Promise<AgentWorld> {
  const at = await agentWorld(t);
  await at.start();
  return at;
}

function position(at: AgentWorld): number {
  const last = at.controller.session().of('output').at(-1);
  return last ? last.position + last.data.length : 0;
}

async function acknowledge(at: AgentWorld, jobId: Uint8Array, upTo: number): Promise<void> {
  at.controller.session().send('outputAck', { jobId, attempt: 1, position: upTo });
  await at.clock.settle();
}

/** The link breaks, the agent comes back within a second, and the controller holds this much. */
async function reconnect(at: AgentWorld, cursors: { jobId: Uint8Array; position: number }[]): Promise<void> {
  const before = at.controller.sessions.length;
  at.controller.behaviour.cursors = cursors.map((cursor) => ({ ...cursor, attempt: 1 }));
  at.controller.session().link.cut();
  for (let i = 0; at.controller.sessions.length === before && i < 20; i++) await at.clock.advance(100);
}

describe('the output of a run', () => {
  it('is sent up to a window, and on as the controller acknowledges it', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    at.started[0]?.write('stdout', Buffer.alloc(1500 * KIB, 'x'));
    await at.clock.settle();
    assert.equal(position(at), LIMITS.outputWindowBytes);
    await acknowledge(at, made.order.jobId, 100 * KIB);
    assert.equal(position(at), LIMITS.outputWindowBytes + 100 * KIB);
    for (let i = 0; i < 5; i++) await acknowledge(at, made.order.jobId, position(at));
    assert.equal(position(at), 1500 * KIB);
    assert.equal(outputOf(at.controller.session().of('output'), made).length, 1500 * KIB);
  });

  it('of many small writes in one turn goes in one frame', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    for (let i = 0; i < 1000; i++) at.started[0]?.write('stdout', 'x');
    await at.clock.settle();
    assert.equal(at.controller.session().of('output').length, 1);
    assert.equal(position(at), 1000);
  });

  it('waits while the socket takes no more', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    const { agent } = at.controller.session().link;
    agent.holdBytes = 4 << 20;
    at.started[0]?.write('stdout', 'hello');
    await at.clock.advance(1_000);
    assert.equal(position(at), 0);
    agent.holdBytes = 0;
    await at.clock.advance(100);
    assert.equal(position(at), 5);
  });

  it('goes on after a broken link where the controller has it, byte for byte', async (t) => {
    const at = await world(t);
    const made = at.order();
    const bytes = seededRandom('output')(700 * KIB);
    await at.deliver(made);
    at.started[0]?.write('stdout', bytes.subarray(0, 300 * KIB));
    await at.clock.settle();
    await reconnect(at, [{ jobId: made.order.jobId, position: 200_000 }]);
    at.started[0]?.write('stderr', bytes.subarray(300 * KIB));
    await at.clock.settle();
    const frames = at.controller.session().of('output');
    assert.equal(frames[0]?.position, 200_000);
    assert.deepEqual(
      outputOf(frames, made),
      Buffer.from(bytes.subarray(200_000, 200_000 + LIMITS.outputWindowBytes)),
    );
    assert.equal(frames.at(-1)?.stream, 'stderr');
  });

  it('of a run that the controller does not name starts at 0 again', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.write('stdout', 'hello');
    await at.clock.settle();
    await reconnect(at, []);
    assert.equal(at.controller.session().of('output')[0]?.position, 0);
  });

  it('of one run does not hold up that of another', async (t) => {
    const at = await world(t);
    const [loud, quiet] = [at.order(), at.order()];
    await at.deliver(loud);
    await at.deliver(quiet);
    at.started[0]?.write('stdout', Buffer.alloc(2000 * KIB));
    at.started[1]?.write('stdout', 'quiet');
    await at.clock.settle();
    assert.equal(outputOf(at.controller.session().of('output'), quiet).toString(), 'quiet');
  });
});

describe('a report', () => {
  it('follows all kept output of its run, and says what it was', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    const bytes = Buffer.alloc(600 * KIB, 'abc');
    at.started[0]?.write('stdout', bytes);
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(at.controller.reports().length, 0);
    await acknowledge(at, made.order.jobId, 200 * KIB);
    const [report] = at.controller.reports();
    assert.ok(report);
    checkReport(report);
    assert.deepEqual(outputOf(at.controller.session().of('output'), made), bytes);
    assert.equal(report.output?.stored, bytes.length);
    assert.deepEqual(Buffer.from(report.output?.sha512 ?? []), Buffer.from(sha512(bytes)));
    assert.equal(at.controller.session().frames.at(-1)?.kind, 'report');
  });

  it('is signed by the agent and continues the chain', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) {
      await at.deliver(at.order());
      at.started[i]?.finish();
      await at.clock.settle();
    }
    let previous: Uint8Array = Buffer.alloc(32);
    for (const [i, { report, signature }] of at.controller.session().of('report').entries()) {
      assert.ok(verify(at.store.identity.keys.sign.publicKey, signature, 'report', report));
      const message = Report.decode(report);
      assert.equal(message.reportSeq, i + 1);
      assert.deepEqual(Buffer.from(message.previous), Buffer.from(previous));
      assert.deepEqual(Buffer.from(message.epoch), Buffer.from(at.journal.epoch()));
      previous = shortHash('report', report);
    }
  });

  it('is in the journal before it is sent', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    const conclude = at.journal.conclude;
    let sentBefore = -1;
    at.journal.conclude = (...args) => {
      sentBefore = at.controller.session().of('report').length;
      return conclude(...args);
    };
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(sentBefore, 0);
    assert.equal(at.journal.chain().seq, 1);
  });

  it('comes again with every session until its receipt, and never after', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.finish();
    await at.clock.settle();
    await reconnect(at, []);
    assert.equal(at.controller.session().of('report').length, 1);
    const { epoch, reportSeq } = at.controller.reports()[0] ?? { epoch: Buffer.alloc(0), reportSeq: 0 };
    const [{ report } = { report: Buffer.alloc(0) }] = at.controller.session().of('report');
    at.controller.behaviour.receipt = { epoch, reportSeq, chain: shortHash('report', report) };
    await reconnect(at, []);
    assert.equal(at.controller.session().of('report').length, 0);
  });

  it('survives a kill, with its output, whether that was small or large', async (t) => {
    const at = await world(t);
    const [small, large] = [at.order(), at.order()];
    await at.deliver(small);
    await at.deliver(large);
    at.controller.session().link.swallow();
    at.started[0]?.write('stderr', 'small');
    at.started[1]?.write('stdout', Buffer.alloc(200 * KIB, 'large'));
    for (const run of at.started) run.finish();
    await at.clock.settle();
    assert.deepEqual(
      at.started.map((run) => run.disposed),
      [true, true],
    );
    assert.equal(readdirSync(join(at.folder, 'spool')).length, 1);
    await at.crash();
    const frames = at.controller.session().of('output');
    assert.equal(outputOf(frames, small).toString(), 'small');
    assert.deepEqual(outputOf(frames, large), Buffer.alloc(200 * KIB, 'large'));
    assert.deepEqual(
      at.controller.reports().map((report) => report.state),
      ['succeeded', 'succeeded'],
    );
    at.controller.giveReceipt();
    await at.clock.settle();
    assert.equal(readdirSync(join(at.folder, 'spool')).length, 0);
  });

  it('that waited for a new agent goes on where the controller has its output', async (t) => {
    const at = await world(t);
    const made = at.order();
    await at.deliver(made);
    at.started[0]?.write('stdout', 'hello world');
    at.controller.session().link.swallow();
    at.started[0]?.finish();
    await at.clock.settle();
    at.controller.behaviour.cursors = [{ jobId: made.order.jobId, attempt: 1, position: 6 }];
    await at.crash();
    assert.equal(outputOf(at.controller.session().of('output'), made).toString(), 'world');
    assert.equal(at.controller.reports().length, 1);
  });

  it('is sent though its long output cannot be put away, and the run is kept for its output', async (t) => {
    const at = await agentWorld(t, {
      kept: {
        keep: async () => {
          throw new Error('ENOSPC');
        },
        open: () => undefined,
        remove: () => {},
        list: () => [],
      },
    });
    await at.start();
    const made = at.order();
    await at.deliver(made);
    at.started[0]?.write('stdout', Buffer.alloc(100 * KIB));
    at.started[0]?.finish();
    await at.clock.settle();
    assert.equal(outputOf(at.controller.session().of('output'), made).length, 100 * KIB);
    assert.equal(at.controller.reports().length, 1);
    assert.equal(at.started[0]?.disposed, false);
    await reconnect(at, [{ jobId: made.order.jobId, position: 1000 }]);
    assert.equal(outputOf(at.controller.session().of('output'), made).length, 100 * KIB - 1000);
    at.controller.giveReceipt();
    await at.clock.settle();
    assert.equal(at.started[0]?.disposed, true);
  });

  it('whose receipt is from a chain that this journal never wrote begins a new epoch', async (t) => {
    const at = await world(t);
    const epoch = at.journal.epoch();
    at.controller.session().send('receipt', { epoch, reportSeq: 5, chain: new Uint8Array(32) });
    await at.clock.advance(1_000);
    assert.notDeepEqual(at.journal.epoch(), epoch);
    assert.deepEqual(Buffer.from(at.controller.session().proof.epoch), Buffer.from(at.journal.epoch()));
  });

  it('is not dropped for a receipt of another epoch', async (t) => {
    const at = await world(t);
    await at.deliver(at.order());
    at.started[0]?.finish();
    await at.clock.settle();
    at.controller
      .session()
      .send('receipt', { epoch: new Uint8Array(16), reportSeq: 1, chain: new Uint8Array(32) });
    await at.clock.settle();
    await reconnect(at, []);
    assert.equal(at.controller.session().of('report').length, 1);
  });
});

describe('a session that begins', () => {
  it('tells of every run that was not reported', async (t) => {
    const at = await world(t);
    for (let i = 0; i < 3; i++) await at.deliver(at.order());
    await reconnect(at, []);
    const states = at.controller
      .session()
      .of('status')
      .map((status) => status.state);
    assert.deepEqual(states, ['running', 'running', 'accepted']);
  });

  it('is sent facts only where the controller holds others', async (t) => {
    const at = await world(t);
    assert.equal(at.controller.session().of('facts').length, 1);
    at.controller.behaviour.factsDigest = at.facts.digest;
    await reconnect(at, []);
    assert.equal(at.controller.session().of('facts').length, 0);
    assert.deepEqual(Buffer.from(at.controller.session().proof.factsDigest), Buffer.from(at.facts.digest));
    at.facts = { json: Buffer.from('{"a":1}'), digest: new Uint8Array(32).fill(4) };
    await at.clock.advance(600_000);
    assert.equal(at.controller.session().of('facts').length, 1);
  });
});
