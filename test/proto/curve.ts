/**
 * Curve25519 in big integers, slow and plain, from the equations of RFC 7748 and RFC 8032: what the tests derive lists of
 * small-order points with, apart from every implementation that Muster uses.
 */
export const P = 2n ** 255n - 19n;
/** The order of the base point. */
export const L = 2n ** 252n + 27742317777372353535851937790883648493n;

const mod = (value: bigint): bigint => ((value % P) + P) % P;

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n;
  let square = mod(base);
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = mod(result * square);
    square = mod(square * square);
  }
  return result;
}

const inverse = (value: bigint): bigint => power(value, P - 2n);
const D = mod(-121665n * inverse(121666n));
const SQRT_MINUS_1 = power(2n, (P - 1n) / 4n);

export interface Point {
  readonly x: bigint;
  readonly y: bigint;
}

/** The point with this y and an even x; undefined where the curve has none (RFC 8032, section 5.1.3). */
export function pointOf(y: bigint): Point | undefined {
  const square = mod((y * y - 1n) * inverse(D * y * y + 1n));
  let x = power(square, (P + 3n) / 8n);
  if (mod(x * x) !== square) x = mod(x * SQRT_MINUS_1);
  if (mod(x * x) !== square) return undefined;
  return { x: x % 2n === 0n ? x : mod(-x), y: mod(y) };
}

const IDENTITY: Point = { x: 0n, y: 1n };

export function add(a: Point, b: Point): Point {
  const k = mod(D * a.x * b.x * a.y * b.y);
  return {
    x: mod((a.x * b.y + a.y * b.x) * inverse(1n + k)),
    y: mod((a.y * b.y + a.x * b.x) * inverse(1n - k)),
  };
}

export function multiply(scalar: bigint, point: Point): Point {
  let result = IDENTITY;
  let square = point;
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = add(result, square);
    square = add(square, square);
  }
  return result;
}

export const isIdentity = (point: Point): boolean => point.x === 0n && point.y === 1n;

/** All points whose order divides 8, found by multiplying points of the curve with L. */
export function torsionPoints(): Point[] {
  for (let y = 2n; ; y += 1n) {
    const point = pointOf(y);
    if (!point) continue;
    const generator = multiply(L, point);
    if (isIdentity(multiply(4n, generator))) continue;
    return Array.from({ length: 8 }, (_, i) => multiply(BigInt(i), generator));
  }
}

/** `scalar` times a point of Curve25519 or its twist, by u alone: Montgomery's ladder. Undefined is infinity. */
export function ladder(scalar: bigint, u: bigint): bigint | undefined {
  let [x2, z2, x3, z3] = [1n, 0n, u, 1n];
  for (let bit = BigInt(scalar.toString(2).length - 1); bit >= 0n; bit -= 1n) {
    const swap = ((scalar >> bit) & 1n) === 1n;
    if (swap) [x2, z2, x3, z3] = [x3, z3, x2, z2];
    const [sum, difference] = [(x2 + z2) ** 2n, (x2 - z2) ** 2n];
    const [da, cb] = [(x3 - z3) * (x2 + z2), (x3 + z3) * (x2 - z2)];
    const e = mod(sum - difference);
    [x2, z2] = [mod(sum * difference), mod(e * (sum + 121665n * e))];
    [x3, z3] = [mod((da + cb) ** 2n), mod(u * (da - cb) ** 2n)];
    if (swap) [x2, z2, x3, z3] = [x3, z3, x2, z2];
  }
  return z2 === 0n ? undefined : mod(x2 * inverse(z2));
}

/** Whether u is on the curve itself; otherwise it is on the twist. */
export function isOnCurve(u: bigint): boolean {
  return power(u * (u * u + 486662n * u + 1n), (P - 1n) / 2n) !== P - 1n;
}

/** The prime order of the twist's large subgroup. */
export const TWIST_L = (2n * P + 2n - 8n * L) / 4n;

export function littleEndian(value: bigint): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(64, '0'), 'hex').reverse());
}

export function fromLittleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).reverse().toString('hex')}`);
}
