import { ServiceFailure } from './failure.ts';
import { otherSlot, PLACES, type Slot, slotPath } from './layout.ts';
import { type Variables, withSettings } from './settings.ts';
import type { Found, Identity } from './state.ts';
import { MADE_BY_US, unitText } from './unit.ts';

/** What is to be there in the end. */
export interface Wanted {
  readonly program: Identity & { readonly bytes: number };
  /** What this program's controller makes of a database. */
  readonly schema: number;
  /** Settings that are given now; those of before stay. */
  readonly given: Variables;
  readonly listen: { readonly host: string; readonly port: number };
  /** Where the controller is that becomes the service's, where it was said. */
  readonly home: string | undefined;
}

/** One thing to do. Each may be done again, and `install.ts` knows how each is undone. */
export type Step =
  | { readonly kind: 'user' }
  | { readonly kind: 'copy'; readonly slot: Slot }
  | { readonly kind: 'home'; readonly adopts: boolean }
  | { readonly kind: 'stop' }
  /** `goesBackTo`: the program that can use it, where there is one. */
  | {
      readonly kind: 'backup';
      readonly schema: number;
      readonly by: Slot;
      readonly goesBackTo: Slot | undefined;
    }
  /** Copies it; `put-aside` is what makes one controller of the two. */
  | { readonly kind: 'take-over'; readonly from: string }
  | {
      readonly kind: 'settings';
      readonly path: string;
      readonly text: string;
      readonly before: string | undefined;
    }
  | { readonly kind: 'unit'; readonly text: string; readonly before: string | undefined }
  | { readonly kind: 'switch'; readonly to: Slot; readonly from: Slot | undefined }
  | { readonly kind: 'command' }
  | { readonly kind: 'start'; readonly wasEnabled: boolean }
  | { readonly kind: 'ready'; readonly migrates: boolean }
  | { readonly kind: 'put-aside'; readonly from: string };

export interface Plan {
  /** Only `ready` where all is as it is wanted. */
  readonly steps: readonly Step[];
  /** What the operator should know besides. */
  readonly notes: readonly string[];
}

/** Free space that is not counted on to the last byte. */
const SPARE_BYTES = 32 * 1024 * 1024;

/** Throws ServiceFailure where it must not be done. */
export function planInstall(found: Found, wanted: Wanted): Plan {
  refuse(found, wanted);
  const { program, schema, listen } = wanted;
  const isNew = found.current?.program.sha512 !== program.sha512;
  const slot = isNew ? otherSlot(found.current?.slot) : (found.current?.slot ?? 'a');
  const text = withSettings(found.settings.text, wanted.given);
  const unit = unitText({ settings: found.settings.path, port: listen.port });
  const from = takenOver(found, wanted);
  const taken = found.home ? undefined : found.others.find(({ path }) => path === from);
  const copies = from !== undefined && taken !== undefined;
  const migrates = ((found.home ?? taken)?.schema ?? schema) < schema;
  const changes = isNew || text !== found.settings.text || unit !== found.unit || !found.active || copies;

  const steps: Step[] = [];
  if (!found.hasUser) steps.push({ kind: 'user' });
  if (isNew) steps.push({ kind: 'copy', slot });
  if (changes) {
    steps.push({ kind: 'home', adopts: found.homeIsThere && found.unit === undefined });
    const stop: Step[] = found.active ? [{ kind: 'stop' }] : [];
    const backup: Step[] =
      isNew && found.home
        ? [{ kind: 'backup', schema: found.home.schema, by: slot, goesBackTo: found.current?.slot }]
        : [];
    // A backup that may have to be gone back to holds all that was acknowledged; any other is made while the controller works.
    steps.push(...(migrates ? [...stop, ...backup] : [...backup, ...stop]));
    if (copies) steps.push({ kind: 'take-over', from });
    if (text !== found.settings.text)
      steps.push({ kind: 'settings', path: found.settings.path, text, before: found.settings.text });
    if (unit !== found.unit) steps.push({ kind: 'unit', text: unit, before: found.unit });
    if (isNew) steps.push({ kind: 'switch', to: slot, from: found.current?.slot });
  }
  if (found.command === undefined) steps.push({ kind: 'command' });
  if (changes || !found.enabled) steps.push({ kind: 'start', wasEnabled: found.enabled });
  steps.push({ kind: 'ready', migrates });
  if (from !== undefined) steps.push({ kind: 'put-aside', from });
  return { steps, notes: notesOn(found, wanted) };
}

/** Said now, or before one that was cut off. */
function takenOver({ takingOver, others }: Found, { home }: Wanted): string | undefined {
  const from = home ?? takingOver;
  return from === takingOver || others.some(({ path }) => path === from) ? from : undefined;
}

function refuse(found: Found, wanted: Wanted): void {
  const { home, others } = found;
  if (found.manager !== 'systemd')
    throw new ServiceFailure(
      found.manager === 'openrc'
        ? 'OpenRC is here, and only systemd is supported for the controller'
        : 'no systemd runs here',
      'let your own service manager run "muster serve"',
    );
  if (found.unit !== undefined && !found.unit.startsWith(MADE_BY_US))
    throw new ServiceFailure(
      `${PLACES.unit} is there and was not made by Muster`,
      'move what you changed into a drop-in (systemctl edit muster), then remove that file',
    );
  if (wanted.home !== undefined) refuseHome(found, wanted.home);
  else if (home === undefined && others.length > 0 && takenOver(found, wanted) === undefined)
    throw new ServiceFailure(
      `there is a controller in ${others.map((one) => one.path).join(' and in ')}, started by hand`,
      `--home ${others[0]?.path} makes it the service's; --home ${PLACES.home} begins a new fleet beside it`,
    );
  const inUse = home?.inUse && !found.active ? home : undefined;
  if (inUse)
    throw new ServiceFailure(
      `a controller that is not the service works on ${inUse.path}`,
      'stop it, then run this again',
    );
  for (const one of [home, others.find(({ path }) => path === wanted.home)])
    if (one && one.schema > wanted.schema)
      throw new ServiceFailure(
        `the database in ${one.path} was written by a newer Muster: schema ${one.schema}, this one knows ${wanted.schema}`,
        'install that version or a newer one',
      );
  const taken = others.find(({ path }) => path === takenOver(found, wanted)) ?? home;
  // A service that is there was told where it listens.
  if (
    found.unit === undefined &&
    taken?.url &&
    !isLoopback(new URL(taken.url).hostname) &&
    isLoopback(wanted.listen.host)
  )
    throw new ServiceFailure(
      `the agents of the controller in ${taken.path} know it as ${taken.url}, and it would listen on ${wanted.listen.host} only`,
      `say where: --listen 0.0.0.0:${new URL(taken.url).port || 443} --url ${taken.url}`,
    );
  const needs = wanted.program.bytes + SPARE_BYTES;
  if (found.current?.program.sha512 !== wanted.program.sha512 && found.freeBytes < needs)
    throw new ServiceFailure(
      `${PLACES.program} needs ${mebibytes(needs)}, and ${mebibytes(found.freeBytes)} are free there`,
      'make room, then run this again',
    );
}

function refuseHome({ home, others, takingOver }: Found, wanted: string): void {
  if (wanted === PLACES.home) return;
  if (!wanted.startsWith('/')) throw new ServiceFailure(`--home ${wanted} is not an absolute path`);
  const one = others.find(({ path }) => path === wanted);
  // Said again after it was done.
  if (home && !one) return;
  if (home && takingOver !== wanted)
    throw new ServiceFailure(
      `${PLACES.home} has a controller already; --home ${wanted} would be a second one`,
      'leave --home out',
    );
  if (!one && takingOver !== wanted) throw new ServiceFailure(`${wanted} is no home of a controller`);
  if (one?.inUse) throw new ServiceFailure(`a controller works on ${wanted}`, 'stop it, then run this again');
}

function notesOn(found: Found, wanted: Wanted): string[] {
  const { listen, program } = wanted;
  const notes: string[] = [];
  if (isLoopback(listen.host))
    notes.push(
      `it listens on ${listen.host} only, where agents of other machines cannot reach it: --listen 0.0.0.0:${listen.port} --url https://NAME:${listen.port}`,
    );
  const { command, current } = found;
  if (command === 'file' || (command && command.target !== PLACES.commandTarget))
    notes.push(`${PLACES.command} is another program and stays; this one is ${PLACES.commandTarget}`);
  if (current && current.program.version !== program.version && current.program.sha512 !== program.sha512)
    notes.push(`${current.program.version} stays in ${slotPath(current.slot)}`);
  const taken = takenOver(found, wanted);
  const left = found.home ? [] : found.others.filter(({ path }) => path !== taken);
  for (const { path } of left) notes.push(`the controller in ${path} is left alone`);
  return notes;
}

const isLoopback = (host: string): boolean => /^(?:127\.|localhost$|\[?::1\]?$)/.test(host);

const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`;

/** What a step does, for people; in the present tense of `--check`. */
export function sentenceOf(step: Step): string {
  switch (step.kind) {
    case 'user':
      return `make the system user ${PLACES.user}`;
    case 'copy':
      return `copy this program to ${slotPath(step.slot)}`;
    case 'home':
      return step.adopts
        ? `give ${PLACES.home}, as it is, to the user ${PLACES.user}`
        : `keep ${PLACES.home} (0700) for the user ${PLACES.user}`;
    case 'stop':
      return 'stop the controller that runs';
    case 'backup':
      return `back up the controller to ${PLACES.backups}`;
    case 'take-over':
      return `copy the controller from ${step.from}`;
    case 'settings':
      return `write ${step.path}`;
    case 'unit':
      return `write ${PLACES.unit}`;
    case 'switch':
      return `let ${PLACES.current} point to ${step.to}`;
    case 'command':
      return `link ${PLACES.command}`;
    case 'start':
      return 'enable and start the service';
    case 'ready':
      return step.migrates ? 'wait until it has migrated the database and answers' : 'wait until it answers';
    case 'put-aside':
      return `move ${step.from} aside`;
  }
}
