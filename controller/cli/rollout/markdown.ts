import { sanitiseLine } from '../output/sanitise.ts';

/** Text of a host or an operator in a line of Markdown: it shows as it is, and means nothing. */
export function inline(text: string): string {
  return sanitiseLine(text).replace(/[\\`*_[\]<>#|~&]/g, '\\$&');
}

export function heading(level: number, text: string): string {
  return `${'#'.repeat(level)} ${inline(text)}\n\n`;
}

/** Of cells that are not escaped yet. Empty where there are no rows. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  if (rows.length === 0) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return `${line(head)}${line(head.map(() => '---'))}${rows.map((row) => line(row.map(inline))).join('')}\n`;
}

export function list(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.map((text) => `- ${inline(text)}\n`).join('')}\n`;
}
