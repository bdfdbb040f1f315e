import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutRequest } from '../../../controller/rollouts/request.ts';
import { layOut } from '../../../controller/rollouts/waves.ts';

const NOW = Date.UTC(2026, 10, 27, 12);
const agents = Array.from({ length: 20 }, (_, index) => ({
  ...{ id: String(index).padStart(32, '0'), name: `web-${index + 1}` },
  labels: index < 15 ? { rack: 'cab'[index % 3] as string } : ({} as Record<string, string>),
}));
const ASKED: RolloutRequest = {
  change: { kind: 'bundle', title: 'it', tasks: [{ command: { argv: ['true'] } }] },
  undo: [{ command: { argv: ['true'] } }],
};
const layIt = (more: Partial<RolloutRequest>, of = agents) => layOut({ ...ASKED, ...more }, of, NOW);

/** Sizes of the waves, or the names of one that is small. */
function wavesOf(more: Partial<RolloutRequest>, of = agents): string[] {
  const { laid, problems } = layIt(more, of);
  assert.ok(laid, problems.join('; '));
  return laid.waves.map(({ index, name }) => {
    const hosts = laid.hosts.filter(({ wave }) => wave === index).map((host) => host.name);
    return `${name}: ${hosts.length > 3 ? hosts.length : hosts.join(' ')}`;
  });
}

test('hosts fall into waves as they are asked for', () => {
  const table: [Partial<RolloutRequest>, string[]][] = [
    [{}, ['all: 20']],
    [
      { waves: [{ size: '1' }, { size: '10%' }, { rest: true }] },
      ['wave 1: web-1', 'wave 2: web-2 web-3', 'wave 3: 17'],
    ],
    [{ waves: [{ size: '1', name: 'canary' }, { size: '95%' }] }, ['canary: web-1', 'wave 2: 19']],
    // Whoever is named is no part of a share, wherever the share stands.
    [
      { waves: [{ size: '1' }, { hosts: 'web-1,web-2' }, { rest: true }] },
      ['wave 1: web-3', 'wave 2: web-1 web-2', 'wave 3: 17'],
    ],
    [{ waves: [{ each: 'rack' }, { rest: true }] }, ['rack=a: 5', 'rack=b: 5', 'rack=c: 5', 'wave 2: 5']],
    [
      { waves: [{ selector: 'rack=a' }, { each: 'rack' }, { rest: true }] },
      ['wave 1: 5', 'rack=b: 5', 'rack=c: 5', 'wave 3: 5'],
    ],
  ];
  for (const [more, expected] of table) assert.deepEqual(wavesOf(more), expected);
  // Where nobody is left the rest is no wave.
  const racked = agents.slice(0, 15);
  assert.deepEqual(wavesOf({ waves: [{ rest: true, name: 'others' }, { each: 'rack' }] }, racked), [
    'rack=a: 5',
    'rack=b: 5',
    'rack=c: 5',
  ]);
  assert.deepEqual(wavesOf({ waves: [{ size: '1' }, { rest: true }] }, agents.slice(0, 1)), [
    'wave 1: web-1',
  ]);
});

test('hosts begin in the order of their names as people count, or by chance that can be had again', () => {
  const { laid } = layIt({});
  assert.deepEqual(
    laid?.hosts.slice(8, 11).map(({ name }) => name),
    ['web-9', 'web-10', 'web-11'],
  );
  const random = (seed: number) => layIt({ order: 'random', seed }).laid?.hosts.map(({ name }) => name);
  assert.deepEqual(random(7), random(7));
  assert.notDeepEqual(random(7), random(8));
});

test('waves that cannot be are told, all at once', () => {
  const table: [Partial<RolloutRequest>, ...RegExp[]][] = [
    [{ waves: [{ size: '4%' }, { rest: true }] }, /4% of 20 hosts is less than one; write a number/],
    [{ waves: [{ size: '0' }, { rest: true }] }, /a size is a number from 1/],
    [{ waves: [{ size: '101%' }] }, /from 1% to 100%/],
    [{ waves: [{ size: '30' }, { size: 'x' }] }, /wants 30 hosts, and 20 are left/, /not "x"/],
    [
      { waves: [{ size: '5' }] },
      /15 .*are in no wave; a last wave "rest" takes whoever is left|web-6.*are in no wave/,
    ],
    [{ waves: [{ each: 'rack' }] }, /in no wave \(without the label "rack"\)/],
    [{ waves: [{ each: 'floor' }, { rest: true }] }, /has no hosts/],
    [
      { waves: [{ hosts: 'web-1,web-2' }, { hosts: 'web-2,web-3' }, { rest: true }] },
      /web-2 is named in wave 1 and in wave 2/,
    ],
    [{ waves: [{ hosts: 'db-1' }, { rest: true }] }, /names "db-1": no host of the rollout is called so/],
    [{ waves: [{ selector: 'a=(' }, { rest: true }] }, /wave 1/],
    [{ waves: [{ rest: true }, { rest: true }] }, /2 waves want the rest/],
    [
      {
        waves: [
          { size: '1', name: 'x' },
          { rest: true, name: 'x' },
        ],
      },
      /two waves are called "x"/,
    ],
    [{ maxUnavailable: '0' }, /maxUnavailable: expected a number from 1/],
    [{ maxFailures: '101%' }, /maxFailures: expected/],
    [{ undo: [] }, /there is no way back for web-1/],
    [
      { gate: { soakMs: 3_600_000 }, lifeMs: 1_800_000 },
      /soak for 60 minutes together, and the orders expire after 30/,
    ],
    [{ windows: [{ from: '22:00', to: '22:00', zone: 'UTC' }] }, /ends when it begins/],
    [{ windows: [{ from: '22:00', to: '23:00', zone: 'Berlin' }] }, /no time zone is called "Berlin"/],
    [{ freezes: [{ from: '2026-11-27', to: '2027-11-27', zone: 'UTC' }] }, /nothing could ever begin/],
  ];
  for (const [more, ...expected] of table) {
    const { laid, problems } = layIt(more);
    assert.equal(laid, null, JSON.stringify(more));
    for (const one of expected)
      assert.ok(
        problems.some((text) => one.test(text)),
        `${JSON.stringify(more)}: ${problems.join('; ')}`,
      );
  }
  assert.deepEqual(layIt({}, []).problems, ['the rollout has no hosts']);
});

test('shares of limits are rounded down, and at least one host may be away', () => {
  const table: [hosts: number, unavailable: string, failures: string, expected: [number, number]][] = [
    [20, '10%', '10%', [2, 2]],
    [19, '10%', '10%', [1, 1]],
    [9, '10%', '10%', [1, 0]],
    [1, '100%', '100%', [1, 1]],
    [20, '7', '3', [7, 3]],
  ];
  for (const [hosts, maxUnavailable, maxFailures, expected] of table) {
    const { laid } = layIt({ maxUnavailable, maxFailures }, agents.slice(0, hosts));
    assert.deepEqual([laid?.policy.maxUnavailable, laid?.policy.maxFailures], expected);
  }
});

test('gates that say something else than what was meant are warned of', () => {
  const table: [Partial<RolloutRequest>, RegExp][] = [
    [{ gate: { soakMs: 1_000 } }, /only waits while it soaks: there are no probes/],
    [{ gate: { success: '100%' }, maxFailures: '3' }, /lets 0 fail, which is less than maxFailures 3/],
    [{ gate: { success: '50%' }, maxFailures: '3' }, /maxFailures 3 stops it before its gate does/],
    [
      { waves: [{ size: '1' }, { rest: true, gate: { approval: 'anybody' } }] },
      /nothing is left that an approval could hold up/,
    ],
    [{ undo: [], withoutWayBack: 'go-on', onFailure: 'all' }, /brings nobody back/],
    [{ windows: [{ from: '22:00', to: '22:05', zone: 'UTC' }] }, /open for 5 minutes only/],
    [{ freezes: [{ from: '2026-01-01', to: '2026-01-02', zone: 'UTC' }] }, /is over already/],
  ];
  for (const [more, says] of table) {
    const { laid, warnings, problems } = layIt(more);
    assert.ok(laid, problems.join('; '));
    assert.ok(
      warnings.some((text) => says.test(text)),
      `${JSON.stringify(more)}: ${warnings.join('; ')}`,
    );
  }
});
