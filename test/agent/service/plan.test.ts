import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judgeService, planService, type ServiceWish } from '../../../agent/service/plan.ts';
import type { Service } from '../../../agent/service/service.ts';

function service(more: Partial<Service> = {}): Service {
  return {
    running: 'running',
    says: 'active (running)',
    enabled: 'yes',
    enabledSays: 'enabled',
    canReload: true,
    isOneshot: false,
    instance: 'a',
    isStale: false,
    ...more,
  };
}
const STOPPED = { running: 'stopped', says: 'inactive (dead)' } as const;
const FAILED = { running: 'failed', says: 'failed (failed), exit-code' } as const;
const CHANGING = { running: 'changing', says: 'activating (auto-restart)' } as const;
const UNKNOWN = { problem: { isUnknown: true, why: 'systemd does not know it' } } as const;
const MASKED = {
  problem: { isUnknown: false, why: 'it is masked' },
  enabled: 'fixed',
  enabledSays: 'masked',
} as const;

test('what is done to a service depends on what it is and what it is to be', () => {
  const rows: [string, ServiceWish, Partial<Service>, string | string[]][] = [
    ['runs already', { state: 'started' }, {}, 'unchanged'],
    ['stopped', { state: 'started' }, STOPPED, ['start']],
    ['failed', { state: 'started' }, FAILED, ['start']],
    ['starts again and again', { state: 'started' }, CHANGING, ['start']],
    ['is stopped already', { state: 'stopped' }, STOPPED, 'unchanged'],
    ['failed is stopped', { state: 'stopped' }, FAILED, 'unchanged'],
    ['starts again and again, to be stopped', { state: 'stopped' }, CHANGING, ['stop']],
    ['runs, to be stopped', { state: 'stopped' }, {}, ['stop']],
    ['restart always', { state: 'restarted' }, STOPPED, ['restart']],
    ['reload', { state: 'reloaded' }, {}, ['reload']],
    ['reload where only trying tells', { state: 'reloaded' }, { canReload: undefined }, ['reload']],
    ['no reload', { state: 'reloaded' }, { canReload: false }, 'it cannot be reloaded, only restarted'],
    [
      'reload of what is stopped',
      { state: 'reloaded' },
      STOPPED,
      'it cannot be reloaded: it is inactive (dead)',
    ],
    ['enabled already', { enabled: true }, {}, 'unchanged'],
    ['enable', { enabled: true }, { enabled: 'no' }, ['enable']],
    ['disable', { enabled: false }, {}, ['disable']],
    ['disabled already', { enabled: false }, { enabled: 'no' }, 'unchanged'],
    [
      'static, to be enabled',
      { enabled: true },
      { enabled: 'fixed', enabledSays: 'static' },
      'it cannot be enabled: it is static',
    ],
    ['static, to be disabled', { enabled: false }, { enabled: 'fixed', enabledSays: 'static' }, 'unchanged'],
    ['both', { state: 'started', enabled: true }, { ...STOPPED, enabled: 'no' }, ['enable', 'start']],
    ['a new unit file is read first', { state: 'restarted' }, { isStale: true }, ['refresh', 'restart']],
    ['and only then', { state: 'started' }, { isStale: true }, 'unchanged'],
    ['unknown', { state: 'started' }, { ...STOPPED, ...UNKNOWN }, 'systemd does not know it'],
    ['unknown, to be stopped', { state: 'stopped' }, { ...STOPPED, ...UNKNOWN }, 'systemd does not know it'],
    ['masked', { state: 'started' }, { ...STOPPED, ...MASKED }, 'it is masked'],
    ['masked, to be enabled', { enabled: true }, { ...STOPPED, ...MASKED }, 'it is masked'],
    ['masked, to be off', { state: 'stopped', enabled: false }, { ...STOPPED, ...MASKED }, 'unchanged'],
    ['masked, but it runs', { state: 'stopped' }, MASKED, ['stop']],
  ];
  for (const [what, wish, found, wanted] of rows) {
    const plan = planService(wish, service(found));
    const got = plan.is === 'act' ? plan.actions : plan.is === 'impossible' ? plan.why : plan.is;
    assert.deepEqual(got, wanted, what);
  }
});

test('a plan says what it does and what was', () => {
  const plan = planService({ state: 'started', enabled: true }, service({ ...STOPPED, enabled: 'no' }));
  assert.equal(plan.is === 'act' && plan.says, 'enabled, started (was inactive (dead))');
});

test('what became of a service is looked at twice, and more often while it changes', () => {
  const rows: [
    string,
    ServiceWish,
    Partial<Service>,
    Partial<Service>,
    Partial<Service> | undefined,
    string,
  ][] = [
    ['runs, first look', { state: 'started' }, STOPPED, {}, undefined, 'settling'],
    ['runs, second look', { state: 'started' }, STOPPED, {}, {}, 'done'],
    [
      'was started anew meanwhile',
      { state: 'started' },
      STOPPED,
      { instance: 'c' },
      { instance: 'b' },
      'settling',
    ],
    ['ended meanwhile', { state: 'started' }, STOPPED, FAILED, {}, 'it is failed (failed), exit-code'],
    [
      'ended well, which is no service',
      { state: 'started' },
      STOPPED,
      STOPPED,
      undefined,
      'it is inactive (dead)',
    ],
    ['starts again and again', { state: 'started' }, STOPPED, CHANGING, undefined, 'settling'],
    [
      'did its work',
      { state: 'started' },
      STOPPED,
      { ...STOPPED, isOneshot: true },
      { ...STOPPED, isOneshot: true },
      'done',
    ],
    [
      'did not do its work',
      { state: 'started' },
      STOPPED,
      { ...FAILED, isOneshot: true },
      undefined,
      'it is failed (failed), exit-code',
    ],
    ['same process as before', { state: 'restarted' }, {}, {}, undefined, 'it still runs as before'],
    ['another process', { state: 'restarted' }, {}, { instance: 'b' }, { instance: 'b' }, 'done'],
    ['stopped', { state: 'stopped' }, {}, STOPPED, undefined, 'done'],
    ['not stopped', { state: 'stopped' }, {}, {}, undefined, 'it is active (running)'],
    ['enabled', { enabled: true }, { enabled: 'no' }, {}, undefined, 'done'],
    [
      'not enabled',
      { enabled: true },
      { enabled: 'no' },
      { enabled: 'no', enabledSays: 'disabled' },
      undefined,
      'it was not enabled: it is disabled',
    ],
    ['not disabled', { enabled: false }, {}, {}, undefined, 'it was not disabled'],
  ];
  for (const [what, wish, before, after, earlier, wanted] of rows) {
    const verdict = judgeService(wish, service(before), service(after), earlier && service(earlier));
    assert.equal(verdict.is === 'failed' ? verdict.why : verdict.is, wanted, what);
  }
});
