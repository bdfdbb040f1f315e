/** A pid alone may be another process's tomorrow; with the time of its start it is not. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
}

export interface ProcessEntry extends ProcessId {
  readonly ppid: number;
  readonly session: number;
  /** One letter of proc_pid_stat(5). */
  readonly state: string;
  /** It began with the job's mark in its environment. */
  readonly marked: boolean;
}

/**
 * What is known of a run's process tree, from one look at the machine to the next. A process belongs to it if it is
 *   - a descendant of the shim, or of any other member;
 *   - in the shim's session (its parent may be gone);
 *   - marked with the job (it may have left its session and its parents, by setsid and double forks);
 *   - a member of an earlier look (it may have done all that, and dropped its environment, only since).
 * What does all of the last three before anybody looks is not found; that takes a cgroup.
 */
export interface Tree {
  /** The shim; never a member, as it has to report the end. */
  readonly root: ProcessId;
  /** The start of the run's first shim. Nothing older can belong to the run. */
  readonly sinceTicks: number;
  /** Never members: the agent. */
  readonly spared: readonly number[];
  readonly known: readonly ProcessId[];
  /** The session is known to be empty, so that its number may come to mean another one. */
  readonly sessionOver: boolean;
}

export function createTree(root: ProcessId, sinceTicks: number, spared: readonly number[]): Tree {
  return { root, sinceTicks, spared, known: [], sessionOver: false };
}

const same = (a: ProcessId, b: ProcessId) => a.pid === b.pid && a.startTicks === b.startTicks;
const isZombie = (entry: ProcessEntry) => entry.state === 'Z' || entry.state === 'X';

/** One look: the members that are alive, and the tree to look with the next time. */
export function look(tree: Tree, snapshot: readonly ProcessEntry[]): { tree: Tree; members: ProcessEntry[] } {
  const { root } = tree;
  const known = new Map(tree.known.map((id) => [id.pid, id.startTicks]));
  const rootEntry = snapshot.find((entry) => entry.pid === root.pid);
  const rootThere = rootEntry !== undefined && same(rootEntry, root);
  // A session's number is not given away while one of its processes lives, so another process under it tells.
  const sessionOver = tree.sessionOver || (rootEntry !== undefined && !rootThere);

  const inTree = new Set<number>();
  const children = Map.groupBy(snapshot, (entry) => entry.ppid);
  const reached: number[] = [];
  function reach(entry: ProcessEntry): void {
    if (entry.pid <= 1 || tree.spared.includes(entry.pid) || entry.startTicks < tree.sinceTicks) return;
    if (inTree.has(entry.pid)) return;
    inTree.add(entry.pid);
    reached.push(entry.pid);
  }

  for (const entry of snapshot) {
    const inSession = !sessionOver && entry.session === root.pid;
    if (same(entry, root) || inSession || entry.marked || known.get(entry.pid) === entry.startTicks)
      reach(entry);
  }
  for (let pid = reached.pop(); pid !== undefined; pid = reached.pop())
    for (const child of children.get(pid) ?? []) reach(child);

  const members = snapshot.filter((entry) => inTree.has(entry.pid) && !same(entry, root) && !isZombie(entry));
  const sessionSeen = snapshot.some((entry) => entry.session === root.pid);
  return {
    tree: { ...tree, known: members, sessionOver: sessionOver || !sessionSeen },
    members,
  };
}
