import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { agentWorld, jobOf, outputOf } from '../support/agent-world.ts';

describe('an agent', () => {
  it('runs a delivered order, streams its output, then reports', async (t) => {
    const world = await agentWorld(t);
    await world.start();
    const made = world.order();
    await world.deliver(made);
    const session = world.controller.session();
    assert.deepEqual(
      session.of('status').map((status) => status.state),
      ['running'],
    );
    assert.equal(world.started.length, 1);
    assert.deepEqual(world.started[0]?.spec.tasks[0], {
      kind: 'command',
      argv: ['true'],
      stdin: Buffer.alloc(0),
    });
    world.started[0]?.write('stdout', 'hello\n');
    await world.clock.settle();
    assert.equal(outputOf(session.of('output'), made).toString(), 'hello\n');
    world.started[0]?.finish();
    await world.clock.settle();
    const [report] = world.controller.reports();
    assert.equal(report?.state, 'succeeded');
    assert.equal(report?.reportSeq, 1);
    assert.equal(Buffer.from(report?.jobId ?? []).toString('hex'), jobOf(made));
    assert.equal(report?.output?.stored, 6);
    assert.equal(world.started[0]?.disposed, true);
  });
});
