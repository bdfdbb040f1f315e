import assert from 'node:assert/strict';
import { test } from 'node:test';
import { carryOut } from '../../../controller/service/install.ts';
import { PLACES } from '../../../controller/service/layout.ts';
import type { Program } from '../../../controller/service/machine.ts';
import { planInstall } from '../../../controller/service/plan.ts';
import { look } from '../../../controller/service/state.ts';
import { systemClock } from '../../../proto/system.ts';
import { type FakeMachine, fakeMachine, SCHEMA_OF } from './fake-machine.ts';

const OLD_HOME = '/root/.muster';

const program = (version: string): Program => ({
  version,
  sha512: version,
  files: [{ from: '/src/bin/muster', to: 'bin/muster', executable: true, bytes: 1, sha512: '00' }],
});

async function install(
  machine: FakeMachine,
  version: string,
  { home, told = [] }: { home?: string; told?: string[] } = {},
): Promise<void> {
  const found = await look(machine, [OLD_HOME]);
  const wanted = {
    program: { version, sha512: version, bytes: 1 },
    schema: SCHEMA_OF[version] ?? 0,
    given: {},
    listen: { host: '0.0.0.0', port: 7443 },
    home,
  };
  await carryOut(planInstall(found, wanted), {
    ...{ machine, program: program(version), clock: { ...systemClock, now: () => Date.UTC(2026, 10, 27) } },
    notReady: async () => (machine.answers() ? undefined : 'it does not answer'),
    tell: (text) => told.push(text),
    stopping: new AbortController().signal,
  });
}

/** What is on the machine before, and which version comes. */
const CASES: Record<string, { before: string[]; version: string; home?: string }> = {
  'a first install': { before: [], version: '1.0.0' },
  'an upgrade that migrates': { before: ['1.0.0'], version: '2.0.0' },
  'a take-over': { before: [], version: '1.0.0', home: OLD_HOME },
};

interface Before {
  before?: readonly string[];
  /** Where a controller was started by hand. */
  home?: string | undefined;
  breaks?: string;
}

async function machineWith({ before = [], home, ...how }: Before): Promise<FakeMachine> {
  const machine = fakeMachine(how);
  if (home) for (const name of ['context.json', 'muster.db']) machine.write(`${home}/${name}`, '7', 0o600);
  for (const version of before) await install(machine, version);
  return machine;
}

async function installed({ before, version, home }: (typeof CASES)[string]): Promise<FakeMachine> {
  const machine = await machineWith({ before, home });
  await install(machine, version, home === undefined ? {} : { home });
  return machine;
}

for (const [name, one] of Object.entries(CASES)) {
  const { before, version, home } = one;
  const options = home === undefined ? {} : { home };
  test(`${name} that fails at any point leaves the machine as it was`, async () => {
    const whole = (await installed(one)).picture();
    let turn = 1;
    for (; ; turn++) {
      assert.ok(turn < 200);
      const machine = await machineWith({ before, home });
      const picture = machine.picture();
      machine.failAt(turn);
      const error = await install(machine, version, options).then(
        () => undefined,
        (cause: Error) => cause,
      );
      if (!machine.failed()) break;
      if (!error) continue;
      // What goes wrong before the first step, or after the controller was found to be ready, undoes nothing.
      const undone = error.message.includes('all of it was undone');
      const fine = undone ? [picture] : [picture, whole];
      assert.ok(fine.includes(machine.picture()), `turn ${turn}: ${error.message}`);
    }
    assert.ok(turn > 20, `${turn} turns`);
  });

  test(`${name} that is killed at any point is carried on by the next`, async () => {
    const whole = await installed(one);
    for (let turn = 1; ; turn++) {
      assert.ok(turn < 200);
      const machine = await machineWith({ before, home });
      machine.failAt(turn, true);
      await install(machine, version, options).catch(() => {});
      if (!machine.failed()) break;
      machine.failAt(Number.POSITIVE_INFINITY);
      await install(machine, version, options);
      assert.equal(machine.picture(), whole.picture(), `killed at turn ${turn}`);
      assert.ok(machine.answers());
    }
  });
}

test('a new version that does not stay up is followed by the old one on its own database', async () => {
  const machine = await machineWith({ before: ['1.0.0'], breaks: '2.0.0' });
  const picture = machine.picture();
  const told: string[] = [];
  await assert.rejects(install(machine, '2.0.0', { told }), /does not stay up.*all of it was undone/s);
  assert.equal(machine.picture(), picture);
  assert.ok(machine.answers());
  assert.ok(told.includes('undone: back up the controller to /var/lib/muster/backups'), told.join('\n'));
});

test('the newest three backups of upgrades stay, and what else lies there', async () => {
  const machine = await machineWith({ before: ['1.0.0'] });
  const names = [1, 2, 3, 4].map((day) => `before-0.${10 - day}.0-2026-11-0${day}T120000Z.tar`);
  for (const name of [...names, 'mine.tar']) machine.write(`${PLACES.backups}/${name}`, '7', 0o600);
  await install(machine, '2.0.0');
  const left = machine.names(PLACES.backups);
  assert.deepEqual(
    left.filter((name) => names.includes(name)),
    names.slice(2),
  );
  assert.ok(left.includes('mine.tar'));
  assert.equal(left.length, 4);
});
