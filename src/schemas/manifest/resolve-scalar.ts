/**
 * Resolves unquoted YAML scalars by the rules of the YAML library that Kubernetes reads manifests
 * with: YAML 1.1 booleans (`yes`, `on`, `y`), octal `0644`, `0b` and `0x`, `1e3` as a number, but
 * no base-60 numbers (`22:80` is text) and no dates. See
 * docs/adr/0005-yaml-as-kubernetes-reads-it.md. Nothing is thrown: a value that JSON cannot hold
 * becomes an `error`.
 */

export type Resolved =
  | { readonly value: null | boolean | number | string; readonly error?: undefined }
  | { readonly error: string };

const CONSTANTS: ReadonlyMap<string, null | boolean | number> = new Map<string, null | boolean | number>([
  ...['', '~', 'null', 'Null', 'NULL'].map((text) => [text, null] as const),
  ...['y', 'Y', 'yes', 'Yes', 'YES', 'true', 'True', 'TRUE', 'on', 'On', 'ON'].map((t) => [t, true] as const),
  ...['n', 'N', 'no', 'No', 'NO', 'false', 'False', 'FALSE', 'off', 'Off', 'OFF'].map(
    (t) => [t, false] as const,
  ),
  ...['.nan', '.NaN', '.NAN'].map((text) => [text, Number.NaN] as const),
  ...['.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'].map((t) => [t, Number.POSITIVE_INFINITY] as const),
  ...['-.inf', '-.Inf', '-.INF'].map((text) => [text, Number.NEGATIVE_INFINITY] as const),
]);

const FLOAT = /^[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$/;
const INTEGER = /^([-+]?)(?:0[bB]([01]+)|0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))$/;
/** Longer texts are not numbers that anyone writes. */
const MAX_NUMBER_CHARACTERS = 400;

export function resolvePlainScalar(text: string): Resolved {
  const constant = CONSTANTS.get(text);
  if (constant !== undefined) return finite(constant, text);
  if (text.length > MAX_NUMBER_CHARACTERS || !/^[-+.0-9]/.test(text)) return { value: text };
  // A leading dot is only ever a float, and digits are not grouped there.
  const plain = text.startsWith('.') ? text : text.replaceAll('_', '');
  const integer = text.startsWith('.') ? undefined : parseInteger(plain);
  if (integer !== undefined) return integer;
  return FLOAT.test(plain) ? finite(Number(plain), text) : { value: text };
}

const MAX_UINT64 = 2n ** 64n;
const MIN_INT64 = -(2n ** 63n);

function parseInteger(plain: string): Resolved | undefined {
  const match = INTEGER.exec(plain);
  if (!match) return undefined;
  const [, sign, binary, hexadecimal, octal, decimal] = match;
  const digits = binary
    ? `0b${binary}`
    : hexadecimal
      ? `0x${hexadecimal}`
      : octal
        ? `0o${octal}`
        : (decimal ?? '0');
  const magnitude = BigInt(digits);
  const exact = sign === '-' ? -magnitude : magnitude;
  // Beyond 64 bits it is a float, as every decimal is that an integer type cannot take.
  if (exact >= MAX_UINT64 || exact < MIN_INT64) return undefined;
  const value = Number(exact);
  if (BigInt(value) !== exact)
    return {
      error: `the number ${plain} is too large to be kept exactly; put it in quotes if it is text or a quantity`,
    };
  return { value: value === 0 ? 0 : value };
}

function finite(value: null | boolean | number, text: string): Resolved {
  if (typeof value !== 'number') return { value };
  if (Number.isFinite(value)) return { value: value === 0 ? 0 : value };
  return { error: `the number ${text} is out of range; put it in quotes if it is text` };
}

/** A mapping's key as JSON writes it; undefined for a key that Kubernetes does not take. */
export function keyText(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined;
}
