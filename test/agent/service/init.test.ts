import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openrc } from '../../../agent/service/openrc.ts';
import type { Service } from '../../../agent/service/service.ts';
import { systemd } from '../../../agent/service/systemd.ts';

/** What systemctl of systemd 252 printed, for the properties that are asked. */
const SHOWN = {
  running: `Type=simple
Result=success
LoadState=loaded
ActiveState=active
SubState=running
UnitFileState=disabled
CanReload=yes
NeedDaemonReload=yes
LoadError=
InvocationID=f726d201af714b06b529dfe3ea5afe4a
`,
  failed: `Type=simple
Result=exit-code
LoadState=loaded
ActiveState=failed
SubState=failed
UnitFileState=enabled
CanReload=no
NeedDaemonReload=no
LoadError=
InvocationID=84728da60edb4a3e9d1607e03d0e07bd
`,
  looping: `Type=simple
Result=exit-code
LoadState=loaded
ActiveState=activating
SubState=auto-restart
UnitFileState=static
CanReload=no
NeedDaemonReload=no
LoadError=
InvocationID=15fe8861e74b4e6f9b7ad52a88b8dc96
`,
  unknown: `Type=
Result=success
LoadState=not-found
ActiveState=inactive
SubState=dead
UnitFileState=
CanReload=no
NeedDaemonReload=no
LoadError=
InvocationID=
`,
  masked: `Type=
Result=success
LoadState=masked
ActiveState=inactive
SubState=dead
UnitFileState=masked
CanReload=no
NeedDaemonReload=no
LoadError=org.freedesktop.systemd1.UnitMasked "Unit systemd-timesyncd.service is masked."
InvocationID=
`,
  bad: `Type=oneshot
Result=success
LoadState=bad-setting
ActiveState=inactive
SubState=dead
UnitFileState=static
CanReload=no
NeedDaemonReload=no
LoadError=org.freedesktop.systemd1.BadUnitSetting "Unit bad.service has a bad unit file setting."
InvocationID=
`,
  mount: `Result=success
LoadState=loaded
ActiveState=active
SubState=mounted
UnitFileState=
CanReload=yes
NeedDaemonReload=no
LoadError=
InvocationID=4a0b646c6f174c0381411223315c0d21
`,
};

const readSystemd = (shown: string, isEnabled = '', exitCode = 0): Service =>
  systemd.read('x', [
    { exitCode, stdout: shown },
    { exitCode: 0, stdout: isEnabled },
  ]);

test('what systemctl shows is read', () => {
  assert.deepEqual(readSystemd(SHOWN.running), {
    running: 'running',
    says: 'active (running)',
    enabled: 'no',
    enabledSays: 'disabled',
    canReload: true,
    isOneshot: false,
    instance: 'f726d201af714b06b529dfe3ea5afe4a',
    isStale: true,
  });
  const rows: [keyof typeof SHOWN, Partial<Service>][] = [
    ['failed', { running: 'failed', says: 'failed (failed), exit-code', enabled: 'yes', canReload: false }],
    ['looping', { running: 'changing', says: 'activating (auto-restart), exit-code', enabled: 'fixed' }],
    ['unknown', { problem: { isUnknown: true, why: 'systemd does not know it' }, running: 'stopped' }],
    [
      'masked',
      {
        problem: { isUnknown: false, why: 'it is masked; systemctl unmask takes that away' },
        enabled: 'fixed',
      },
    ],
    [
      'bad',
      {
        problem: { isUnknown: false, why: 'Unit bad.service has a bad unit file setting.' },
        isOneshot: true,
      },
    ],
    ['mount', { running: 'running', enabled: 'fixed', enabledSays: 'without a unit file' }],
  ];
  for (const [name, wanted] of rows) {
    const found = readSystemd(SHOWN[name]);
    for (const [key, value] of Object.entries(wanted))
      assert.deepEqual(found[key as keyof Service], value, `${name} ${key}`);
  }
});

test('a script of SysV is enabled as is-enabled says', () => {
  const generated = SHOWN.failed.replace('UnitFileState=enabled', 'UnitFileState=generated');
  assert.equal(readSystemd(generated, 'enabled\n').enabled, 'yes');
  assert.equal(readSystemd(generated, 'disabled\n').enabled, 'no');
});

test('a systemctl that does not answer is no service that is stopped', () => {
  for (const shown of [
    '',
    'System has not been booted with systemd as init system (PID 1). Can’t operate.\n',
  ])
    assert.throws(() => readSystemd(shown), /does not say anything/);
  assert.throws(() => readSystemd(SHOWN.running, '', 1), /does not say anything/);
});

test('a unit’s name is never an option', () => {
  for (const argv of [...systemd.queries('-x'), systemd.command('start', '-x')])
    assert.ok(argv.indexOf('--') >= 0 && argv.indexOf('--') < argv.indexOf('-x'), argv.join(' '));
  assert.ok(systemd.lastWords('-x').includes('--unit=-x'));
});

/** What rc-update of OpenRC 0.45 printed. */
const RUNLEVELS = `                   ok |      default                                        
                 sshd | boot default                                        
               broken |                                                     
`;

const readOpenrc = (unit: string, status: number, exists = 0): Service =>
  openrc.read(unit, [
    { exitCode: exists, stdout: '' },
    { exitCode: status, stdout: ' * status: …\n' },
    { exitCode: 0, stdout: RUNLEVELS },
  ]);

test('what rc-service exits with and rc-update lists is read', () => {
  assert.deepEqual(readOpenrc('ok', 0), {
    running: 'running',
    says: 'started',
    enabled: 'yes',
    enabledSays: 'default',
    canReload: undefined,
    isOneshot: false,
    instance: '',
    isStale: false,
  });
  for (const [status, running, says] of [
    [3, 'stopped', 'stopped'],
    [8, 'changing', 'starting'],
    [32, 'failed', 'crashed'],
    [1, 'stopped', 'unknown'],
  ] as const) {
    const found = readOpenrc('broken', status);
    assert.deepEqual([found.running, found.says, found.enabled], [running, says, 'no']);
  }
  assert.equal(readOpenrc('sshd', 0).enabledSays, 'boot default');
  assert.equal(readOpenrc('ssh', 0).enabled, 'no');
  assert.equal(readOpenrc('nothere', 1, 1).problem?.isUnknown, true);
});
