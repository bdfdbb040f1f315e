import { commandIn, PLACES, SLOTS } from '../../../controller/service/layout.ts';
import type { Machine, Ran } from '../../../controller/service/machine.ts';

type Entry = { folder: true } | { text: string } | { target: string };

/** What a controller's program makes of a database, by its version. */
export const SCHEMA_OF: Readonly<Record<string, number>> = { '1.0.0': 7, '2.0.0': 8 };

export interface FakeMachine extends Machine {
  /** All of it that a later command finds, as one text. */
  picture(): string;
  /** The nth call from now on fails; `forEver`: as all after it do, because this process was killed. */
  failAt(turn: number, forEver?: boolean): void;
  /** Whether that turn came. */
  failed(): boolean;
  /** Whether the controller answers. */
  answers(): boolean;
}

const OK: Ran = { status: 0, stdout: '', stderr: '' };
const said = (stdout: string): Ran => ({ ...OK, stdout });
const no = (stderr: string): Ran => ({ status: 1, stdout: '', stderr });

/** A machine with systemd in memory, whose controllers know their schema and nothing else. `breaks`: a version that does not stay up. */
export function fakeMachine({ breaks }: { breaks?: string } = {}): FakeMachine {
  const entries = new Map<string, Entry>([
    ['/run/systemd/system', { folder: true }],
    ['/etc/default', { folder: true }],
  ]);
  const users = new Set<string>();
  const service = { active: false, enabled: false, slot: '' };
  let left = Number.POSITIVE_INFINITY;
  let stays = false;
  let failed = false;

  const textOf = (path: string): string | undefined => {
    const entry = entries.get(path);
    return entry && 'text' in entry ? entry.text : undefined;
  };
  const below = (path: string): string[] =>
    [...entries.keys()].filter((one) => one === path || one.startsWith(`${path}/`));
  const versionIn = (slot: string): string =>
    JSON.parse(textOf(`${PLACES.program}/${slot}/program.json`) ?? '{}').version;
  const database = `${PLACES.home}/muster.db`;
  const isUp = (): boolean => service.active && versionIn(service.slot) !== breaks;

  /** Each call is a place where the process can fail or die. */
  function turn(): void {
    left -= 1;
    if (left > 0 || (left < 0 && !stays)) return;
    failed = true;
    throw new Error('it was made to fail');
  }

  function start(): Ran {
    const current = entries.get(PLACES.current);
    if (textOf(PLACES.unit) === undefined || !current || !('target' in current)) return no('no such unit');
    const known = SCHEMA_OF[versionIn(current.target)] ?? 0;
    const there = Number(textOf(database) ?? known);
    Object.assign(service, { active: true, slot: current.target });
    if (there > known) service.active = false;
    else entries.set(database, { text: `${known}` });
    return OK;
  }

  function put(from: string, to: string): void {
    for (const path of below(from)) {
      const entry = entries.get(path);
      if (entry) entries.set(`${to}${path.slice(from.length)}`, entry);
    }
  }

  function systemctl([verb, ...words]: readonly string[]): Ran {
    switch (verb) {
      case 'is-active':
        return service.active ? OK : no('');
      case 'is-enabled':
        return service.enabled ? OK : no('');
      case 'start':
      case 'restart':
        return start();
      case 'stop':
        Object.assign(service, { active: false, slot: '' });
        return OK;
      case 'enable':
      case 'disable':
        service.enabled = verb === 'enable';
        if (words.includes('--now')) service.active = false;
        return OK;
      case 'show':
        return said(
          `ActiveState=${service.active ? 'active' : 'failed'}\nNRestarts=${isUp() ? 0 : 3}\nMainPID=1\n`,
        );
      default:
        return OK;
    }
  }

  function carryOut(argv: readonly string[]): Ran {
    const [program = '', ...words] = argv;
    const slot = SLOTS.find((one) => program === commandIn(one));
    const last = words.at(-1) ?? '';
    if (program === 'systemctl') return systemctl(words);
    if (program === 'id') return users.has(last) ? OK : no('');
    if (program === 'useradd') users.add(last);
    if (program === 'userdel') users.delete(last);
    const [from = '', to = ''] = words.slice(-2);
    if (program === 'cp') put(from, to.endsWith('/') ? `${to}${from.slice(from.lastIndexOf('/') + 1)}` : to);
    if (program === 'mv') {
      put(from, to);
      for (const path of below(from)) entries.delete(path);
    }
    if (program === 'mkdir') entries.set(last, { folder: true });
    if (slot && words[0] === 'backup') entries.set(last, { text: textOf(database) ?? '' });
    if (slot && words[0] === 'restore') {
      entries.set(database, { text: textOf(words[1] ?? '') ?? '' });
      return said('{"movedTo":null}');
    }
    return OK;
  }

  const machine: FakeMachine = {
    picture: () => {
      const files = [...entries]
        .filter(([path]) => !path.startsWith(PLACES.backups))
        .sort(([one], [other]) => (one < other ? -1 : 1));
      return JSON.stringify({ files, users: [...users], service }, null, 1);
    },
    failAt(turn, forEver = false) {
      [left, stays, failed] = [turn, forEver, false];
    },
    failed: () => failed,
    answers: () => isUp(),
    kind(path) {
      const entry = entries.get(path);
      if (!entry) return below(path).length > 0 ? 'folder' : undefined;
      return 'folder' in entry ? 'folder' : 'text' in entry ? 'file' : 'link';
    },
    read: textOf,
    target(path) {
      if (path === '/proc/1/exe') return `${PLACES.program}/${service.slot}/node`;
      const entry = entries.get(path);
      return entry && 'target' in entry ? entry.target : undefined;
    },
    names: (folder) =>
      below(folder)
        .map((path) => path.slice(folder.length + 1))
        .filter((name) => name !== '' && !name.includes('/')),
    write: (path, text) => void entries.set(path, { text }),
    link: (path, target) => void entries.set(path, { target }),
    remove(path) {
      for (const one of below(path)) entries.delete(one);
    },
    makeFolder: (path) => void entries.set(path, { folder: true }),
    removeEmpty(folder) {
      return below(folder).every((path) => path === folder) && entries.delete(folder);
    },
    freeBytes: () => 1e12,
    copy: async (files, folder) => {
      for (const { to } of files) entries.set(`${folder}/${to}`, { text: to });
    },
    run: async (argv) => carryOut(argv),
    schemaOf: (home) => {
      const text = textOf(`${home}/muster.db`);
      return text === undefined ? undefined : Number(text);
    },
    isInUse: (home) => home === PLACES.home && service.active,
    alone: () => () => {},
    hold: () => () => {},
  };
  return counted(machine, turn);
}

/** Whatever is asked of the machine takes its turn first. */
function counted(machine: FakeMachine, turn: () => void): FakeMachine {
  const own = ['picture', 'failAt', 'failed', 'answers'];
  return new Proxy(machine, {
    get(target, name: keyof FakeMachine) {
      const value = target[name] as ((...words: unknown[]) => unknown) | undefined;
      if (own.includes(name) || typeof value !== 'function') return value;
      return (...words: unknown[]) => {
        turn();
        return value(...words);
      };
    },
  });
}
