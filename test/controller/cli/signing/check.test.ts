import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Draft } from '../../../../controller/api/contract.ts';
import { checkDraft } from '../../../../controller/cli/signing/check.ts';
import { drawOrder } from '../../../../controller/jobs/order.ts';
import type { JobRequest } from '../../../../controller/jobs/request.ts';

const NOW = Date.UTC(2026, 0, 1);
const FLEET = new Uint8Array(16).fill(1);
const host = (name: string, byte: string) => ({ name, id: byte.repeat(16), epoch: 'ee'.repeat(16) });
const WEB = [host('web-1', 'a1'), host('web-2', 'a2')];
const nginx = (to: string) => [
  {
    agentIds: WEB.map(({ id }) => id),
    manager: 'apt' as const,
    changes: [{ name: 'nginx', arch: 'amd64', from: '1', to }],
  },
];
const ASKED: JobRequest = { targets: 'web-*', tasks: [{ command: { argv: ['uptime'] } }] };

/** What a controller answers that makes `request` of these hosts. */
function draftOf(
  request: JobRequest,
  {
    targets = WEB,
    nowMs = NOW,
    fleetId = FLEET,
  }: { targets?: typeof WEB; nowMs?: number; fleetId?: Uint8Array } = {},
): Draft {
  const { bytes } = drawOrder(request, targets, { fleetId, jobId: new Uint8Array(16).fill(9), nowMs });
  const order = Buffer.from(bytes).toString('base64');
  return { draft: '09'.repeat(16), untilMs: nowMs, orders: [{ what: 'job', order, targets: null }], targets };
}
const check = (draft: Draft, request: JobRequest = ASKED) =>
  checkDraft(draft, [{ what: 'job', request }], { fleetId: FLEET, nowMs: NOW });

test('what was asked for is signed', () => {
  const [bytes] = check(draftOf(ASKED));
  assert.equal(Buffer.from(bytes ?? '').toString('base64'), draftOf(ASKED).orders[0]?.order);
});

const db = host('db-1', 'db');
for (const [what, draft, words] of [
  ['another command', draftOf({ ...ASKED, tasks: [{ command: { argv: ['reboot'] } }] }), 'list of tasks'],
  ['one task more', draftOf({ ...ASKED, tasks: [...ASKED.tasks, { reboot: {} }] }), 'list of tasks'],
  ['another user', draftOf({ ...ASKED, user: 'nobody' }), 'limits'],
  ['a variable', draftOf({ ...ASKED, env: { LD_PRELOAD: '/tmp/x.so' } }), 'limits'],
  ['more attempts', draftOf({ ...ASKED, attempts: 3 }), 'retry'],
  ['a check that is none', draftOf({ ...ASKED, check: true }), 'check'],
  ['a longer life', draftOf({ ...ASKED, ttlMs: 86_400_000 }), 'life'],
  ['a host that was not meant', draftOf(ASKED, { targets: [...WEB, db] }), 'db-1 is not among'],
  ['another fleet', draftOf(ASKED, { fleetId: new Uint8Array(16).fill(2) }), 'fleet'],
  ['an order for next week', draftOf(ASKED, { nowMs: NOW + 7 * 86_400_000 }), 'clock'],
  ['a host that is hidden', { ...draftOf(ASKED, { targets: [...WEB, db] }), targets: WEB }, 'hosts'],
  ['a host twice', draftOf(ASKED, { targets: [...WEB, ...WEB] }), 'twice'],
  [
    'two orders',
    { ...draftOf(ASKED), orders: [...draftOf(ASKED).orders, ...draftOf(ASKED).orders] },
    '2 things',
  ],
] as const)
  test(`${what} in place of what was asked for is not signed, and named`, () => {
    assert.throws(() => check(draft as Draft), new RegExp(`nothing was signed.*${words}`));
  });

test('other versions than those that were asked for are not signed', () => {
  const apply = (to: string): JobRequest => ({
    ...ASKED,
    tasks: [{ packages: { action: 'apply' } }],
    transactions: nginx(to),
  });
  check(draftOf(apply('2')), apply('2'));
  assert.throws(
    () => check(draftOf(apply('0.9')), apply('2')),
    /its list of hosts is not as it was asked for/,
  );
});

test('bytes that are no strict order are not signed', () => {
  const draft = draftOf(ASKED);
  const order = Buffer.concat([
    Buffer.from(draft.orders[0]?.order ?? '', 'base64'),
    Buffer.from([0xf8, 7, 1]),
  ]);
  const given = { ...draft, orders: [{ what: 'job', order: order.toString('base64'), targets: null }] };
  assert.throws(() => check(given), /nothing was signed/);
});
