/** Samples in, figures out. Durations are milliseconds unless a name says otherwise. */

/** The value that `share` (0..1) of the samples do not exceed; NaN without samples. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

export const median = (samples: readonly number[]): number => percentile(samples, 0.5);

/** What sample i of `ours` took over sample i of each of `bare`: drift of the machine cancels where they were taken side by side. */
export function over(ours: readonly number[], ...bare: readonly (readonly number[])[]): number[] {
  return ours.map((sample, index) => bare.reduce((left, other) => left - (other[index] ?? 0), sample));
}

/** `12.34`, `1.234`, `123.4`: four digits are more than such a machine repeats. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  return value.toFixed(size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3);
}

/** Columns as wide as their widest cell; the first to the left, the others to the right. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map((row) => (row[column] ?? '').length)));
  const line = (row: readonly string[]): string =>
    widths
      .map((width, column) =>
        column === 0 ? (row[column] ?? '').padEnd(width) : (row[column] ?? '').padStart(width),
      )
      .join('  ')
      .trimEnd();
  return all.map(line).join('\n');
}

/** Rows of `p50`, `p99` and the median against that of `against`. */
export function durations(
  series: readonly { name: string; samples: readonly number[]; against?: readonly number[] }[],
): string {
  return table(
    ['milliseconds', 'p50', 'p99', 'ratio'],
    series.map(({ name, samples, against }) => [
      name,
      short(median(samples)),
      short(percentile(samples, 0.99)),
      against ? `${short(median(samples) / median(against))}×` : '',
    ]),
  );
}
