/** Shape of what is done with packages. Names and versions become arguments of programs that run as root. */
import type { Message } from './codec.ts';
import { LIMITS } from './limits.ts';
import {
  isPackageArch,
  isPackageName,
  isPackageVersion,
  PACKAGE_ACTIONS,
  PACKAGE_MANAGERS,
} from './packages.ts';
import { checker } from './validate.ts';
import { PARAMS_VERSION } from './version.ts';

const order = checker('order-malformed');

const among = (values: readonly string[], value: string): boolean => values.includes(value);

/** Throws MusterError('order-malformed'). */
export function checkPackages(task: Message<'PackagesTask'>): void {
  const { action, names, exclude, security, state, version, configFiles, wayBack, lockWaitMs } = task;
  order(among(PACKAGE_ACTIONS, action), 'packages.action');
  const isPlan = action === 'plan';
  const isNamed = isPlan || action === 'ensure' || action === 'hold' || action === 'unhold';
  checkNames(names, 'packages.names');
  order(isNamed ? isPlan || names.length > 0 : names.length === 0, 'packages.names');
  checkNames(exclude, 'packages.exclude');
  order(isPlan || (exclude.length === 0 && !security), 'packages: what only a plan has');
  order(among(action === 'ensure' ? ['present', 'latest', 'absent'] : [''], state), 'packages.state');
  order(version === '' || (state === 'present' && names.length === 1), 'packages.version');
  order(version === '' || isPackageVersion(version), 'packages.version');
  const changes = action === 'apply' || action === 'revert' || action === 'ensure';
  order(among(changes ? ['keep', 'replace'] : [''], configFiles), 'packages.config_files');
  order(among(action === 'apply' ? ['required', 'wanted', 'none'] : [''], wayBack), 'packages.way_back');
  order(lockWaitMs <= LIMITS.lockWaitMaxMs, 'packages.lock_wait_ms');
}

function checkNames(names: readonly string[], what: string): void {
  order(names.length <= LIMITS.packageNames && new Set(names).size === names.length, what);
  order(names.every(isPackageName), what);
}

/** Of the params of one target. Throws MusterError('order-malformed'). */
export function checkTargetParams({ version, transaction }: Message<'TargetParams'>): void {
  order(version === PARAMS_VERSION, 'params.version');
  order(transaction !== null, 'params.transaction');
  order(among(PACKAGE_MANAGERS, transaction?.manager ?? ''), 'transaction.manager');
  const changes = transaction?.changes ?? [];
  order(changes.length > 0 && changes.length <= LIMITS.packageChanges, 'transaction.changes');
  for (const { name, arch, from, to } of changes) {
    order(isPackageName(name), 'transaction.name');
    order(arch === '' || isPackageArch(arch), 'transaction.arch');
    order(from !== to, 'transaction: from and to');
    for (const one of [from, to]) order(one === '' || isPackageVersion(one), 'transaction.version');
  }
  const packages = new Set(changes.map(({ name, arch }) => `${name} ${arch}`));
  order(packages.size === changes.length, 'transaction: a package twice');
}
