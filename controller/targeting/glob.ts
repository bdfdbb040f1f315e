/** A glob over agent names: `*` any run, `?` any one character, `[a-c]` one of, `[!a-c]` none of. */
export type GlobPart =
  | { readonly kind: 'run' }
  | { readonly kind: 'one' }
  | { readonly kind: 'literal'; readonly char: string }
  | { readonly kind: 'class'; readonly negated: boolean; readonly chars: ReadonlySet<string> };

export type Glob = readonly GlobPart[];

/**
 * Whether the whole of `text` matches. Two positions and the place of the last `*`: when a later part does not fit,
 * only that star takes one character more, since an earlier one could gain nothing by it. So the cost is at most
 * parts × characters, for every pattern (Russ Cox, "Glob Matching Can Be Simple And Fast Too", 2017).
 */
export function globMatches(glob: Glob, text: string): boolean {
  let part = 0;
  let at = 0;
  let partAfterStar = -1;
  let starTook = 0;
  while (at < text.length) {
    const current = glob[part];
    if (current?.kind === 'run') {
      partAfterStar = ++part;
      starTook = at;
    } else if (current && fits(current, text.charAt(at))) {
      part++;
      at++;
    } else if (partAfterStar >= 0) {
      part = partAfterStar;
      at = ++starTook;
    } else {
      return false;
    }
  }
  while (glob[part]?.kind === 'run') part++;
  return part === glob.length;
}

function fits(part: Exclude<GlobPart, { kind: 'run' }>, char: string): boolean {
  switch (part.kind) {
    case 'one':
      return true;
    case 'literal':
      return part.char === char;
    case 'class':
      return part.chars.has(char) !== part.negated;
  }
}
