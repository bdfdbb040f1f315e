import type { Dice } from './dice.ts';

/** What one task's program does when it runs. Its token is the first word after its name. */
export interface Program {
  readonly token: string;
  readonly steps: readonly Step[];
  readonly exitCode: number;
  /** Goes on after its steps until somebody ends it. */
  readonly hangs: boolean;
  readonly ignoresTerm: boolean;
  /** A process that it starts first, and leaves behind. */
  readonly child: Child | undefined;
}

export type Step =
  | { readonly does: 'write'; readonly stream: 'stdout' | 'stderr'; readonly bytes: number }
  | { readonly does: 'wait'; readonly ms: number };

export interface Child {
  readonly lastsMs: number;
  /** Leaves session and parent, as a daemon does. */
  readonly daemon: boolean;
  readonly holdsStdout: boolean;
  readonly ignoresTerm: boolean;
}

export function throwProgram(dice: Dice, token: string): Program {
  const temper = dice.fraction();
  const steps: Step[] = [];
  const pieces = 1 + dice.below(temper < 0.1 ? 40 : 4);
  for (let piece = 0; piece < pieces; piece++) {
    if (dice.chance(0.7)) {
      const large = temper < 0.1 && dice.chance(0.5);
      const bytes = 1 + dice.below(large ? 60_000 : 300);
      steps.push({ does: 'write', stream: dice.chance(0.8) ? 'stdout' : 'stderr', bytes });
    }
    const slow = temper > 0.6;
    steps.push({ does: 'wait', ms: dice.between(0.5, slow ? 20_000 : 200) });
  }
  return {
    token,
    steps,
    exitCode: dice.chance(0.85) ? 0 : 1 + dice.below(100),
    hangs: dice.chance(0.08),
    ignoresTerm: dice.chance(0.15),
    child: dice.chance(0.1)
      ? {
          lastsMs: dice.between(100, 120_000),
          daemon: dice.chance(0.5),
          holdsStdout: dice.chance(0.5),
          ignoresTerm: dice.chance(0.3),
        }
      : undefined,
  };
}

/** The bytes that a program writes at this place of its output: nobody can make them up. */
export function outputBytes(token: string, from: number, length: number): Uint8Array {
  const text = `${token}:${from}\n`;
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at += text.length) bytes.write(text.slice(0, length - at), at, 'latin1');
  return bytes;
}
