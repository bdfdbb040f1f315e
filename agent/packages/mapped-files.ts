/** Pure: which of the system's files a process runs from, and which unit it belongs to, from what /proc says of it. */

export interface MappedFiles {
  /** In place of which there is another file by now, or none. */
  readonly replaced: readonly string[];
  readonly present: readonly string[];
}

/** Where packages put programs and what these load; what is deleted elsewhere (a temporary file, a database) says nothing. */
const OF_PACKAGES = /^\/(?:usr|opt|bin|sbin|lib|lib32|lib64|libx32)\//;
const DELETED = ' (deleted)';

/** Reads proc_pid_maps(5). */
export function parseMaps(text: string): MappedFiles {
  const replaced = new Set<string>();
  const present = new Set<string>();
  for (const line of text.split('\n')) {
    const [, path] = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ \d+ +(\/.*)$/.exec(line) ?? [];
    if (path === undefined || !OF_PACKAGES.test(path)) continue;
    if (path.endsWith(DELETED)) replaced.add(canonicalPath(path.slice(0, -DELETED.length)));
    else present.add(canonicalPath(path));
  }
  return { replaced: [...replaced], present: [...present] };
}

/** One name for a file that packages list beside /usr and the kernel shows in it. */
export function canonicalPath(path: string): string {
  return /^\/(?:bin|sbin|lib|lib32|lib64|libx32)\//.test(path) ? `/usr${path}` : path;
}

/**
 * The service of a process, from proc_pid_cgroup(5): `nginx.service` of systemd, `nginx` of OpenRC. Undefined for what belongs to
 * somebody's session, to a container or to nobody: no restart of a service would reach it.
 */
export function unitOf(cgroup: string): string | undefined {
  for (const line of cgroup.split('\n')) {
    const [, path] = /^(?:0:|\d+:name=(?:systemd|openrc)):(\/.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    const parts = path.split('/');
    if (parts.some((part) => /^(?:user|machine)\.slice$|\.scope$|^kubepods/.test(part))) return undefined;
    const unit = parts.find((part) => part.endsWith('.service'));
    const service = parts.find((part) => part.startsWith('openrc.'))?.slice('openrc.'.length);
    if (unit !== undefined || service !== undefined) return unit ?? service;
  }
  return undefined;
}
