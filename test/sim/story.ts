/** What happened, in the order in which it did: what a history that goes wrong is told with. */
export interface Story {
  tell(who: string, what: string): void;
  readonly lines: readonly string[];
}

/** `nowMs`: virtual time since the beginning. */
export function createStory(nowMs: () => number): Story {
  const lines: string[] = [];
  return {
    lines,
    tell(who, what) {
      lines.push(`${stamp(nowMs())}  ${who.padEnd(10)}  ${what}`);
    },
  };
}

/** `+01:02:03.456`, or with more hours. */
export function stamp(ms: number): string {
  const whole = Math.floor(ms);
  const two = (n: number): string => String(n).padStart(2, '0');
  const [h, m, s] = [
    Math.floor(whole / 3_600_000),
    Math.floor(whole / 60_000) % 60,
    Math.floor(whole / 1000) % 60,
  ];
  return `+${two(h)}:${two(m)}:${two(s)}.${String(whole % 1000).padStart(3, '0')}`;
}

/** A history as it is printed: its lines, how it ended, and how to see it again. */
export function told(history: {
  readonly seed: number;
  readonly lines: readonly string[];
  readonly virtualMs: number;
  readonly violation: { readonly promise: number; readonly what: string } | undefined;
  /** The defence that was taken away, if one was. */
  readonly weakness?: string | undefined;
}): string {
  const { seed, lines, virtualMs, violation, weakness } = history;
  const how = `--seed ${seed}${weakness === undefined ? '' : ` --weaken ${weakness}`}`;
  const end = violation ? `promise ${violation.promise} is broken: ${violation.what}` : 'every promise held';
  return [...lines, `${stamp(virtualMs)}  ${end}`, '', `replay it with: npm run sim -- ${how}`].join('\n');
}
