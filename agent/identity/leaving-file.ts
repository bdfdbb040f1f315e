import { rmSync } from 'node:fs';
import { writeWhole } from './atomic-file.ts';
import { readText } from './home.ts';

/** That this agent is to remove itself from its host: kept from before that is reported until it is done. */
export interface LeavingMark {
  /** The job that ordered it. */
  readonly jobId: string;
  readonly keepPolicy: boolean;
  /** The controller has the report: from here on nothing but the removal is left to do. */
  readonly released: boolean;
}

export interface LeavingFile {
  /** Undefined where there is none, or none that was written whole. */
  read(): LeavingMark | undefined;
  /** Durable when it returns. Throws MusterError('journal-failed'). */
  write(mark: LeavingMark): void;
  remove(): void;
}

export function leavingFile(path: string): LeavingFile {
  return {
    read: () => parse(readText(path)),
    write: (mark) => writeWhole(path, `${JSON.stringify(mark)}\n`),
    remove: () => rmSync(path, { force: true }),
  };
}

function parse(text: string | undefined): LeavingMark | undefined {
  let value: Partial<Record<keyof LeavingMark, unknown>> | null;
  try {
    value = JSON.parse(text ?? 'null');
  } catch {
    return undefined;
  }
  const { jobId, keepPolicy, released } = value ?? {};
  if (typeof jobId !== 'string' || typeof keepPolicy !== 'boolean' || typeof released !== 'boolean')
    return undefined;
  return { jobId, keepPolicy, released };
}
