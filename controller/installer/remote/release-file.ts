import type { Arch, Build, Form } from '../build.ts';

/** What a slot says of itself, in its release.json; written last, so that a slot without one is no whole one. */
export interface SlotRelease {
  readonly version: string;
  readonly form: Form;
  readonly arch: Arch | undefined;
  readonly sha512: string;
  readonly length: number;
}

export function releaseText({ version, form, arch, sha512, length }: Build): string {
  return `${JSON.stringify({ version, form, ...(arch === undefined ? {} : { arch }), sha512, length })}\n`;
}

/** Undefined for anything else than what releaseText writes. */
export function readRelease(text: string): SlotRelease | undefined {
  let fields: Record<string, unknown>;
  try {
    fields = Object(JSON.parse(text));
  } catch {
    return undefined;
  }
  const { version, form, arch, sha512, length } = fields;
  if (typeof version !== 'string' || !/^\d{1,6}\.\d{1,6}\.\d{1,6}[\w.+-]{0,64}$/.test(version))
    return undefined;
  if (form !== 'bundle' && form !== 'executable') return undefined;
  if (arch !== undefined && arch !== '' && arch !== 'x64' && arch !== 'arm64') return undefined;
  if (typeof sha512 !== 'string' || !/^[0-9a-f]{128}$/.test(sha512)) return undefined;
  if (typeof length !== 'number' || !Number.isSafeInteger(length) || length <= 0) return undefined;
  return { version, form, arch: arch === '' ? undefined : arch, sha512, length };
}

/** The file of a slot that is run. */
export const fileOf = (form: Form): string => (form === 'bundle' ? 'agent.cjs' : 'agent');
