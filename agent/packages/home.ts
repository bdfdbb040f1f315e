/** What this agent keeps of packages, in a folder of its home that is root's alone. */
import { sha512 } from '../../proto/crypto.ts';
import type { PackageVersion } from './manager.ts';

/** The folder; all of it rejects with what the disk says. */
export interface PackagesDisk {
  readText(name: string): Promise<string | undefined>;
  /** Whole and durable, or not at all. */
  writeText(name: string, text: string): Promise<void>;
  listKept(): Promise<
    readonly { readonly name: string; readonly bytes: number; readonly keptAtMs: number }[]
  >;
  /** A copy of a file, whole and durable. */
  keep(from: string, name: string): Promise<void>;
  readKept(name: string): Promise<Uint8Array | undefined>;
  removeKept(name: string): Promise<void>;
  pathOfKept(name: string): string;
  /** An empty folder. */
  scratch(): Promise<string>;
  clearScratch(): Promise<void>;
  freeBytes(): Promise<number>;
}

/** Old versions by the packages' names, with the digests by which they are known again. */
export interface Kept {
  /** The file of each, in the same order; undefined where it is not kept, or not as it was any more. */
  find(packages: readonly PackageVersion[]): Promise<readonly (string | undefined)[]>;
  keep(one: PackageVersion, file: string): Promise<void>;
  /** Makes room for so many bytes besides: what was kept longest goes first, and what nobody wants after so long. */
  tidy(bytes: number, nowMs: number): Promise<void>;
}

const DIGESTS = 'kept.json';
export const KEPT_BYTES = 2 * 1024 * 1024 * 1024;
export const KEPT_MS = 60 * 86_400_000;

export function keptVersions(disk: PackagesDisk): Kept {
  async function digests(): Promise<Record<string, string>> {
    return readRecord((await disk.readText(DIGESTS)) ?? '{}', (value) => typeof value === 'string');
  }
  return {
    async find(packages) {
      const known = await digests();
      const found: (string | undefined)[] = [];
      for (const one of packages) {
        const base = nameOf(one);
        const name = Object.keys(known).find(
          (file) => file.startsWith(`${base}.`) && !file.slice(base.length + 1).includes('.'),
        );
        const bytes = name === undefined ? undefined : await disk.readKept(name);
        const isIt = name !== undefined && bytes !== undefined && digestOf(bytes) === known[name];
        found.push(isIt ? disk.pathOfKept(name) : undefined);
      }
      return found;
    },
    async keep(one, file) {
      const name = `${nameOf(one)}.${/\.(deb|rpm|apk)$/.exec(file)?.[1] ?? 'bin'}`;
      await disk.keep(file, name);
      const bytes = await disk.readKept(name);
      if (bytes)
        await disk.writeText(DIGESTS, JSON.stringify({ ...(await digests()), [name]: digestOf(bytes) }));
    },
    async tidy(bytes, nowMs) {
      const known = await digests();
      const kept = [...(await disk.listKept())].sort((a, b) => a.keptAtMs - b.keptAtMs);
      let size = kept.reduce((sum, file) => sum + file.bytes, bytes);
      for (const file of kept) {
        const isOld = nowMs - file.keptAtMs > KEPT_MS || known[file.name] === undefined;
        if (!isOld && size <= KEPT_BYTES) continue;
        await disk.removeKept(file.name);
        delete known[file.name];
        size -= file.bytes;
      }
      await disk.writeText(DIGESTS, JSON.stringify(known));
    },
  };
}

const digestOf = (bytes: Uint8Array): string => Buffer.from(sha512(bytes)).toString('hex');

/** Names and versions hold neither a slash nor a percent sign. */
function nameOf({ name, arch, version }: PackageVersion): string {
  return `${name}_${arch}_${version.replaceAll(':', '%3a')}`;
}

/** A file of our own that was damaged is as good as none. */
function readRecord<T>(text: string, isRight: (value: unknown) => boolean): Record<string, T> {
  try {
    const entries = Object.entries(JSON.parse(text) as Record<string, unknown>);
    return Object.fromEntries(entries.filter(([, value]) => isRight(value))) as Record<string, T>;
  } catch {
    return {};
  }
}

const SEEN = 'seen.json';

/** When each of these was seen first; what is not among them any more is forgotten. */
export async function firstSeen(
  disk: PackagesDisk,
  packages: readonly PackageVersion[],
  nowMs: number,
): Promise<readonly number[]> {
  const before = readRecord<number>((await disk.readText(SEEN)) ?? '{}', Number.isSafeInteger);
  const keys = packages.map(({ name, arch, version }) => `${name} ${arch} ${version}`);
  const seen = keys.map((key) => before[key] ?? nowMs);
  const now = Object.fromEntries(keys.map((key, index) => [key, seen[index]]));
  await disk.writeText(SEEN, JSON.stringify(now));
  return seen;
}
