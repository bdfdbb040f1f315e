/**
 * What lies where Muster installed an agent, as its installer, its launcher and the agent itself read and write it.
 *
 *   a, b          slots: `agent` (an executable), or `agent.cjs` and `node` (a link to the host's); last of all `release.json`
 *   current       -> a or b: what starts. Replaced by one rename
 *   trial/        there while a new version has not come online yet; made elsewhere, and put there by one rename
 *   last-trial/   the trial before, with what became of it
 *
 *   of a trial:
 *     about       lines of name=value; the launcher adds `start=BOOT-ID UPTIME PID` before each start of the new version
 *     kept, back  the two ways in which it may end, prepared while there was room
 *     outcome     a hard link to one of them. Whoever makes it has decided: link(2) lets one succeed
 *     old         -> the slot of the version before; renamed to `current` it goes back
 *
 *   trial/ is made ──▶ current: new ──▶ starts, counted ──▶ outcome: kept ────────────────▶ trial/ becomes last-trial/
 *                                            └────────────▶ outcome: back ──▶ current: old ──▶ the same
 *
 * Cut anywhere, the launcher goes on from there at its next start: without an outcome it starts what is current, with one it completes it.
 */
export type Slot = 'a' | 'b';

export const TRIAL_NAMES = {
  about: 'about',
  kept: 'kept',
  back: 'back',
  outcome: 'outcome',
  old: 'old',
} as const;

/** In the folder of the program. */
export const PROGRAM_NAMES = { current: 'current', trial: 'trial', lastTrial: 'last-trial' } as const;

/** How often a new version is started; one that ends before it is online was started in vain. */
export const TRIAL_STARTS = 3;

export type Form = 'bundle' | 'executable';
export type Arch = 'x64' | 'arm64';

/** The file of a slot that is run. */
export const programOf = (form: Form): string => (form === 'bundle' ? 'agent.cjs' : 'agent');
/** Beside a bundle. */
export const NODE_LINK = 'node';

/** Of release.json: what was put into this slot. It is written last, so that a slot without one is no whole one. */
export interface SlotRelease {
  readonly version: string;
  readonly form: Form;
  /** Of an executable. */
  readonly arch: Arch | undefined;
  /** Hex, of the file, as `length`. */
  readonly sha512: string;
  readonly length: number;
}

export const RELEASE_FILE = 'release.json';

export function encodeSlotRelease({ version, form, arch, sha512, length }: SlotRelease): string {
  return `${JSON.stringify({ version, form, ...(arch === undefined ? {} : { arch }), sha512, length })}\n`;
}

/** Undefined for anything else than what encodeSlotRelease writes. */
export function parseSlotRelease(text: string): SlotRelease | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = Object(JSON.parse(text));
  } catch {
    return undefined;
  }
  const { version, form, arch, sha512, length } = fields;
  if (typeof version !== 'string' || !/^\d{1,9}\.\d{1,9}\.\d{1,9}$/.test(version)) return undefined;
  if (form !== 'bundle' && form !== 'executable') return undefined;
  if (arch !== undefined && arch !== 'x64' && arch !== 'arm64') return undefined;
  if (typeof sha512 !== 'string' || !/^[0-9a-f]{128}$/.test(sha512)) return undefined;
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length <= 0) return undefined;
  return { version, form, arch, sha512, length };
}

export interface Trial {
  /** Of the run that asked for it, or of an installer: lower-case letters, digits and dashes. */
  readonly order: string;
  readonly old: Slot;
  readonly new: Slot;
  readonly oldVersion: string;
  readonly newVersion: string;
  /** How long the new one has to come online, of one boot. */
  readonly withinSeconds: number;
  /** When it began: the boot id, and whole seconds of uptime. */
  readonly boot: string;
  readonly uptime: number;
}

/** The pid is the agent's: the launcher becomes it. */
export interface TrialStart {
  readonly boot: string;
  readonly uptime: number;
  readonly pid: number;
}

export function encodeTrial(trial: Trial): string {
  return `order=${trial.order}
old=${trial.old}
new=${trial.new}
old_version=${trial.oldVersion}
new_version=${trial.newVersion}
within=${Math.ceil(trial.withinSeconds)}
boot=${trial.boot}
uptime=${Math.floor(trial.uptime)}
`;
}

/** Undefined for what is none. A line that was cut short is passed over. */
export function parseTrial(text: string): (Trial & { readonly starts: readonly TrialStart[] }) | undefined {
  const found = new Map<string, string>();
  const starts: TrialStart[] = [];
  for (const line of text.split('\n')) {
    const [, name = '', value = ''] = /^([a-z_]+)=(.*)$/.exec(line) ?? [];
    const [, boot, uptime, pid] = /^([0-9a-f-]+) (\d+) (\d+)$/.exec(value) ?? [];
    if (name !== 'start') found.set(name, value);
    else if (boot !== undefined) starts.push({ boot, uptime: Number(uptime), pid: Number(pid) });
  }
  const old = slotOf(found.get('old'));
  const next = slotOf(found.get('new'));
  const order = found.get('order') ?? '';
  if (!old || !next || old === next || !/^[0-9a-z-]{1,64}$/.test(order)) return undefined;
  return {
    order,
    old,
    new: next,
    oldVersion: found.get('old_version') ?? '',
    newVersion: found.get('new_version') ?? '',
    withinSeconds: Number(found.get('within')),
    boot: found.get('boot') ?? '',
    uptime: Number(found.get('uptime')),
    starts,
  };
}

function slotOf(text: string | undefined): Slot | undefined {
  return text === 'a' || text === 'b' ? text : undefined;
}

export type TrialOutcome =
  | { readonly result: 'kept' }
  /** `why` is a clause without its subject, such as `was started 3 times …`. */
  | { readonly result: 'back'; readonly why: string };

export const RESULT_LINES = { kept: 'result=kept\n', back: 'result=back\n' } as const;

export function parseOutcome(text: string): TrialOutcome {
  if (text.startsWith(RESULT_LINES.kept)) return { result: 'kept' };
  const [, why = ''] = /^why=(.*)$/m.exec(text) ?? [];
  return { result: 'back', why };
}
