import { quoted } from '../../targeting/problem.ts';

const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

interface Range {
  readonly from: number;
  readonly to: number;
  readonly step: number;
  readonly text: (value: number) => string;
}

/**
 * The names that an Ansible pattern stands for: `web[01:30]`, `db-[a:f]`, `n[0:10:2]`, several in one name. A leading zero keeps the width.
 * At most `most` names; what would be more is refused before any is made.
 */
export function expandRanges(pattern: string, most: number): { names: string[] } | { problem: string } {
  const parts = pattern.split(/\[([^[\]]*)\]/);
  if (/[[\]]/.test(parts.filter((_, index) => index % 2 === 0).join('')))
    return { problem: `${quoted(pattern)} has a bracket without its other` };
  let names = [''];
  for (const [index, part] of parts.entries()) {
    if (index % 2 === 0) {
      names = names.map((name) => name + part);
      continue;
    }
    const range = readRange(part);
    if (typeof range === 'string')
      return { problem: `${quoted(`[${part}]`)} in ${quoted(pattern)}: ${range}` };
    const count = Math.floor((range.to - range.from) / range.step) + 1;
    if (count * names.length > most)
      return { problem: `${quoted(pattern)} stands for more than ${most} hosts` };
    names = names.flatMap((name) =>
      Array.from({ length: count }, (_, n) => name + range.text(range.from + n * range.step)),
    );
  }
  return { names };
}

function readRange(text: string): Range | string {
  const bounds = text.split(':');
  const [from = '', to = '', by = '1'] = bounds;
  if (bounds.length < 2 || bounds.length > 3) return 'expected a range such as 01:30, a:f or 0:10:2';
  const step = /^\d{1,9}$/.test(by) ? Number(by) : 0;
  if (step === 0) return `expected a step from 1 on, found ${quoted(by)}`;
  if (/^[A-Za-z]$/.test(from) && /^[A-Za-z]$/.test(to)) {
    const range = {
      from: LETTERS.indexOf(from),
      to: LETTERS.indexOf(to),
      step,
      text: (n: number) => LETTERS.charAt(n),
    };
    return range.from > range.to ? 'it ends before it begins' : range;
  }
  if (!/^\d{0,15}$/.test(from) || !/^\d{1,15}$/.test(to)) return 'expected two numbers or two letters';
  const width = /^0\d/.test(from) ? from.length : 0;
  if (width > 0 && to.length !== width)
    return 'with a leading zero, both ends have the same number of digits';
  if (Number(from) > Number(to)) return 'it ends before it begins';
  return { from: Number(from), to: Number(to), step, text: (n) => String(n).padStart(width, '0') };
}
