import type { InitSystem, Service } from './service.ts';

/** What `rc-service NAME status` exits with (openrc-run.sh). */
const STATUS: Readonly<Record<number, Pick<Service, 'running' | 'says'>>> = {
  0: { running: 'running', says: 'started' },
  3: { running: 'stopped', says: 'stopped' },
  4: { running: 'changing', says: 'stopping' },
  8: { running: 'changing', says: 'starting' },
  16: { running: 'running', says: 'inactive' },
  32: { running: 'failed', says: 'crashed' },
};

/** Where a service goes that is to start at boot and says nothing else. */
const RUNLEVEL = 'default';

/** rc-service(8) and rc-update(8). */
export const openrc: InitSystem = {
  name: 'OpenRC',
  queries: (unit) => [
    ['rc-service', '--exists', unit],
    ['rc-service', '--nocolor', unit, 'status'],
    ['rc-update', 'show'],
  ],
  read(unit, [exists, status, runlevels]) {
    const isKnown = exists?.exitCode === 0;
    const { running, says } = STATUS[status?.exitCode ?? -1] ?? { running: 'stopped', says: 'unknown' };
    const levels = runlevelsOf(unit, runlevels?.stdout ?? '');
    return {
      ...(!isKnown && { problem: { isUnknown: true, why: 'OpenRC does not know it' } }),
      running,
      says,
      enabled: levels.length > 0 ? 'yes' : 'no',
      enabledSays: levels.join(' '),
      canReload: undefined,
      isOneshot: false,
      instance: '',
      isStale: false,
    };
  },
  command(action, unit) {
    switch (action) {
      case 'enable':
        return ['rc-update', 'add', unit, RUNLEVEL];
      case 'disable':
        return ['rc-update', '--all', 'del', unit];
      case 'refresh':
        return ['rc-update', '--update'];
      case 'start':
      case 'stop':
      case 'restart':
      case 'reload':
        return ['rc-service', '--nocolor', unit, action];
    }
  },
  lastWords: (unit) => ['rc-service', '--nocolor', unit, 'status'],
};

/** Lines such as `   sshd |      default`. */
function runlevelsOf(unit: string, text: string): string[] {
  for (const line of text.split('\n')) {
    const [name, levels = ''] = line.split('|').map((part) => part.trim());
    if (name === unit) return levels.split(/\s+/).filter((level) => level !== '');
  }
  return [];
}
