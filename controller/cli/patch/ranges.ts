const collator = new Intl.Collator('en', { numeric: true });

/** web-2 before web-10. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : a > b ? 1 : 0);
}

interface Numbered {
  readonly before: string;
  readonly digits: string;
  readonly after: string;
}

/**
 * Names with their runs folded, as -t takes them: `db-1`, `web-[01:12]`, `rack7-[3:5].example.net`. Two names in a row stay two: a range is
 * for what does not fit otherwise.
 */
export function foldNames(names: readonly string[]): string[] {
  const sorted = [...names].sort(compareNames);
  const folded: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    const run = runFrom(sorted, at);
    if (run.length > 2) folded.push(rangeOf(run));
    else folded.push(...run);
    at += run.length;
  }
  return folded;
}

function runFrom(sorted: readonly string[], at: number): string[] {
  const run = [sorted[at] ?? ''];
  const first = numbered(run[0] ?? '');
  if (!first) return run;
  // A leading zero means that all of them have so many digits.
  const width = /^0\d/.test(first.digits) ? first.digits.length : 0;
  for (let number = Number(first.digits) + 1; ; number += 1) {
    const digits = String(number).padStart(width, '0');
    if (width > 0 && digits.length > width) return run;
    const next = `${first.before}${digits}${first.after}`;
    if (sorted[at + run.length] !== next) return run;
    run.push(next);
  }
}

/** By its last number. One with more digits than this is none that somebody counts with. */
function numbered(name: string): Numbered | undefined {
  const found = /^(.*?)(\d{1,9})(\D*)$/.exec(name);
  return found ? { before: found[1] ?? '', digits: found[2] ?? '', after: found[3] ?? '' } : undefined;
}

function rangeOf(run: readonly string[]): string {
  const first = numbered(run[0] ?? '');
  const last = numbered(run.at(-1) ?? '');
  return first && last ? `${first.before}[${first.digits}:${last.digits}]${first.after}` : run.join(',');
}
