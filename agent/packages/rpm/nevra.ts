/**
 * Pure: how rpm's family names a version. One text is the canonical one: `version-release`, and `epoch:version-release` where the epoch
 * is not 0, as rpm itself shows it.
 */
import type { PackageVersion } from '../manager.ts';

/** For rpm's --queryformat: a line that parsePackages reads. */
export const QUERY_FORMAT = '%{NAME}\\t%{ARCH}\\t%{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n';

export function canonicalVersion(version: string): string {
  return version.replace(/^(?:0|\(none\)):/, '');
}

/** With the epoch where there is one: `name-[epoch:]version-release.arch`. */
export function nevraOf({ name, arch, version }: PackageVersion): string {
  return `${name}-${version}.${arch}`;
}

/** Undefined for what is not one. A name may hold dashes, a version and a release may not. */
export function parseNevra(text: string): PackageVersion | undefined {
  const [, name, version, arch] = /^(.+)-([^-]+-[^-]+)\.([^.-]+)$/.exec(text) ?? [];
  if (name === undefined || version === undefined || arch === undefined) return undefined;
  return { name, arch, version: canonicalVersion(version) };
}

/** Lines of name, arch and version; whatever else is among them (`package x is not installed`) is passed over. */
export function parsePackages(text: string): PackageVersion[] {
  return text.split('\n').flatMap((line) => {
    const [name, arch, version, ...more] = line.split('\t');
    if (!name || !arch || !version || more.length > 0) return [];
    return [{ name, arch, version: canonicalVersion(version) }];
  });
}

export interface Evr {
  readonly epoch: string;
  readonly version: string;
  /** Empty in a dependency that does not name one. */
  readonly release: string;
}

/** `[epoch:]version[-release]`. */
export function parseEvr(text: string): Evr {
  const [, epoch = '0', version = '', release = ''] = /^(?:(\d+):)?([^-]*)(?:-(.*))?$/.exec(text) ?? [];
  return { epoch, version, release };
}
