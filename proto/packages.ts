/**
 * Packages as both sides speak of them: what names and versions look like, and what a scan and a plan of a host say. The answers
 * are JSON on the run's standard output; whoever reads one checks its shape first.
 */
import { LIMITS } from './limits.ts';

export const PACKAGE_MANAGERS = ['apt', 'dnf', 'zypper', 'apk'] as const;
export type PackageManagerName = (typeof PACKAGE_MANAGERS)[number];

export const PACKAGE_ACTIONS = [
  'scan',
  'plan',
  'apply',
  'revert',
  'ensure',
  'hold',
  'unhold',
  'history',
] as const;
export type PackageAction = (typeof PACKAGE_ACTIONS)[number];

/** Nothing that a package manager would take for an option, a path, a pattern or a version. */
export function isPackageName(name: string): boolean {
  return name.length <= LIMITS.packageNameChars && /^[A-Za-z0-9][A-Za-z0-9+._-]*$/.test(name);
}

/** `1:2.3-4ubuntu5~22.04+git^1`; for rpm epoch, version and release as one text. */
export function isPackageVersion(version: string): boolean {
  return version.length <= LIMITS.packageVersionChars && /^[A-Za-z0-9][A-Za-z0-9.+~:^_-]*$/.test(version);
}

export function isPackageArch(arch: string): boolean {
  return /^[a-z0-9_]{1,32}$/.test(arch);
}

/** One package from one version to another. */
export interface Versions {
  readonly name: string;
  /** Empty: the manager has no such thing. */
  readonly arch: string;
  /** Empty: it is not installed. */
  readonly from: string;
  /** Empty: it is removed. */
  readonly to: string;
}

export interface PendingUpdate extends Versions {
  readonly security: boolean;
  readonly held: boolean;
  /** When this agent first saw that this version waits. */
  readonly sinceMs: number;
}

/** The answer to `scan`. */
export interface PackageScan {
  readonly version: 1;
  readonly manager: PackageManagerName;
  readonly pending: readonly PendingUpdate[];
  readonly rebootNeeded: boolean;
  /** Units that still use files which were replaced. */
  readonly restarts: readonly string[];
}

export interface PlannedChange extends Versions {
  readonly security: boolean;
  /** Whether `from` can be had again, so that it can be fetched and kept; true where there is nothing to fetch. */
  readonly wayBack: boolean;
}

/** The answer to `plan`: the whole transaction, what comes along included. */
export interface PackagePlan {
  readonly version: 1;
  readonly manager: PackageManagerName;
  readonly changes: readonly PlannedChange[];
  readonly downloadBytes: number;
  /** Whether it replaces something that only another boot takes up. */
  readonly wantsReboot: boolean;
  /** Units that a restart of theirs brings to the new files. */
  readonly restarts: readonly string[];
  /** Updates that wait and are not in it, and why. */
  readonly left: readonly { readonly name: string; readonly why: string }[];
}

export interface PackageHistoryEntry {
  readonly atMs: number;
  readonly changes: readonly Versions[];
  /** The command, as the manager noted it; empty where it does not. */
  readonly command: string;
}

/** The answer to `history`, newest first. */
export interface PackageHistory {
  readonly version: 1;
  readonly manager: PackageManagerName;
  readonly entries: readonly PackageHistoryEntry[];
}
