/** Kubernetes' libraries for quantities and for formats of names. */
import {
  addQuantities,
  compareQuantities,
  isWhole,
  parseQuantity,
  type Quantity,
  QUANTITY_MESSAGES,
  readQuantity,
  subtractQuantities,
} from '../../values/quantity.ts';
import { hasFormat } from '../../values/formats.ts';
import {
  dns1035Label,
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  qualifiedName,
} from '../../validation/names.ts';
import { EvaluationError } from '../errors.ts';
import { type Overload, overload, spendText } from '../overload.ts';
import { listValue, NONE, type OpaqueValue, some } from '../values.ts';
import { MAX_INT, MIN_INT } from './operators.ts';

const NANOS = 1_000_000_000n;

const quantityValue = (quantity: Quantity): OpaqueValue => ({
  kind: 'opaque',
  name: 'kubernetes.Quantity',
  text: String(quantity.nanos),
  data: quantity,
});

const of = (value: OpaqueValue): Quantity => value.data as Quantity;
const fromInt = (value: bigint): Quantity => ({ nanos: value * NANOS, format: 'DecimalSI' });

function wholeOf(quantity: Quantity): bigint {
  const value = quantity.nanos / NANOS;
  if (!isWhole(quantity) || value > MAX_INT || value < MIN_INT)
    throw new EvaluationError('cannot convert value to integer');
  return value;
}

type One = readonly [OpaqueValue];
type Two = readonly [OpaqueValue, OpaqueValue];

const quantities: readonly Overload[] = [
  overload<readonly [string]>('isQuantity(string): bool', ([text]) => parseQuantity(text) !== undefined),
  overload<readonly [string]>('quantity(string): kubernetes.Quantity', ([text]) => {
    const read = readQuantity(text);
    if (typeof read === 'string') throw new EvaluationError(QUANTITY_MESSAGES[read]);
    return quantityValue(read);
  }),
  overload<One>('kubernetes.Quantity.sign(): int', ([a]) => BigInt(compareQuantities(of(a), fromInt(0n)))),
  overload<Two>(
    'kubernetes.Quantity.isGreaterThan(kubernetes.Quantity): bool',
    ([a, b]) => compareQuantities(of(a), of(b)) > 0,
  ),
  overload<Two>(
    'kubernetes.Quantity.isLessThan(kubernetes.Quantity): bool',
    ([a, b]) => compareQuantities(of(a), of(b)) < 0,
  ),
  overload<Two>('kubernetes.Quantity.compareTo(kubernetes.Quantity): int', ([a, b]) =>
    BigInt(compareQuantities(of(a), of(b))),
  ),
  overload<One>(
    'kubernetes.Quantity.asApproximateFloat(): double',
    ([a]) => Number(of(a).nanos) / Number(NANOS),
  ),
  overload<One>('kubernetes.Quantity.asInteger(): int', ([a]) => wholeOf(of(a))),
  overload<One>('kubernetes.Quantity.isInteger(): bool', ([a]) => isWhole(of(a))),
  overload<Two>('kubernetes.Quantity.add(kubernetes.Quantity): kubernetes.Quantity', ([a, b]) =>
    quantityValue(addQuantities(of(a), of(b))),
  ),
  overload<readonly [OpaqueValue, bigint]>('kubernetes.Quantity.add(int): kubernetes.Quantity', ([a, b]) =>
    quantityValue(addQuantities(of(a), fromInt(b))),
  ),
  overload<Two>('kubernetes.Quantity.sub(kubernetes.Quantity): kubernetes.Quantity', ([a, b]) =>
    quantityValue(subtractQuantities(of(a), of(b))),
  ),
  overload<readonly [OpaqueValue, bigint]>('kubernetes.Quantity.sub(int): kubernetes.Quantity', ([a, b]) =>
    quantityValue(subtractQuantities(of(a), fromInt(b))),
  ),
];

type Check = (text: string) => readonly string[];

const byFormat =
  (format: string, complaint: string): Check =>
  (text) =>
    hasFormat(format, text) ? [] : [complaint];

/** With a dash at its end, a prefix is as good as the name that will be made of it. */
const prefix =
  (check: Check): Check =>
  (text) =>
    check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);

const FORMATS: ReadonlyMap<string, Check> = new Map<string, Check>([
  ['dns1123Label', dns1123Label],
  ['dns1123Subdomain', dns1123Subdomain],
  ['dns1035Label', dns1035Label],
  ['dns1123LabelPrefix', prefix(dns1123Label)],
  ['dns1123SubdomainPrefix', prefix(dns1123Subdomain)],
  ['dns1035LabelPrefix', prefix(dns1035Label)],
  ['qualifiedName', qualifiedName],
  ['labelValue', labelValue],
  ['uri', byFormat('uri', 'invalid URI')],
  ['uuid', byFormat('uuid', 'does not match the UUID format')],
  ['byte', byFormat('byte', 'invalid base64')],
  ['date', byFormat('date', 'invalid date')],
  ['datetime', byFormat('datetime', 'invalid datetime')],
]);

const formatValue = (name: string): OpaqueValue => ({
  kind: 'opaque',
  name: 'kubernetes.NamedFormat',
  text: name,
  data: FORMATS.get(name),
});

const formats: readonly Overload[] = [
  ...[...FORMATS.keys()].map((name) =>
    overload<readonly []>(`static format.${name}(): kubernetes.NamedFormat`, () => formatValue(name)),
  ),
  overload<readonly [string]>('static format.named(string): optional<kubernetes.NamedFormat>', ([name]) =>
    FORMATS.has(name) ? some(formatValue(name)) : NONE,
  ),
  overload<readonly [OpaqueValue, string]>(
    'kubernetes.NamedFormat.validate(string): optional<list<string>>',
    ([format, text], budget) => {
      spendText(budget, text);
      const complaints = (format.data as Check)(text);
      return complaints.length === 0 ? NONE : some(listValue(complaints));
    },
  ),
];

export const kubernetesTypes: readonly Overload[] = [...quantities, ...formats];
