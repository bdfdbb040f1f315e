/**
 * Every value at a dotted path (`os.id`) of an agent's facts; an array on the way stands for each of its elements
 * (`addresses.address`). Own properties only, so that `constructor` or `__proto__` finds nothing.
 * A host says its facts itself: whoever decides by them trusts the host that far.
 */
export function factAt(facts: unknown, path: string | readonly string[]): unknown[] {
  let found = [facts];
  for (const name of typeof path === 'string' ? path.split('.') : path) {
    const next: unknown[] = [];
    for (const value of found.flat()) {
      if (typeof value === 'object' && value !== null && Object.hasOwn(value, name))
        next.push((value as Record<string, unknown>)[name]);
    }
    found = next;
  }
  return found.flat().filter((value) => value !== undefined && value !== null);
}
