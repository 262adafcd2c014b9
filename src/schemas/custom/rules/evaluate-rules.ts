/**
 * Evaluates the rules of a schema on an object, from the outside in, with upstream's texts and
 * limits. Rules on null values are left out, and so are transition rules where there is nothing to
 * compare with. The cost is bounded per rule and per object.
 */
import { isRecord, jsonEqual, ownMember } from '../../../base/json.ts';
import {
  type Budget,
  CostExceeded,
  createBudget,
  EvaluationError,
  NONE,
  some,
  type Value,
} from '../../cel/index.ts';
import type { FieldError } from '../../errors/field-error.ts';
import { byteLength } from '../../validation/report.ts';
import { partners } from '../partners.ts';
import { isEmbedded, MAX_SCHEMA_DEPTH, type StructuralSchema } from '../structural-schema.ts';
import { readFieldPath } from './field-path.ts';
import { type CompiledRule, compileRule, failedRule, isProblem, readRule, shownRule } from './rule.ts';
import { type Shape, shapeOf } from './shape.ts';

/** In upstream's units of cost. For one evaluation of a rule it is upstream's limit. */
export const MAX_RULE_COST = 1_000_000;
/** For all rules on one object, a fifth of upstream's limit: rules block this process. */
export const MAX_OBJECT_COST = 2_000_000;
const MAX_MESSAGE_BYTES = 5 * 1024;
/** The most violations that are reported of one object. */
const MAX_VIOLATIONS = 100;

/** The rules of one schema and of those below it. */
interface RuleTree {
  readonly schema: StructuralSchema;
  readonly shape: Shape | undefined;
  readonly rules: readonly CompiledRule[];
  readonly allOf: readonly RuleTree[];
  readonly items: RuleTree | undefined;
  readonly properties: ReadonlyMap<string, RuleTree>;
  readonly members: RuleTree | undefined;
}

const trees = new WeakMap<StructuralSchema, { readonly tree: RuleTree | undefined }>();

function treeOf(schema: StructuralSchema, isRoot: boolean): RuleTree | undefined {
  let known = trees.get(schema);
  if (!known) trees.set(schema, (known = { tree: plant(schema, schema, isRoot, 0) }));
  return known.tree;
}

/** `conditions` come from the structure or its `allOf`; the structure tells the types. */
function plant(
  conditions: StructuralSchema,
  structure: StructuralSchema,
  isRoot: boolean,
  depth: number,
): RuleTree | undefined {
  if (depth > MAX_SCHEMA_DEPTH) return undefined;
  const below = (
    inner: StructuralSchema | boolean | undefined,
    of: StructuralSchema | boolean | undefined,
  ): RuleTree | undefined =>
    isRecord(inner) && isRecord(of) ? plant(inner, of, isEmbedded(of), depth + 1) : undefined;
  const properties = new Map<string, RuleTree>();
  for (const [name, member] of Object.entries(conditions.properties ?? {})) {
    const tree = below(member, ownMember(structure.properties, name));
    if (tree) properties.set(name, tree);
  }
  const items = below(conditions.items, structure.items);
  const members = below(conditions.additionalProperties, structure.additionalProperties);
  const allOf = (conditions.allOf ?? []).flatMap((condition) => {
    const tree = plant(condition, structure, isRoot, depth + 1);
    return tree ? [tree] : [];
  });
  const shape = shapeOf(structure, isRoot);
  const rules = shape ? compiled(conditions, shape) : [];
  const isEmpty = rules.length + allOf.length + properties.size === 0 && !items && !members;
  return isEmpty ? undefined : { schema: structure, shape, rules, allOf, items, properties, members };
}

/** Invalid rules are skipped: they were refused with their definition, or are older. */
const compiled = (schema: StructuralSchema, shape: Shape): readonly CompiledRule[] =>
  (schema['x-kubernetes-validations'] ?? []).flatMap((value) => {
    const rule = readRule(value);
    if (rule.rule.trim() === '') return [];
    const result = compileRule(rule, shape.type);
    return isProblem(result) ? [] : [result];
  });

export interface RuleInput {
  readonly schema: StructuralSchema;
  readonly value: unknown;
  /** The stored value; undefined for a new one. */
  readonly old: unknown;
  readonly path: string;
  /** Whether the value is a whole object of the API. */
  readonly isRoot: boolean;
}

/** Whether it is unchanged: its violations were there before. */
type IsUnchanged = () => boolean;

export function evaluateRules({ schema, value, old, path, isRoot }: RuleInput): readonly FieldError[] {
  const tree = treeOf(schema, isRoot);
  if (!tree) return [];
  const errors: FieldError[] = [];
  const total = { left: MAX_OBJECT_COST };
  try {
    walk(tree, { value, old, path, unchanged: () => old !== undefined && jsonEqual(value, old) });
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
  }
  return errors;

  function walk(node: RuleTree, place: Place): void {
    if (place.value === null || place.value === undefined) return;
    if (errors.length >= MAX_VIOLATIONS) throw new Stop();
    evaluateHere(node, place, total, errors);
    for (const branch of node.allOf) walk(branch, place);
    if (Array.isArray(place.value)) walkList(node, place, place.value);
    else if (isRecord(place.value)) walkMembers(node, place, place.value);
  }

  function walkList(node: RuleTree, place: Place, list: readonly unknown[]): void {
    const { items } = node;
    if (!items) return;
    const partner = partners(node.schema, place.old);
    list.forEach((item, index) => {
      const before = partner(item);
      const unchanged = before === undefined ? place.unchanged : (): boolean => jsonEqual(item, before);
      walk(items, { value: item, old: before, path: `${place.path}[${index}]`, unchanged });
    });
  }

  function walkMembers(node: RuleTree, place: Place, record: Readonly<Record<string, unknown>>): void {
    const isAtomic = node.schema['x-kubernetes-map-type'] === 'atomic';
    const previous = isRecord(place.old) && !isAtomic ? place.old : {};
    for (const name of Object.keys(record).sort()) {
      const property = node.properties.get(name);
      const inner = property ?? node.members;
      if (!inner) continue;
      const before = ownMember(previous, name);
      const value = record[name];
      const dotted = place.path === '' ? name : `${place.path}.${name}`;
      walk(inner, {
        value,
        old: before,
        path: property ? dotted : `${place.path}[${name}]`,
        unchanged: isAtomic ? place.unchanged : () => before !== undefined && jsonEqual(value, before),
      });
    }
  }
}

interface Place {
  readonly value: unknown;
  readonly old: unknown;
  readonly path: string;
  readonly unchanged: IsUnchanged;
}

/** Nothing more is evaluated. */
class Stop extends Error {
  override readonly name = 'Stop';
}

/** Upstream's path of an error about the whole object. */
export const NOWHERE = '<nil>';

function evaluateHere(node: RuleTree, place: Place, total: { left: number }, errors: FieldError[]): void {
  const { shape, schema } = node;
  if (!shape || node.rules.length === 0) return;
  const { path } = place;
  const add = (detail: string, at = path): void => {
    errors.push({ type: 'FieldValueInvalid', path: at || NOWHERE, detail });
  };
  const outOfBudget = (): never => {
    add('validation failed due to running out of cost budget, no further validation rules will be run');
    throw new Stop();
  };
  let self: Value;
  let oldSelf: Value | undefined;
  try {
    self = shape.see(place.value);
    oldSelf = place.old === undefined ? undefined : shape.see(place.old);
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    for (const rule of node.rules) add(`${error.message} evaluating rule: ${shownRule(rule)}`);
    return;
  }
  for (const rule of node.rules) {
    const isOptional = rule.optionalOldSelf === true;
    if (rule.isTransition && oldSelf === undefined && !isOptional) continue;
    const variables = { self, oldSelf: !isOptional ? oldSelf : oldSelf === undefined ? NONE : some(oldSelf) };
    const run = (evaluate: (budget: Budget) => Value): Value => {
      const budget = createBudget(Math.min(MAX_RULE_COST, total.left));
      try {
        return evaluate(budget);
      } finally {
        total.left -= budget.spent;
      }
    };
    let result: Value;
    try {
      result = run((budget) => rule.program.evaluate(variables, budget));
    } catch (error) {
      if (error instanceof CostExceeded) {
        if (total.left <= 0) outOfBudget();
        add(
          `'${error.message}': no further validation rules will be run due to call cost exceeds limit for rule: ${shownRule(rule)}`,
        );
        throw new Stop();
      }
      if (!(error instanceof EvaluationError)) throw error;
      add(
        error.message.startsWith('no such overload')
          ? `'${error.message}': call arguments did not match a supported operator, function or macro signature for rule: ${shownRule(rule)}`
          : `${error.message} evaluating rule: ${shownRule(rule)}`,
      );
      continue;
    }
    // A value that was invalid before and did not change may stay.
    if (result === true || (!rule.isTransition && place.unchanged())) continue;
    const detail =
      (rule.messageProgram &&
        messageOf(() => run((budget) => rule.messageProgram?.evaluate(variables, budget) ?? null), add)) ??
      failedRule(rule);
    errors.push(violation(rule, detail, placeOf(rule, path, schema)));
  }
}

/** Undefined if the expression gives no usable text; then the rule's own message is used. */
function messageOf(evaluate: () => Value, add: (detail: string) => void): string | undefined {
  let value: Value;
  try {
    value = evaluate();
  } catch (error) {
    if (error instanceof EvaluationError) return undefined;
    if (!(error instanceof CostExceeded)) throw error;
    add(
      'messageExpression evaluation failed due to running out of cost budget, no further validation rules will be run',
    );
    throw new Stop();
  }
  const text = typeof value === 'string' ? value.trim() : '';
  return text === '' || text.includes('\n') || byteLength(text) > MAX_MESSAGE_BYTES ? undefined : text;
}

function placeOf(rule: CompiledRule, path: string, schema: StructuralSchema): string {
  const inner = rule.fieldPath === '' ? '' : (readFieldPath(rule.fieldPath.trim(), schema) ?? '');
  return path === '' ? inner.replace(/^\./, '') : `${path}${inner}`;
}

function violation({ reason }: CompiledRule, detail: string, path: string): FieldError {
  const at = path || NOWHERE;
  switch (reason) {
    case 'FieldValueForbidden':
    case 'FieldValueRequired':
      return { type: reason, path: at, detail };
    case 'FieldValueDuplicate':
      return { type: reason, path: at, detail: '' };
    default:
      return { type: 'FieldValueInvalid', path: at, detail };
  }
}
