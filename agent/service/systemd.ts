import type { InitSystem, Service } from './service.ts';

const PROPERTIES = [
  'Type',
  'LoadState',
  'LoadError',
  'ActiveState',
  'SubState',
  'Result',
  'UnitFileState',
  'CanReload',
  'InvocationID',
  'NeedDaemonReload',
];

/** ActiveState of org.freedesktop.systemd1(5). */
const RUNNING: Readonly<Record<string, Service['running']>> = {
  active: 'running',
  reloading: 'running',
  refreshing: 'running',
  inactive: 'stopped',
  failed: 'failed',
};

/** systemctl(1), with the output of `show`, which is meant for programs. */
export const systemd: InitSystem = {
  name: 'systemd',
  queries: (unit) => [
    ['systemctl', 'show', '--no-pager', `--property=${PROPERTIES.join(',')}`, '--', unit],
    // Only this one knows what SysV scripts and units without a file are.
    ['systemctl', 'is-enabled', '--', unit],
  ],
  read(unit, [show, isEnabled]) {
    const lines = (show?.stdout ?? '').split('\n');
    const pairs = lines.map((line) => [line.split('=', 1)[0] ?? '', line.slice(line.indexOf('=') + 1)]);
    const found: Readonly<Record<string, string>> = Object.fromEntries(pairs);
    const { ActiveState = '', SubState = '', Result = '', LoadState = '' } = found;
    if (show?.exitCode !== 0 || LoadState === '')
      throw new Error(`systemctl does not say anything of ${unit}`);
    const problem = problemOf(found);
    return {
      ...(problem && { problem }),
      running: RUNNING[ActiveState] ?? 'changing',
      says: `${ActiveState} (${SubState})${['', 'success'].includes(Result) ? '' : `, ${Result}`}`,
      ...enabledOf(found.UnitFileState ?? '', isEnabled?.stdout.trim() ?? ''),
      canReload: found.CanReload === 'yes',
      isOneshot: found.Type === 'oneshot',
      instance: found.InvocationID ?? '',
      isStale: found.NeedDaemonReload === 'yes',
    };
  },
  command(action, unit) {
    if (action === 'refresh') return ['systemctl', 'daemon-reload'];
    return ['systemctl', '--no-pager', '--no-ask-password', action, '--', unit];
  },
  lastWords: (unit) => [
    'journalctl',
    '--no-pager',
    '--quiet',
    '--output=cat',
    '--lines=20',
    `--unit=${unit}`,
  ],
};

function problemOf({ LoadState, LoadError }: Readonly<Record<string, string>>): Service['problem'] {
  switch (LoadState) {
    case 'loaded':
    case 'merged':
      return undefined;
    case 'not-found':
      return { isUnknown: true, why: 'systemd does not know it' };
    case 'masked':
      return { isUnknown: false, why: 'it is masked; systemctl unmask takes that away' };
    default: {
      // org.freedesktop.systemd1.BadUnitSetting "Unit x.service has a bad unit file setting."
      const sentence = /"(.*)"/.exec(LoadError ?? '')?.[1];
      return { isUnknown: false, why: sentence ?? `systemd says ${LoadState}` };
    }
  }
}

function enabledOf(fileState: string, isEnabled: string): Pick<Service, 'enabled' | 'enabledSays'> {
  const says = fileState === '' || fileState === 'generated' ? isEnabled : fileState;
  switch (says) {
    case 'enabled':
    case 'alias':
      return { enabled: 'yes', enabledSays: says };
    case 'disabled':
    case 'linked':
    // Until the next boot only, which is not what anybody means by enabled.
    case 'enabled-runtime':
    case 'linked-runtime':
      return { enabled: 'no', enabledSays: says };
    default:
      return { enabled: 'fixed', enabledSays: says || 'without a unit file' };
  }
}
