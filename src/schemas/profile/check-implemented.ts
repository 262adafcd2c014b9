/**
 * Walks an object along rules and reports the fields that are well-formed but not implemented.
 * Total on any JSON value. The walk visits only fields that a rule names, so its cost does not grow
 * with the rest of the object.
 */
import { isRecord, ownMember } from '../../base/json.ts';
import type { FieldError } from '../errors/field-error.ts';
import { podSpecPaths } from '../generated/derived.js';
import { asRecord, type Fields, getPath } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { podRules } from './pod-rules.ts';
import type { FieldRule } from './rules.ts';

export { podSpecPaths };

/** The pod itself, or the template of the pods that the object makes; empty for other kinds. */
export function podTemplateOf(object: KubeObject): Fields {
  const path = ownMember(podSpecPaths, `${object.apiVersion}/${object.kind}`);
  return path === undefined ? {} : asRecord(getPath(object, ...path.split('.').slice(0, -1)));
}

interface Step {
  readonly next: Map<string, Step>;
  rule?: FieldRule;
}

function treeOf(rules: readonly FieldRule[]): Step {
  const root: Step = { next: new Map() };
  for (const rule of rules) {
    let step = root;
    for (const segment of rule.path.split('.')) {
      let next = step.next.get(segment);
      if (!next) step.next.set(segment, (next = { next: new Map() }));
      step = next;
    }
    step.rule = rule;
  }
  return root;
}

export type FieldCheck = (value: unknown, path?: string) => readonly FieldError[];

/** The check of an object, or of its part at `path`. The first use builds the tree. */
export function createFieldCheck(rules: readonly FieldRule[]): FieldCheck {
  let tree: Step | undefined;
  return (value, path = '') => {
    const errors: FieldError[] = [];
    visit((tree ??= treeOf(rules)), value, path, undefined, errors);
    return errors;
  };
}

const checkPodSpec = createFieldCheck(podRules);

/** The unimplemented fields of a pod or of a pod template; empty for kinds without pods. */
export function checkPodFields(apiVersion: string, kind: string, object: unknown): readonly FieldError[] {
  const path = ownMember(podSpecPaths, `${apiVersion}/${kind}`);
  return path === undefined ? [] : checkPodSpec(getPath(object, ...path.split('.')), path);
}

/**
 * The fields that keep the pods of this object waiting. The name of another scheduler is none of
 * them: once that has placed the pod, the pod runs. Empty for kinds without pods.
 */
export function waitsFor(apiVersion: string, kind: string, object: unknown): readonly FieldError[] {
  const path = ownMember(podSpecPaths, `${apiVersion}/${kind}`);
  return checkPodFields(apiVersion, kind, object).filter((error) => error.path !== `${path}.schedulerName`);
}

/** A spec never changes, and new pods of one template share it: one answer for each is enough. */
const answers = new WeakMap<object, string | undefined>();

/** Why this pod cannot be started: the first field that asks for what is not implemented. */
export function unimplementedIn(pod: { readonly spec: object }): string | undefined {
  const { spec } = pod;
  if (answers.has(spec)) return answers.get(spec);
  const [first] = waitsFor('v1', 'Pod', pod);
  const answer = first && `${first.path}: ${first.detail}`;
  answers.set(spec, answer);
  return answer;
}

function visit(
  step: Step,
  value: unknown,
  path: string,
  key: string | undefined,
  errors: FieldError[],
): void {
  const { rule } = step;
  if (rule?.verdict === 'refused' && asksFor(rule, value, key)) {
    errors.push({ type: 'FieldValueForbidden', path, detail: `not implemented by Symphony: ${rule.advice}` });
    return;
  }
  if (Array.isArray(value)) {
    const each = step.next.get('*');
    if (each) value.forEach((item, index) => visit(each, item, `${path}[${index}]`, undefined, errors));
    return;
  }
  if (!isRecord(value)) return;
  const each = step.next.get('*');
  if (each) {
    for (const name of Object.keys(value)) visit(each, value[name], `${path}[${name}]`, name, errors);
    return;
  }
  for (const [name, next] of step.next) {
    if (!Object.hasOwn(value, name)) continue;
    visit(next, value[name], path === '' ? name : `${path}.${name}`, undefined, errors);
  }
}

function asksFor(rule: FieldRule, value: unknown, key: string | undefined): boolean {
  if (value === null || value === undefined) return false;
  if (rule.keyPrefix !== undefined) return key?.startsWith(rule.keyPrefix) ?? false;
  if (Array.isArray(value)) return value.length > 0;
  // An empty object is how a volume source such as `csi: {}` is asked for; the structure of the
  // kind refuses the rest.
  if (isRecord(value)) return Object.keys(value).length > 0 || rule.path.includes('volumes.*.');
  return !(rule.except ?? []).includes(value as string | number | boolean);
}
