import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { leavingFile } from '../../../agent/identity/leaving-file.ts';
import { createLeaving, type Leaving } from '../../../agent/leaving/engine.ts';
import { INSTALLED, whyNotInstalled } from '../../../agent/leaving/installed.ts';
import { LAYOUT } from '../../../controller/installer/remote/layout.ts';
import { type AgentWorld, agentWorld, jobOf } from '../../support/agent-world.ts';
import { temporaryFolder } from '../../support/folder.ts';

interface Stage {
  readonly world: AgentWorld;
  /** The removals that were begun. */
  readonly removed: { keepPolicy: boolean }[];
  leaving: Leaving;
  /** Another agent on the same home. */
  restart(): Promise<void>;
}

/** An agent that is online, whose removal is only written down. The executor is told by the test what its tasks do. */
async function stage(t: { after(fn: () => unknown): void }, problem?: string): Promise<Stage> {
  const removed: Stage['removed'] = [];
  const ports = { leaving: forward(() => at.leaving) };
  const world = await agentWorld(t, ports);
  const make = (): Leaving =>
    createLeaving({
      log: QUIET,
      journal: world.journal,
      mark: leavingFile(join(world.folder, 'leaving.json')),
      problem: () => problem,
      remove: (options) => void removed.push(options),
    });
  const at: Stage = {
    world,
    removed,
    leaving: make(),
    async restart() {
      const made = world.crash();
      at.leaving = make();
      await made;
    },
  };
  await world.start();
  return at;
}

const nothing = (): void => {};
const QUIET = { debug: nothing, info: nothing, warn: nothing, error: nothing };

function forward(to: () => Leaving): Pick<Leaving, 'isDecided' | 'receipted' | 'forgotten'> {
  return {
    isDecided: () => to().isDecided(),
    receipted: (seq) => to().receipted(seq),
    forgotten: () => to().forgotten(),
  };
}

/** An order came, its task was carried out, its report is on its way. */
async function reported(at: Stage, state: 'succeeded' | 'cancelled' = 'succeeded'): Promise<string> {
  const made = at.world.order();
  await at.world.deliver(made);
  at.leaving.decide({ jobId: jobOf(made), keepPolicy: true });
  at.world.started.at(-1)?.finish({ state });
  await at.world.clock.settle();
  return jobOf(made);
}

describe('an agent that is to remove itself', () => {
  test('begins with it once the controller has its report, and not before', async (t) => {
    const at = await stage(t);
    await reported(at);
    assert.equal(at.world.controller.reports().at(-1)?.state, 'succeeded');
    assert.deepEqual(at.removed, []);
    at.world.controller.giveReceipt();
    await at.world.clock.settle();
    assert.deepEqual(at.removed, [{ keepPolicy: true }]);
    at.world.controller.giveReceipt();
    await at.world.clock.settle();
    assert.equal(at.removed.length, 1);
  });

  test('goes on after a crash behind the mark: its task again, then the report, then the receipt', async (t) => {
    const at = await stage(t);
    const made = at.world.order();
    await at.world.deliver(made);
    at.leaving.decide({ jobId: jobOf(made), keepPolicy: false });
    await at.restart();
    assert.ok(at.leaving.isDecided());
    assert.ok(at.world.started.at(-1)?.resumed);
    at.leaving.decide({ jobId: jobOf(made), keepPolicy: false });
    at.world.started.at(-1)?.finish();
    await at.world.clock.settle();
    assert.deepEqual(at.removed, []);
    at.world.controller.giveReceipt();
    await at.world.clock.settle();
    assert.deepEqual(at.removed, [{ keepPolicy: false }]);
  });

  for (const code of ['agent-unknown', 'agent-removed'])
    test(`takes ${code}, said under the keys of a session, for the receipt that was lost`, async (t) => {
      const at = await stage(t);
      await reported(at);
      at.world.controller.behaviour.refuseProof = { code };
      await at.restart();
      assert.deepEqual(at.removed, [{ keepPolicy: true }]);
    });

  test('does not take a refusal for it that anybody on the way could have made', async (t) => {
    const at = await stage(t);
    await reported(at);
    at.world.controller.behaviour.refuseHello = { code: 'agent-removed' };
    await at.restart();
    assert.deepEqual(at.removed, []);
  });

  test('is not removed by a refusal when nothing ordered it', async (t) => {
    const at = await stage(t);
    at.world.controller.behaviour.refuseProof = { code: 'agent-removed' };
    await at.restart();
    assert.deepEqual(at.removed, []);
  });

  test('stays where its order was cancelled over it', async (t) => {
    const at = await stage(t);
    await reported(at, 'cancelled');
    at.world.controller.giveReceipt();
    await at.world.clock.settle();
    assert.deepEqual(at.removed, []);
    assert.ok(!at.leaving.isDecided());
    await at.world.deliver(at.world.order());
    assert.equal(at.world.started.length, 2);
  });

  test('takes nothing new on', async (t) => {
    const at = await stage(t);
    await reported(at);
    await at.world.deliver(at.world.order());
    assert.equal(at.world.started.length, 1);
    const report = at.world.controller.reports().at(-1);
    assert.deepEqual([report?.state, report?.code], ['rejected', 'agent-stopping']);
  });

  test('refuses while another job is at work, and names it', async (t) => {
    const at = await stage(t);
    const other = at.world.order();
    await at.world.deliver(other);
    assert.throws(() => at.leaving.decide({ jobId: 'f'.repeat(32), keepPolicy: false }), {
      message: new RegExp(`another job is at work here: ${jobOf(other).slice(0, 12)}; .*muster jobs cancel`),
    });
    assert.ok(!at.leaving.isDecided());
  });

  test('says why it cannot', async (t) => {
    const at = await stage(t, 'it was not installed by Muster');
    assert.throws(() => at.leaving.decide({ jobId: 'f'.repeat(32), keepPolicy: false }), /not installed/);
    assert.ok(!at.leaving.isDecided());
  });

  test('forgets the decision with a journal that knows nothing of it', async (t) => {
    const at = await stage(t);
    leavingFile(join(at.world.folder, 'leaving.json')).write({
      ...{ jobId: 'e'.repeat(32), keepPolicy: false, released: false },
    });
    await at.restart();
    assert.ok(at.leaving.isDecided());
    await at.world.deliver(at.world.order());
    at.world.controller.giveReceipt();
    await at.world.clock.settle();
    assert.ok(!at.leaving.isDecided());
    assert.deepEqual(at.removed, []);
  });
});

describe('an installation', () => {
  const self = {
    files: ['/usr/bin/node', '/opt/muster-agent/a/agent.cjs'],
    home: '/var/lib/muster-agent',
    uid: 0,
    hasUninstaller: true,
  };

  test('is one that Muster made, of root, with its home in its place', () => {
    assert.equal(whyNotInstalled(self), undefined);
    assert.equal(whyNotInstalled({ ...self, files: ['/opt/muster-agent/b/agent'] }), undefined);
    assert.match(whyNotInstalled({ ...self, files: ['/usr/lib/muster/agent.cjs'] }) ?? '', /not installed/);
    assert.match(whyNotInstalled({ ...self, files: ['/opt/muster-agents/a/agent'] }) ?? '', /not installed/);
    assert.match(whyNotInstalled({ ...self, hasUninstaller: false }) ?? '', /not installed/);
    assert.match(whyNotInstalled({ ...self, home: '/srv/agent' }) ?? '', /home is \/srv\/agent/);
    assert.match(whyNotInstalled({ ...self, uid: 1000 }) ?? '', /root/);
  });

  test('is where the installer puts it', () => {
    const { program, uninstaller, removing, home } = LAYOUT;
    assert.deepEqual({ program, uninstaller, removing, home }, INSTALLED);
  });
});

test('a mark that was damaged is none', (t) => {
  const path = join(temporaryFolder(t), 'leaving.json');
  const mark = leavingFile(path);
  assert.equal(mark.read(), undefined);
  for (const text of ['', '{', 'null', '[]', '7', '{"jobId":1,"keepPolicy":false,"released":true}']) {
    writeFileSync(path, text);
    assert.equal(mark.read(), undefined, text);
  }
  const whole = { jobId: 'a', keepPolicy: true, released: false };
  mark.write(whole);
  assert.deepEqual(mark.read(), whole);
  mark.remove();
  assert.equal(mark.read(), undefined);
});
