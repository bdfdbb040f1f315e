import type { RunKey } from '../../agent/spool/journal.ts';
import type { KeptFiles } from '../../agent/spool/kept-files.ts';
import { decodeOutput, encodeOutput } from '../../agent/spool/output.ts';
import type { Dice } from './dice.ts';
import type { Life } from './life.ts';

/** What is on a machine's disk of long outputs, by run. */
export type KeptDisk = Map<string, { run: RunKey; stored: number; encoded: Uint8Array }>;

const keyOf = ({ jobId, attempt }: RunKey): string => `${jobId}-${attempt}`;

/** The kept outputs of an agent in memory. A file is there whole or not at all, as after a rename. */
export function simulatedKept(life: Life, files: KeptDisk, dice: Dice, isFull: () => boolean): KeptFiles {
  return {
    async keep(run, output) {
      life.pass('before an output is kept');
      if (isFull()) throw new Error('ENOSPC: no space left on device');
      const encoded = encodeOutput(output);
      await life.living(new Promise<void>((resolve) => life.after(dice.between(0.1, 5), resolve)));
      life.pass('while an output is kept');
      files.set(keyOf(run), { run, stored: output.stored, encoded });
      life.pass('after an output is kept');
    },
    open(run, stored) {
      life.pass('a kept output');
      const file = files.get(keyOf(run));
      if (!file || file.stored < stored) return undefined;
      return { stored, read: decodeOutput(stored, file.encoded).read, close() {} };
    },
    remove(run) {
      life.pass('removal of a kept output');
      files.delete(keyOf(run));
    },
    list: () => [...files.values()].map(({ run }) => run),
  };
}
