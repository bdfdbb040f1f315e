import { liveInThreads } from './pool.ts';
import type { Weakness } from './weakness.ts';

/** How a weakness was found, or that it was not. */
export interface Proof {
  readonly weakness: Weakness;
  /** The first seed, of those from 1 on, in which one of its promises is broken. */
  readonly seed: number | undefined;
  readonly tried: number;
  readonly violation: { readonly promise: number; readonly what: string } | undefined;
}

/** Each is looked for from seed 1 on, until it is found or has had all the seeds that it may need. */
export async function proveWeaknesses(
  weaknesses: readonly Weakness[],
  threads: number,
  proved: (proof: Proof) => void,
): Promise<Proof[]> {
  const proofs: Proof[] = [];
  for (const weakness of weaknesses) {
    const proof = await prove(weakness, threads);
    proofs.push(proof);
    proved(proof);
  }
  return proofs;
}

async function prove(weakness: Weakness, threads: number): Promise<Proof> {
  let next = 0;
  let tried = 0;
  let found: { seed: number; violation: { promise: number; what: string } } | undefined;
  await liveInThreads({
    threads,
    // Seeds below one that was found are still waited for, so that the first is always the same.
    next() {
      if (next >= weakness.within || found) return undefined;
      next += 1;
      return { seed: next, weakness: weakness.name };
    },
    done({ seed, violation }) {
      tried += 1;
      if (!violation || !weakness.promises.includes(violation.promise)) return;
      if (!found || seed < found.seed) found = { seed, violation };
    },
  });
  return { weakness, seed: found?.seed, tried: found?.seed ?? tried, violation: found?.violation };
}

export function rowOf({ weakness, seed, tried, violation }: Proof): string {
  const cells = violation
    ? [String(violation.promise), String(seed), violation.what.split('\n')[0]?.replaceAll('|', '/') ?? '']
    : [weakness.promises.join(', '), 'not found', `in ${tried} seeds`];
  return `| \`${weakness.name}\` | ${weakness.what} | ${cells.join(' | ')} |`;
}

const BEGIN = '<!-- made by npm run sim -- --weakened -->';
const END = '<!-- until here -->';

/** The page with this table in place of the one that it has. */
export function withTable(page: string, proofs: readonly Proof[]): string {
  const [before, rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error('the page has no place for the table');
  const head = [
    '| weakness | what is wrong | promise | found in seed | what was seen |',
    '| --- | --- | --- | --- | --- |',
  ];
  return `${before}${BEGIN}\n${[...head, ...proofs.map(rowOf)].join('\n')}\n${END}${after}`;
}
