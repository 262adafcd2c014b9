/** Functions and operators: a signature for the checker, and code found by the values' types. */
import type { Budget } from './budget.ts';
import { type CelType, parseType, splitTypes } from './types.ts';
import type { Value } from './values.ts';

export interface Overload {
  readonly name: string;
  /** Called as `target.name(…)`; the target is the first parameter. */
  readonly isMethod: boolean;
  readonly params: readonly CelType[];
  readonly result: CelType;
  run(args: readonly Value[], budget: Budget): Value;
}

/**
 * `size(string): int` is a function, `string.size(): int` a method, `static sets.contains(…): bool`
 * a function in a namespace. Type parameters are single capital letters. The values that `run` gets
 * are of the kinds that the signature names.
 */
export function overload<Args extends readonly unknown[]>(
  signature: string,
  run: (args: Args, budget: Budget) => Value,
): Overload {
  const isStatic = signature.startsWith('static ');
  const text = isStatic ? signature.slice('static '.length) : signature;
  const open = text.indexOf('(');
  const close = text.lastIndexOf('):');
  const before = text.slice(0, open);
  const dot = isStatic ? -1 : before.lastIndexOf('.');
  const receiver = dot > 0 ? [parseType(before.slice(0, dot))] : [];
  return {
    name: before.slice(dot + 1),
    isMethod: dot > 0,
    params: [...receiver, ...splitTypes(text.slice(open + 1, close)).map(parseType)],
    result: parseType(text.slice(close + 2)),
    run: run as unknown as Overload['run'],
  };
}

/** Whether the value has the kind of the type; the members of lists and maps are not checked. */
export function isOfKind(type: CelType, value: Value): boolean {
  switch (type.kind) {
    case 'param':
      return true;
    case 'object':
      return value !== null && typeof value === 'object' && value.kind === 'map';
    case 'list':
    case 'map':
    case 'optional':
      return value !== null && typeof value === 'object' && value.kind === type.kind;
    case 'opaque':
      return (
        value !== null && typeof value === 'object' && value.kind === 'opaque' && value.name === type.name
      );
    case 'simple':
      break;
  }
  switch (type.name) {
    case 'dyn':
      return true;
    case 'null':
      return value === null;
    case 'bool':
      return typeof value === 'boolean';
    case 'int':
      return typeof value === 'bigint';
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string';
    default:
      return value !== null && typeof value === 'object' && value.kind === type.name;
  }
}

/** Characters cost a tenth of a unit. */
export function spendText(budget: Budget, ...texts: readonly string[]): void {
  for (const text of texts) budget.spend(Math.ceil(text.length / 10));
}

/** A lookup reads the key. */
export function spendKey(budget: Budget, key: Value): void {
  if (typeof key === 'string') spendText(budget, key);
}
