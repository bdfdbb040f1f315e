import type { GateBody, RolloutProbeBody, WaveBody } from '../../api/contract.ts';
import { wrongUse } from '../failure.ts';
import { remotePath } from '../remote-path.ts';
import type { RolloutFrame } from './parse.ts';
import { GATE_SETTINGS, keyOf, parseShare, SETTINGS } from './settings.ts';

/** As commander has them: those of the settings by the names of their flags. */
export interface RolloutOptions {
  file?: string;
  targets?: string[];
  selector?: string;
  plan?: string;
  bundle?: string;
  copy?: string;
  upgrade?: boolean;
  pre?: string;
  post?: string;
  undo?: string;
  canary?: string;
  wave?: string[];
  each?: string;
  probeHttp?: string[];
  probeTcp?: string[];
  probeShell?: string[];
  maxPlanAge?: number;
  /** Of a plan. */
  configFiles?: 'keep' | 'replace';
  /** Of a plan, in milliseconds. */
  lockWait?: number;
  runtime?: string[];
  [setting: string]: unknown;
}

/** What is said once for all in flags; it wins over a file. */
export function settingsOf(options: RolloutOptions): RolloutFrame {
  const gate = given(options, GATE_SETTINGS) as GateBody;
  return { ...given(options, SETTINGS), ...(Object.keys(gate).length === 0 ? {} : { gate }) };
}

function given(options: RolloutOptions, settings: Readonly<Record<string, { flag: string }>>) {
  return Object.fromEntries(
    Object.entries(settings).flatMap(([field, setting]) => {
      const value = options[attributeOf(setting)];
      return value === undefined ? [] : [[field, value]];
    }),
  );
}

/** `max-unavailable` -> `maxUnavailable`. */
function attributeOf(setting: { flag: string }): string {
  return keyOf(setting).replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** Without them all hosts are one wave; after them comes who is left. */
export function wavesOf({ canary, wave = [], each }: RolloutOptions): WaveBody[] {
  const waves: WaveBody[] = [
    ...(canary === undefined ? [] : [{ name: 'canary', size: parseShare(canary) }]),
    ...wave.map((text): WaveBody => (text === 'rest' ? { rest: true } : { size: parseShare(text) })),
    ...(each === undefined ? [] : [{ each }]),
  ];
  const hasRest = waves.some((one) => 'rest' in one || ('size' in one && one.size === '100%'));
  return waves.length === 0 || hasRest ? waves : [...waves, { rest: true }];
}

/** Each probed by each host for itself. */
export function probesOf({
  probeHttp = [],
  probeTcp = [],
  probeShell = [],
}: RolloutOptions): RolloutProbeBody[] {
  return [
    ...probeHttp.map((url) => ({ name: url, http: { url } })),
    ...probeTcp.map((text) => ({ name: text, tcp: address(text) })),
    ...probeShell.map((line) => ({ name: line, shell: { line } })),
  ].map((probe) => ({ ...probe, name: probe.name.replace(/\s+/g, ' ').slice(0, 60) }));
}

function address(text: string): { host: string; port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]*)\]|([^:]*)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? '';
  if (host === '') throw wrongUse(`--probe-tcp "${text}" is not HOST:PORT`);
  return { host, port: Number(digits) };
}

/** What is carried through the hosts. */
export type ChangeFlag =
  | { plan: string }
  | { bundle: string }
  | { copy: { source: string; path: string } }
  | { upgrade: true };

export function changeOf(options: RolloutOptions): ChangeFlag | undefined {
  const { plan, bundle, copy, upgrade } = options;
  const all: (ChangeFlag | undefined)[] = [
    plan === undefined ? undefined : { plan },
    bundle === undefined ? undefined : { bundle },
    copy === undefined ? undefined : { copy: copied(copy) },
    upgrade ? { upgrade: true } : undefined,
  ];
  const [first, second] = all.filter((one) => one !== undefined);
  if (first && second)
    throw wrongUse(
      `--${Object.keys(first)} and --${Object.keys(second)} exclude each other: a rollout has one change`,
    );
  return first;
}

/** `nginx.conf:/etc/nginx/nginx.conf`; the path there begins with "/", so that the last ":/" parts them. */
function copied(text: string): { source: string; path: string } {
  const at = text.lastIndexOf(':/');
  if (at < 1) throw wrongUse(`--copy "${text}" is not FILE:/PATH/THERE`);
  return {
    source: text.slice(0, at),
    path: remotePath(text.slice(at + 1), 'the full path that it gets there, with its name'),
  };
}

/** Flags that say what a file says too. */
const OF_THE_FILE = [
  'plan',
  'bundle',
  'copy',
  'upgrade',
  'pre',
  'post',
  'undo',
  'canary',
  'wave',
  'each',
  'probeHttp',
  'probeTcp',
  'probeShell',
];

/** Throws a Failure (wrong use) where a flag would say again what the file says. */
export function refuseBeside(options: RolloutOptions): void {
  const [double] = OF_THE_FILE.filter((name) => options[name] !== undefined);
  if (double === undefined) return;
  const flag = double.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  throw wrongUse(
    `--${flag} and -f exclude each other`,
    'put it into the file; settings such as --max-failures win over it',
  );
}
