import { PLACES, recordPath, SLOTS, type Slot } from './layout.ts';
import type { Machine, Program } from './machine.ts';

/** Which program a slot holds, as its record says; a slot without one was not finished. */
export interface Identity {
  readonly version: string;
  readonly sha512: string;
}

/** A home with a controller's database. */
export interface FoundHome {
  readonly path: string;
  readonly schema: number;
  readonly inUse: boolean;
  /** Where it was last reached, and its agents go; undefined: that is not said. */
  readonly url: string | undefined;
}

/** What is there before anything is done. */
export interface Found {
  readonly manager: 'systemd' | 'openrc' | 'none';
  readonly hasUser: boolean;
  readonly settings: { readonly path: string; readonly text: string | undefined };
  readonly unit: string | undefined;
  readonly active: boolean;
  readonly enabled: boolean;
  readonly current: { readonly slot: Slot; readonly program: Identity } | undefined;
  /** The home from which a controller was being taken over when that was cut off. */
  readonly takingOver: string | undefined;
  /** Of /usr/local/bin/muster: a link's target, `file` for anything else. */
  readonly command: { readonly target: string } | 'file' | undefined;
  readonly home: FoundHome | undefined;
  readonly homeIsThere: boolean;
  /** Homes with a controller in which an operator may have started one by hand. */
  readonly others: readonly FoundHome[];
  readonly freeBytes: number;
}

/** `others`: paths to look at besides. */
export async function look(machine: Machine, others: readonly string[]): Promise<Found> {
  const { debian, redhat } = PLACES.settings;
  const settings = machine.kind('/etc/sysconfig') === 'folder' ? redhat : debian;
  const systemd = machine.kind('/run/systemd/system') === 'folder';
  const openrc = machine.kind('/run/openrc') === 'folder';
  const ask = async (...words: string[]): Promise<boolean> =>
    systemd && (await machine.run(['systemctl', ...words, '--quiet', PLACES.service])).status === 0;
  const command = machine.target(PLACES.command);
  const takingOver = machine.read(PLACES.takingOver);
  return {
    manager: systemd ? 'systemd' : openrc ? 'openrc' : 'none',
    hasUser: (await machine.run(['id', '-u', PLACES.user])).status === 0,
    settings: { path: settings, text: machine.read(settings) },
    unit: machine.read(PLACES.unit),
    active: await ask('is-active'),
    enabled: await ask('is-enabled'),
    current: currentOf(machine),
    takingOver,
    command: command !== undefined ? { target: command } : machine.kind(PLACES.command) && 'file',
    home: homeAt(machine, PLACES.home),
    homeIsThere: machine.kind(PLACES.home) !== undefined,
    others: [...new Set([...others, ...(takingOver === undefined ? [] : [takingOver])])]
      .filter((path) => path !== PLACES.home)
      .flatMap((path) => homeAt(machine, path) ?? []),
    freeBytes: machine.freeBytes(PLACES.program),
  };
}

function currentOf(machine: Machine): Found['current'] {
  const target = machine.target(PLACES.current);
  const slot = SLOTS.find((one) => one === target);
  const program = slot && identityIn(machine, slot);
  return slot && program && { slot, program };
}

/** Undefined: nothing whole is there. */
function identityIn(machine: Machine, slot: Slot): Identity | undefined {
  try {
    const { version, sha512 } = JSON.parse(machine.read(recordPath(slot)) ?? '') as Partial<Identity>;
    return typeof version === 'string' && typeof sha512 === 'string' ? { version, sha512 } : undefined;
  } catch {
    return undefined;
  }
}

export const recordOf = ({ version, sha512 }: Program): string =>
  `${JSON.stringify({ version, sha512 }, null, 2)}\n`;

function homeAt(machine: Machine, path: string): FoundHome | undefined {
  const schema = machine.schemaOf(path);
  if (schema === undefined) return undefined;
  return { path, schema, inUse: machine.isInUse(path), url: urlIn(machine.read(`${path}/context.json`)) };
}

function urlIn(context: string | undefined): string | undefined {
  try {
    const { url } = JSON.parse(context ?? '') as { url?: unknown };
    return typeof url === 'string' && URL.canParse(url) ? url : undefined;
  } catch {
    return undefined;
  }
}
