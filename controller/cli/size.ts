import { wrongUse } from './failure.ts';

/** As dd and rsync have it: K, M, G and KiB, MiB, GiB are powers of 1024; KB, MB, GB are powers of 1000. */
const UNITS_BYTES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1024,
  kib: 1024,
  kb: 1000,
  m: 1024 ** 2,
  mib: 1024 ** 2,
  mb: 1000 ** 2,
  g: 1024 ** 3,
  gib: 1024 ** 3,
  gb: 1000 ** 3,
};

/** `4096`, `512K`, `10MiB`, `1G`, `1.5MB` as whole bytes. Throws a Failure (wrong use) that says what is wrong. */
export function parseSize(text: string, bounds: { minBytes?: number; maxBytes?: number } = {}): number {
  const match = /^(\d+(?:\.\d+)?)\s?([a-z]*)$/i.exec(text);
  const unit = UNITS_BYTES[match?.[2]?.toLowerCase() ?? '?'];
  if (!match || unit === undefined)
    throw wrongUse(`"${text}" is not a size; write it like 4096, 512K, 10MiB or 1G`);
  const bytes = Math.round(Number(match[1]) * unit);
  const { minBytes = 1, maxBytes = Number.MAX_SAFE_INTEGER } = bounds;
  if (bytes < minBytes) throw wrongUse(`"${text}" is too small; the least is ${formatSize(minBytes)}`);
  if (bytes > maxBytes) throw wrongUse(`"${text}" is too large; the most is ${formatSize(maxBytes)}`);
  return bytes;
}

/** For people: `812 B`, `1.5 KiB`, `10 MiB`. */
export function formatSize(bytes: number): string {
  if (bytes < 1024) return `${bytes} B`;
  let value = bytes;
  let unit = 'B';
  for (const larger of ['KiB', 'MiB', 'GiB', 'TiB']) {
    if (value < 1023.95) break;
    value /= 1024;
    unit = larger;
  }
  return `${value < 9.95 ? value.toFixed(1).replace(/\.0$/, '') : Math.round(value)} ${unit}`;
}
