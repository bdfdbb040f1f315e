import type { Paint } from './paint.ts';
import { sanitiseLine } from './sanitise.ts';

/**
 * Rows under a head, columns as wide as they need to be, two spaces between them. Cells are cleaned here, so that no
 * caller can forget it. Width is counted in characters: names and labels are ASCII by rule.
 */
export function renderTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  paint: Paint,
): string {
  const cells = [head, ...rows].map((row) => row.map(sanitiseLine));
  const widths = head.map((_, column) => longest(cells.map((row) => row[column] ?? '')));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - [...cell].length))
      .join('  ')
      .trimEnd(),
  );
  const [title = '', ...others] = lines;
  return [paint('bold', title), ...others].map((line) => `${line}\n`).join('');
}

/** One thing's properties, `key  value` a line. */
export function renderProperties(properties: readonly (readonly [string, string])[], paint: Paint): string {
  const rows = properties.map(([key, value]) => [sanitiseLine(key), sanitiseLine(value)] as const);
  const width = longest(rows.map(([key]) => key));
  return rows
    .map(
      ([key, value]) => `${`${paint('bold', key)}${' '.repeat(width - key.length)}  ${value}`.trimEnd()}\n`,
    )
    .join('');
}

/** In characters. A fleet may be larger than what one call takes as arguments. */
export function longest(texts: readonly string[]): number {
  return texts.reduce((most, text) => Math.max(most, [...text].length), 0);
}
