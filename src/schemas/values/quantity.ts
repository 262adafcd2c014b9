/**
 * `resource.Quantity`: a fixed-point number with a suffix, exact (BigInt).
 *
 * A value is `units * 10^-9`, because Kubernetes rounds anything finer than nano away from zero.
 * The canonical form is upstream's: no fraction, the largest suffix that keeps the number whole,
 * the family of the suffix kept (binary, decimal or exponent). Numbers above 2^63-1 are capped, as
 * upstream caps them.
 */
export type QuantityFormat = 'BinarySI' | 'DecimalSI' | 'DecimalExponent';

export interface Quantity {
  /** Billionths of one. */
  readonly nanos: bigint;
  readonly format: QuantityFormat;
}

export type QuantityError = 'format' | 'suffix';

const NANO = 1_000_000_000n;
const MILLI = 1_000_000n;
const MAX = 9_223_372_036_854_775_807n;

const BINARY_POWERS: ReadonlyMap<string, bigint> = new Map(
  Object.entries({ Ki: 10n, Mi: 20n, Gi: 30n, Ti: 40n, Pi: 50n, Ei: 60n }),
);
const DECIMAL_POWERS: ReadonlyMap<string, number> = new Map(
  Object.entries({ n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }),
);
const DECIMAL_SUFFIXES: ReadonlyMap<number, string> = new Map(
  [...DECIMAL_POWERS].map(([suffix, power]) => [power, suffix]),
);

/** The longest text that is parsed: enough digits for any capped value, and cheap. */
const MAX_TEXT = 256;
/** Exponents beyond these give the cap or the smallest step anyway. */
const MAX_EXPONENT = 400;

export const QUANTITY_MESSAGES: Readonly<Record<QuantityError, string>> = {
  format: "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  suffix: "unable to parse quantity's suffix",
};

const SHAPE = /^([+-]?)(\d*)(?:\.(\d*))?([a-zA-Z]*[-+]?\d*)$/;
const ALLOWED = /^[+-]?[0-9.]+[eEinumkKMGTP]*[-+]?[0-9]*$/;

const scaleUp = (power: number): bigint => 10n ** BigInt(power);

/** Division that rounds away from zero, as upstream rounds what is finer than its scale. */
function divideAwayFromZero(value: bigint, divisor: bigint): bigint {
  const quotient = value / divisor;
  if (value % divisor === 0n) return quotient;
  return value < 0n ? quotient - 1n : quotient + 1n;
}

const clamp = (nanos: bigint): bigint => {
  const limit = MAX * NANO;
  if (nanos > limit) return limit;
  return nanos < -limit ? -limit : nanos;
};

/** The quantity that a text or a JSON number means, or what is wrong with it. */
export function readQuantity(input: unknown): Quantity | QuantityError {
  const text = typeof input === 'number' ? numberText(input) : input;
  if (typeof text !== 'string' || text.length > MAX_TEXT) return 'format';
  const match = SHAPE.exec(text);
  if (!match || !ALLOWED.test(text)) return 'format';
  const [, sign = '', whole = '', fraction = '', suffix = ''] = match;
  if (whole === '' && fraction === '') return 'format';
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const binary = BINARY_POWERS.get(suffix);
  if (binary !== undefined) {
    const nanos = divideAwayFromZero(digits * 2n ** binary * NANO, scaleUp(fraction.length));
    return { nanos: clamp(nanos), format: 'BinarySI' };
  }
  const decimal = DECIMAL_POWERS.get(suffix);
  const exponent = decimal ?? exponentOf(suffix);
  if (exponent === undefined) return 'suffix';
  const power = Math.max(-MAX_EXPONENT, Math.min(MAX_EXPONENT, exponent)) + 9 - fraction.length;
  const nanos = power >= 0 ? digits * scaleUp(power) : divideAwayFromZero(digits, scaleUp(-power));
  return { nanos: clamp(nanos), format: decimal === undefined ? 'DecimalExponent' : 'DecimalSI' };
}

function exponentOf(suffix: string): number | undefined {
  const match = /^[eE]([-+]?\d+)$/.exec(suffix);
  return match ? Number(match[1]) : undefined;
}

/** JavaScript's exponents have a plus sign, which parses all the same. */
const numberText = (value: number): string => (Number.isFinite(value) ? String(value) : '');

/** The quantity, or undefined for what is none. */
export function parseQuantity(input: unknown): Quantity | undefined {
  const read = readQuantity(input);
  return typeof read === 'string' ? undefined : read;
}

/** Canonical text. */
export function formatQuantity(quantity: Quantity): string {
  const { nanos, format } = quantity;
  if (nanos === 0n) return '0';
  if (format === 'BinarySI' && nanos % NANO === 0n && (nanos >= 1024n * NANO || nanos <= -1024n * NANO))
    return formatBinary(nanos / NANO);
  return formatDecimal(nanos, format === 'DecimalExponent');
}

function formatBinary(value: bigint): string {
  let number = value;
  let suffix = '';
  for (const [name, power] of BINARY_POWERS) {
    if (value % 2n ** power !== 0n) break;
    number = value / 2n ** power;
    suffix = name;
  }
  return `${number}${suffix}`;
}

function formatDecimal(nanos: bigint, exponential: boolean): string {
  let number = nanos;
  let power = -9;
  while (power < 18 && number % 1000n === 0n) {
    number /= 1000n;
    power += 3;
  }
  if (exponential) return power === 0 ? `${number}` : `${number}e${power}`;
  return `${number}${DECIMAL_SUFFIXES.get(power) ?? ''}`;
}

/** Canonical text of what can be read; anything else comes back as it is. */
export function canonicalQuantity(input: unknown): unknown {
  const quantity = parseQuantity(input);
  return quantity ? formatQuantity(quantity) : input;
}

/** As {@link canonicalQuantity}, rounded to whole thousandths, away from zero. */
export function milliQuantity(input: unknown): unknown {
  const quantity = parseQuantity(input ?? '0');
  if (!quantity) return input;
  return formatQuantity({ ...quantity, nanos: divideAwayFromZero(quantity.nanos, MILLI) * MILLI });
}

export function compareQuantities(a: Quantity, b: Quantity): -1 | 0 | 1 {
  if (a.nanos === b.nanos) return 0;
  return a.nanos < b.nanos ? -1 : 1;
}

export function addQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: clamp(a.nanos + b.nanos), format: a.nanos === 0n ? b.format : a.format };
}

export function subtractQuantities(a: Quantity, b: Quantity): Quantity {
  return { nanos: clamp(a.nanos - b.nanos), format: a.nanos === 0n ? b.format : a.format };
}

export const isWhole = (quantity: Quantity): boolean => quantity.nanos % NANO === 0n;

/** Thousandths, rounded up (cpu: `1500m` is 1500); 0 for what cannot be read. Safe up to 2^53. */
export function toMilli(input: unknown): number {
  const quantity = parseQuantity(input);
  return quantity ? Number(divideUp(quantity.nanos, MILLI)) : 0;
}

/** Whole units, rounded up (memory: bytes); 0 for what cannot be read. Safe up to 2^53. */
export function toBytes(input: unknown): number {
  const quantity = parseQuantity(input);
  return quantity ? Number(divideUp(quantity.nanos, NANO)) : 0;
}

const divideUp = (value: bigint, divisor: bigint): bigint =>
  value > 0n ? divideAwayFromZero(value, divisor) : value / divisor;
