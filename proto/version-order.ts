/** Semantic Versioning's order (semver.org, 11): below 0 where `a` comes before `b`. Build numbers behind a plus do not count. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [partsOf(a), partsOf(b)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left.numbers[index] ?? 0) - (right.numbers[index] ?? 0);
    if (difference !== 0) return difference;
  }
  if (left.before === undefined || right.before === undefined)
    return Number(left.before === undefined) - Number(right.before === undefined);
  return comparePrereleases(left.before, right.before);
}

function partsOf(version: string): { numbers: number[]; before: string | undefined } {
  const [core = '', ...before] = version.replace(/\+.*$/, '').split('-');
  return { numbers: core.split('.').map(Number), before: before.length > 0 ? before.join('-') : undefined };
}

function comparePrereleases(a: string, b: string): number {
  const [left, right] = [a.split('.'), b.split('.')];
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const [one, other] = [left[index], right[index]];
    if (one === undefined || other === undefined) return left.length - right.length;
    if (one === other) continue;
    const isNumber = [one, other].map((part) => /^\d+$/.test(part));
    if (isNumber[0] && isNumber[1]) return Number(one) - Number(other);
    if (isNumber[0] !== isNumber[1]) return isNumber[0] ? -1 : 1;
    return one < other ? -1 : 1;
  }
  return 0;
}
