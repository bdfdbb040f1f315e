import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Failure } from '../../../../controller/cli/failure.ts';
import { changeOfPlan, checkPlan } from '../../../../controller/cli/patch/plan-change.ts';
import {
  digestOfPlan,
  PLAN_BYTES,
  planFileOf,
  planFileText,
  readPlan,
} from '../../../../controller/cli/patch/plan-file.ts';
import { parsePlan } from '../../../../controller/cli/patch/plan-file-shape.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { agentId } from '../fake-job.ts';
import { FLEET, group, MADE_AT, NGINX, PLAN, planContent, planned } from './fake-plan.ts';

const parse = (value: unknown) =>
  parsePlan('plan.json', Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));

const refusal = (says: RegExp) => (error: unknown) => {
  assert.ok(error instanceof Failure);
  assert.equal(error.exit, 2);
  assert.match(error.message, says);
  return true;
};

test('a plan is read back as it was written, and however it is laid out it is the same plan', async (t) => {
  const file = join(temporaryFolder(t), 'plan.json');
  writeFileSync(file, planFileText(PLAN));
  assert.deepEqual(await readPlan(file), PLAN);
  assert.deepEqual(parse(JSON.stringify(PLAN, null, 4)), PLAN);
  const { groups, digest, ...rest } = PLAN;
  assert.deepEqual(parse({ digest, groups, ...rest }), PLAN);
});

test('the digest of a plan is of these bytes, for ever', () => {
  assert.equal(PLAN.digest, digestOfPlan(PLAN));
  assert.equal(PLAN.digest, '14fa2b7a50b8bb285eee6f9789530964d52ede6f15c8e6d87c33c46563c06bad');
});

test('a plan shows each change on a line of its own', () => {
  const lines = planFileText(PLAN).split('\n');
  assert.equal(lines.filter((line) => line.includes('"from"')).length, 3);
  assert.ok(lines.some((line) => line.includes('"name":"web-2"') && !line.includes('web-1')));
});

test('an empty plan is a file like any other', () => {
  const empty = planFileOf(planContent([]));
  assert.deepEqual(parse(planFileText(empty)), empty);
});

/** As a person would edit it: `groups.0.changes.0.to` becomes something else, or goes. */
function edited(path: string, value: unknown): Record<string, unknown> {
  const plan = structuredClone(PLAN) as unknown as Record<string, unknown>;
  const keys = path.split('.');
  const last = keys.pop() ?? '';
  let part = plan;
  for (const key of keys) part = part[key] as Record<string, unknown>;
  if (value === undefined) delete part[last];
  else part[last] = value;
  return plan;
}

for (const [what, path, value] of [
  ['another version', 'groups.0.changes.0.to', '1.22.1-9+deb12u2'],
  ['a host more', 'groups.0.hosts.2', { name: 'web-3', agentId: agentId('web-3') }],
  ['a host renamed', 'groups.0.hosts.0.name', 'web-9'],
  ['a change less', 'groups.0.changes', PLAN.groups[0]?.changes.slice(1)],
  ['a way back that there is not', 'groups.1.changes.0.wayBack', true],
  ['another fleet', 'fleetId', '0'.repeat(32)],
  ['made later', 'madeAtMs', MADE_AT + 1],
  ['somebody else', 'by', 'root'],
  ['other targets', 'asked.targets', 'web-1'],
  ['a removal allowed afterwards', 'asked.allowRemovals.0', '*'],
  ['a failure taken out', 'leftOut', []],
  ['another digest', 'digest', 'f'.repeat(64)],
] as const)
  test(`a plan edited by hand is refused: ${what}`, () =>
    assert.throws(() => parse(edited(path, value)), refusal(/^plan\.json was edited after it was made/)));

const CHANGE = 'groups.0.changes.0';
for (const [what, path, value, says] of [
  [
    'an option for a name',
    `${CHANGE}.name`,
    '-o DPkg::Pre-Invoke=x',
    /changes\.0\.name: expected the name of a pa/,
  ],
  ['a command for a name', `${CHANGE}.name`, 'x;reboot', /changes\.0\.name/],
  ['a path for a name', `${CHANGE}.name`, '../x.deb', /changes\.0\.name/],
  ['a name with an escape', `${CHANGE}.name`, 'x\u001b[2J', /changes\.0\.name/],
  ['a version that is an option', `${CHANGE}.to`, '--yes', /changes\.0\.to/],
  ['from and to alike', `${CHANGE}.to`, '1.22.1-9', /the same/],
  ['a package twice', 'groups.0.changes.1', PLAN.groups[0]?.changes[0], /twice/],
  ['a number as text', 'madeAtMs', '1', /madeAtMs/],
  ['half a byte', 'groups.0.downloadBytes', 0.5, /downloadBytes/],
  ['less than nothing', 'groups.0.downloadBytes', -1, /downloadBytes/],
  ['more than a number holds', 'groups.0.downloadBytes', 2 ** 53, /downloadBytes/],
  ['no changes', 'groups.0.changes', [], /groups\.0\.changes/],
  ['nobody', 'groups.0.hosts', [], /groups\.0\.hosts/],
  ['a host with an escape', 'groups.0.hosts.0.name', 'x\u001b[2J', /hosts\.0\.name/],
  ['a unit that is a command', 'groups.0.restarts', ['x; reboot'], /restarts\.0/],
  ['an unknown key', 'more', 1, /more/],
  ['an unknown key in a change', `${CHANGE}.script`, 'id', /script/],
  ['no digest', 'digest', undefined, /digest/],
  ['an unknown manager', 'groups.0.manager', 'pip', /manager/],
] as const)
  test(`what is no plan is refused, and says where: ${what}`, () =>
    assert.throws(() => parse(edited(path, value)), refusal(says)));

for (const [what, text, says] of [
  ['nothing', '', /not JSON/],
  ['text', 'nginx 1.2', /not JSON/],
  ['a list', '[]', /is no plan/],
  ['null', 'null', /is no plan/],
  ['a key of every object', '{"__proto__": {"version": 1}}', /is no plan/],
  ['deep brackets', '['.repeat(200_000), /not JSON/],
  ['deep brackets that close', `${'['.repeat(200_000)}${']'.repeat(200_000)}`, /is no plan/],
  ['a newer version', '{"version": 2}', /version 2, and this muster knows 1/],
] as const)
  test(`what is no plan is refused: ${what}`, () => assert.throws(() => parse(text), refusal(says)));

test('a plan with a key of every object in a change is refused', () => {
  const text = JSON.stringify(PLAN).replace('{"name":"nginx"', '{"__proto__":{"x":1},"name":"nginx"');
  assert.throws(() => parse(text), refusal(/is no plan/));
});

test('bytes that are no text are no plan', () => {
  assert.throws(() => parsePlan('plan.json', Buffer.from([0x7b, 0xff, 0x7d])), refusal(/not JSON/));
});

test('a host that is in two groups is refused, also with a digest that is right', () => {
  const twice = planFileOf(
    planContent([group(['web-1'], [NGINX]), group(['web-1'], [planned('tzdata', '1', '2')])]),
  );
  assert.throws(() => parse(twice), refusal(/web-1 is in it twice/));
});

test('a file that is larger than any plan is not read to its end', async (t) => {
  const file = join(temporaryFolder(t), 'plan.json');
  writeFileSync(file, Buffer.alloc(PLAN_BYTES + 1, ' '));
  await assert.rejects(readPlan(file), refusal(/larger than/));
});

const use = { fleetId: FLEET, nowMs: MADE_AT + 60_000 };
const HOUR = 3_600_000;

test('a plan of another fleet is refused', () => {
  assert.throws(
    () => checkPlan('plan.json', PLAN, { ...use, fleetId: 'f'.repeat(32) }),
    refusal(/is of another fleet/),
  );
});

test('a plan of today is good without a word, one of yesterday with a word, one of a month ago not at all', () => {
  assert.deepEqual(checkPlan('plan.json', PLAN, use), []);
  const [warning] = checkPlan('plan.json', PLAN, { ...use, nowMs: MADE_AT + 25 * HOUR });
  assert.match(warning ?? '', /1d 1h old .* called drifted/);
  const late = { ...use, nowMs: MADE_AT + 30 * 24 * HOUR };
  assert.throws(() => checkPlan('plan.json', PLAN, late), refusal(/30d old .* older than 7d/));
  assert.equal(checkPlan('plan.json', PLAN, { ...late, maxAgeMs: 31 * 24 * HOUR }).length, 1);
  assert.throws(() => checkPlan('plan.json', PLAN, { ...use, maxAgeMs: 1000 }), refusal(/older than 1 s/));
});

test('a plan that was made in the future is refused', () => {
  assert.throws(
    () => checkPlan('plan.json', PLAN, { ...use, nowMs: MADE_AT - HOUR }),
    refusal(/not come yet/),
  );
});

test('a plan that changes nothing is refused where it is to be carried out', () => {
  assert.throws(() => checkPlan('plan.json', planFileOf(planContent([])), use), refusal(/changes nothing/));
});

test('a change holds what each host gets, and whether every version of it can be had again', () => {
  const change = changeOfPlan(PLAN);
  assert.deepEqual(change.tasks, [{ packages: { action: 'apply', wayBack: 'required' } }]);
  assert.equal(change.title, 'patch nginx, tzdata, libold');
  assert.deepEqual(
    change.plan?.hosts.map(({ agentIds, wayBack }) => [agentIds.length, wayBack]),
    [
      [2, true],
      [1, false],
    ],
  );
  assert.deepEqual(change.plan?.hosts[0]?.changes[0], {
    ...{ name: 'nginx', arch: 'amd64', from: '1.22.1-9', to: '1.22.1-9+deb12u1' },
  });
  assert.equal(change.plan?.digest, PLAN.digest);
  const bold = changeOfPlan(PLAN, { withoutWayBack: 'go-on', configFiles: 'replace', lockWaitMs: 5 });
  assert.deepEqual(bold.tasks, [
    { packages: { action: 'apply', wayBack: 'wanted', configFiles: 'replace', lockWaitMs: 5 } },
  ]);
});
