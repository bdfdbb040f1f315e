import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RolloutBody, RolloutDraft } from '../../../../controller/api/contract.ts';
import { checkDraft } from '../../../../controller/cli/signing/check.ts';
import { wantedOrders } from '../../../../controller/cli/signing/wanted-orders.ts';
import { drawOrder } from '../../../../controller/jobs/order.ts';
import { lifeOf, stepJobs } from '../../../../controller/rollouts/steps.ts';
import { layOut } from '../../../../controller/rollouts/waves.ts';

const NOW = Date.UTC(2026, 0, 1);
const FLEET = new Uint8Array(16).fill(1);
const host = (name: string, byte: string) => ({ name, id: byte.repeat(16), epoch: 'ee'.repeat(16) });
type Target = ReturnType<typeof host>;
const WEB = ['a1', 'a2', 'a3', 'a4'].map((byte, index) => host(`web-${index + 1}`, byte));
const MON = host('mon-1', 'c1');
const DB = host('db-1', 'db');

const PLAN = (to = '2'): RolloutBody['change'] => ({
  ...{ kind: 'plan', title: 'patch', tasks: [{ packages: { action: 'apply', wayBack: 'wanted' } }] },
  plan: {
    ...{ digest: 'd', madeAtMs: NOW },
    hosts: [
      {
        agentIds: WEB.slice(0, 3).map(({ id }) => id),
        manager: 'apt',
        changes: [{ name: 'app', arch: 'all', from: '1', to }],
        wayBack: true,
      },
      {
        agentIds: WEB.slice(3).map(({ id }) => id),
        manager: 'apt',
        changes: [{ name: 'app', arch: 'all', from: '0', to }],
        wayBack: false,
      },
    ],
  },
});
const ASKED: RolloutBody = {
  change: PLAN(),
  ...{ withoutWayBack: 'go-on', waves: [{ size: '1', gate: { soakMs: 60_000 } }, { rest: true }] },
  pre: [{ shell: { line: 'drain' } }],
  post: [{ shell: { line: 'undrain' } }],
  probes: [
    { name: 'here', shell: { line: 'app health' } },
    { name: 'there', from: { targets: 'mon-*' }, tcp: { host: 'web', port: 80 } },
  ],
};

interface Lie {
  body?: Partial<RolloutBody>;
  /** Who each order is for, in place of those who were meant. */
  of?: (what: string, targets: Target[]) => Target[];
  lifeMs?: number;
}

/** What a controller gives to sign that was asked for `ASKED` with what differs, and means these hosts. */
function draftOf({ body = {}, of = (_, targets) => targets, lifeMs }: Lie = {}): RolloutDraft {
  const request = { ...ASKED, ...body };
  const agents = WEB.map((one) => ({ ...one, labels: {}, facts: undefined, address: null, online: true }));
  const { laid } = layOut(request, agents as never, NOW);
  assert.ok(laid);
  const targets = [...WEB, MON, DB];
  const orders = stepJobs(request, laid.waves, laid.hosts).map(({ step, wave, request: job, ids }) => {
    const what = wave === null ? step : `${step} ${wave}`;
    const meant = of(what, ids === null ? [MON] : targets.filter(({ id }) => ids.includes(id)));
    const { bytes } = drawOrder(job, meant, {
      ...{ fleetId: FLEET, jobId: new Uint8Array(16).fill(9), nowMs: NOW, heldMs: lifeMs ?? lifeOf(request) },
    });
    return {
      what,
      order: Buffer.from(bytes).toString('base64'),
      targets: meant.map((one) => targets.indexOf(one)),
    };
  });
  return {
    draft: '09'.repeat(16),
    untilMs: NOW,
    soaksMs: laid.waves.map(({ gate }) => gate.soakMs),
    orders,
    targets,
  };
}
const check = (draft: RolloutDraft, asked: RolloutBody = ASKED) =>
  checkDraft(draft, wantedOrders(asked, draft), { fleetId: FLEET, nowMs: NOW });

test('each order of a rollout that was asked for is signed', () => {
  const draft = draftOf();
  assert.deepEqual(
    draft.orders.map(({ what }) => what),
    ['pre', 'change', 'check', 'post', 'undo', 'restore', 'soak 0', 'observe 0', 'observe 1'],
  );
  assert.deepEqual(
    check(draft).map((bytes) => Buffer.from(bytes).toString('base64')),
    draft.orders.map(({ order }) => order),
  );
});

test('where nobody is left for the rest its wave is not missed', () => {
  const gate = { soakMs: 60_000 };
  const asked = (more: RolloutBody['waves'] & object): RolloutBody => ({
    ...ASKED,
    waves: [{ size: '100%', gate }, ...more],
  });
  const draft = draftOf({ body: asked([{ rest: true }]) });
  assert.deepEqual(draft.soaksMs, [60_000]);
  assert.equal(check(draft, asked([{ rest: true }])).length, draft.orders.length);
  assert.throws(() => check(draft, asked([{ size: '1' }])), /would soak for/);
});

const add = (step: string, more: Target) => (what: string, targets: Target[]) =>
  what === step ? [...targets, more] : targets;
const TABLE: [string, () => RolloutDraft, RegExp][] = [
  ['another version', () => draftOf({ body: { change: PLAN('3') } }), /its list of hosts/],
  [
    'another task before the change',
    () => draftOf({ body: { pre: [{ shell: { line: 'rm -rf /' } }] } }),
    /list of tasks/,
  ],
  [
    'another task behind the way back',
    () => draftOf({ body: { post: [{ shell: { line: 'x' } }] } }),
    /list of tasks/,
  ],
  ['a reboot', () => draftOf({ body: { reboot: 'always' } }), /list of tasks/],
  [
    'another probe',
    () =>
      draftOf({
        body: { probes: [{ name: 'here', shell: { line: 'curl evil' } }, ...(ASKED.probes ?? []).slice(1)] },
      }),
    /list of tasks/,
  ],
  [
    'a step more',
    () =>
      draftOf({
        body: {
          probes: [
            ...(ASKED.probes ?? []),
            { name: 'more', from: { targets: 'mon-1' }, shell: { line: 'x' } },
          ],
        },
      }),
    /things, and/,
  ],
  [
    'a step in place of another',
    () => ({
      ...draftOf(),
      orders: draftOf().orders.map((one) => ({ ...one, what: one.what === 'pre' ? 'post' : one.what })),
    }),
    /in place of/,
  ],
  ['a longer life', () => draftOf({ lifeMs: 30 * 86_400_000 }), /its life/],
  ['a longer time for a step', () => draftOf({ body: { timeoutMs: 86_400_000 } }), /limits|timeout/],
  ['a host that is not in the plan, drained', () => draftOf({ of: add('pre', DB) }), /db-1 is not among/],
  [
    'a host without a way back, taken back',
    () => draftOf({ of: add('undo', WEB[3] as Target) }),
    /web-4 is not among/,
  ],
  [
    'another observer',
    () => draftOf({ of: (what, targets) => (what === 'observe 0' ? [DB] : targets) }),
    /db-1 is not among/,
  ],
  ['a host twice', () => draftOf({ of: add('pre', WEB[0] as Target) }), /a host twice/],
  ['a soak that nobody asked for', () => ({ ...draftOf(), soaksMs: [86_400_000, 0] }), /would soak for/],
  ['one more wave that soaks', () => ({ ...draftOf(), soaksMs: [60_000, 60_000] }), /would soak for/],
  [
    'more waves than were asked for',
    () => draftOf({ body: { waves: [...(ASKED.waves ?? []).slice(0, 1), { size: '1' }, { rest: true }] } }),
    /would soak for 60000, 0, 0 ms, and 60000, 0 ms were asked for/,
  ],
  [
    'no soak where one was asked for',
    () => draftOf({ body: { waves: [{ size: '1' }, { rest: true }] } }),
    /would soak for/,
  ],
];
for (const [what, draft, words] of TABLE)
  test(`nothing is signed where the controller would order ${what}`, () => {
    assert.throws(
      () => check(draft()),
      (error: Error) => words.test(error.message) || assert.fail(error.message),
    );
  });

test('a wave for each value of a label may become as many as there are hosts, and no more', () => {
  const waves: RolloutBody['waves'] = [{ each: 'rack', gate: { soakMs: 60_000 } }];
  const asked = { ...ASKED, waves };
  const laidOut = (count: number) =>
    draftOf({
      body: {
        waves: Array.from({ length: count }, (_, index) => ({
          hosts: `web-${index + 1}`,
          gate: { soakMs: 60_000 },
        })),
      },
    });
  assert.ok(check(laidOut(4), asked).length > 0);
  const draft = laidOut(4);
  assert.throws(() => check({ ...draft, soaksMs: [...draft.soaksMs, 60_000] }, asked), /would soak for/);
});

test('who is meant by name is held against the names, also of a rollout without a plan', () => {
  const asked: RolloutBody = {
    ...ASKED,
    targets: 'web-*',
    change: { kind: 'bundle', title: 'x', tasks: [{ shell: { line: 'x' } }] },
    undo: [{ shell: { line: 'y' } }],
  };
  assert.ok(check(draftOf({ body: asked }), asked).length > 0);
  assert.throws(() => check(draftOf({ body: asked, of: add('change', DB) }), asked), /db-1 is not among/);
});

test('no host is signed for that was not shown before, under any name', () => {
  const asked: RolloutBody = {
    ...ASKED,
    change: { kind: 'bundle', title: 'x', tasks: [{ shell: { line: 'x' } }] },
    ...{ selector: 'role=web', withoutWayBack: 'go-on' },
  };
  const shown = new Set(WEB.map(({ name }) => name));
  const signed = (draft: RolloutDraft) =>
    checkDraft(draft, wantedOrders(asked, draft, shown), { fleetId: FLEET, nowMs: NOW });
  assert.ok(signed(draftOf({ body: asked })).length > 0);
  assert.throws(
    () => signed(draftOf({ body: asked, of: add('change', DB) })),
    /db-1 was not among the hosts/,
  );
  const hidden = draftOf({ body: asked, of: add('change', DB) });
  const renamed = hidden.targets.map((one) => (one.name === 'db-1' ? { ...one, name: 'web-1' } : one));
  assert.throws(() => signed({ ...hidden, targets: renamed }), /a name twice/);
});
