import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { RolloutReport } from '../../../../controller/api/contract.ts';
import { renderReport } from '../../../../controller/cli/rollout/report-view.ts';
import { temporaryFolder } from '../../../support/folder.ts';
import { stage } from '../command-stage.ts';
import { AT, detailOf, event, hostOf, ROLLOUT } from './fake-rollout.ts';

const HOSTS = [
  hostOf('web-1', 'done', { changed: true, beganAtMs: AT, endedAtMs: AT + 5000 }),
  hostOf('web-2', 'reverted', { code: 'probe-failed', reason: 'answers `no` | <b>', changed: false }),
];
const CHANGE = { name: 'nginx', arch: 'amd64', before: '1.22-1', planned: '1.24-1', after: '1.24-1' };
const REPORT: RolloutReport = {
  rollout: detailOf(HOSTS, {
    state: 'stopped',
    reason: 'too many',
    note: 'monthly',
    planDigest: 'abc',
    steps: [{ step: 'change', wave: null, job: 'f'.repeat(32) }],
  }),
  events: [
    event(1, { what: 'created', by: 'kim', wave: null, reason: 'monthly' }),
    event(2, { what: 'approved', by: 'lee', reason: 'looks well' }),
  ],
  hosts: HOSTS.map((host, index) => ({
    ...host,
    changes: [index === 0 ? CHANGE : { ...CHANGE, after: '1.22-1' }],
  })),
  madeAtMs: AT + 60_000,
  auditHead: '9:37c0',
};

test('a report says who, what and when, versions before and after, failures and approvals', () => {
  const text = renderReport(REPORT);
  for (const part of [
    '# Rollout november\n',
    '| Started by | kim |',
    '| Started | 2026-11-27 22:00:00Z |',
    '| Digest of the plan | abc |',
    '| Audit log when this was made | 9:37c0 |',
    'approved by lee: looks well',
    'web-1\n\n| Package | Architecture | Before | Planned | Now |\n| --- | --- | --- | --- | --- |\n| nginx | amd64 | 1.22-1 | 1.24-1 | 1.24-1 |',
    'web-2\n\n| Package | Architecture | Before | Planned | Now |\n| --- | --- | --- | --- | --- |\n| nginx | amd64 | 1.22-1 | 1.24-1 | 1.22-1 |',
    `| ${'f'.repeat(32)} | change |`,
  ])
    assert.ok(text.includes(part), `${part}\nin\n${text}`);
});

test('what a host says is text in a report, and no table, link or mark-up', () => {
  const text = renderReport(REPORT);
  assert.ok(text.includes('| web-2 | reverted | probe-failed | answers \\`no\\` \\| \\<b\\> | no |'), text);
});

test('a report goes into a file that is not there, or that may be replaced', async (t) => {
  const { muster, err } = await stage(t, { 'rollouts.report': () => REPORT });
  const out = join(temporaryFolder(t), 'r.md');
  assert.equal(await muster('rollout', 'report', ROLLOUT, '-o', out), 0);
  assert.equal(readFileSync(out, 'utf8'), renderReport(REPORT));
  assert.notEqual(await muster('rollout', 'report', ROLLOUT, '-o', out), 0);
  assert.match(err(), /r\.md/);
  assert.equal(await muster('rollout', 'report', ROLLOUT, '-o', out, '--force', '--json'), 0);
  assert.deepEqual(JSON.parse(readFileSync(out, 'utf8')), REPORT);
});
