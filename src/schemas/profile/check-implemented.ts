/**
 * Walks an object once along the rules of its kind and reports what is well-formed but not implemented.
 * Total on any JSON value; looks only where a rule points, so its cost does not grow with the rest of the object.
 */
import { isRecord, ownMember } from '../../base/json.ts';
import type { FieldError } from '../errors/field-error.ts';
import { asRecord, getPath, type JsonRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import {
  applicationRules,
  type FieldRule,
  nodeRules,
  podRules,
  priorityClassRules,
  serviceRules,
} from './rules.ts';

/** Where the pod's spec is in each kind that has one. */
export const podSpecPaths: Readonly<Record<string, string>> = {
  'v1/Pod': 'spec',
  'v1/ReplicationController': 'spec.template.spec',
  'v1/PodTemplate': 'template.spec',
  'apps/v1/Deployment': 'spec.template.spec',
  'apps/v1/ReplicaSet': 'spec.template.spec',
  'apps/v1/StatefulSet': 'spec.template.spec',
  'apps/v1/DaemonSet': 'spec.template.spec',
  'batch/v1/Job': 'spec.template.spec',
  'batch/v1/CronJob': 'spec.jobTemplate.spec.template.spec',
};

/** The pod itself, or the template of the pods that the object makes; empty for other kinds. */
export function podTemplateOf(object: KubeObject): Readonly<JsonRecord> {
  const path = ownMember(podSpecPaths, `${object.apiVersion}/${object.kind}`);
  return path === undefined ? {} : asRecord(getPath(object, ...path.split('.').slice(0, -1)));
}

/** The rules of one kind with whole paths, by `apiVersion/kind`. */
export const rulesByKind: ReadonlyMap<string, readonly FieldRule[]> = new Map([
  ...Object.entries(podSpecPaths).map(
    ([kind, prefix]) =>
      [kind, podRules.map((rule) => ({ ...rule, path: `${prefix}.${rule.path}` }))] as const,
  ),
  ['argoproj.io/v1alpha1/Application', applicationRules] as const,
  ['v1/Node', nodeRules] as const,
  ['v1/Service', serviceRules] as const,
  ['scheduling.k8s.io/v1/PriorityClass', priorityClassRules] as const,
]);

interface Step {
  readonly next: Map<string, Step>;
  rule?: FieldRule;
}

/** Built at the first use of a kind: a command that checks nothing pays nothing. */
const trees = new Map<string, Step>();

function treeOf(kind: string): Step | undefined {
  const existing = trees.get(kind);
  if (existing) return existing;
  const rules = rulesByKind.get(kind);
  if (!rules) return undefined;
  const root: Step = { next: new Map() };
  for (const rule of rules) {
    let step = root;
    for (const segment of rule.path.split('.')) {
      let next = step.next.get(segment);
      if (!next) {
        next = { next: new Map() };
        step.next.set(segment, next);
      }
      step = next;
    }
    step.rule = rule;
  }
  trees.set(kind, root);
  return root;
}

/** What Symphony does not implement of this object; empty for kinds without rules. */
export function checkImplemented(apiVersion: string, kind: string, object: unknown): readonly FieldError[] {
  const tree = treeOf(`${apiVersion}/${kind}`);
  if (!tree) return [];
  const errors: FieldError[] = [];
  visit(tree, object, '', undefined, errors);
  return errors;
}

/**
 * What keeps pods of this object waiting. A scheduler of another name does not: once it has placed the pod, the pod runs.
 * Empty for kinds without pods.
 */
export function waitsFor(apiVersion: string, kind: string, object: unknown): readonly FieldError[] {
  const prefix = podSpecPaths[`${apiVersion}/${kind}`];
  if (prefix === undefined) return [];
  return checkImplemented(apiVersion, kind, object).filter(({ path }) => path !== `${prefix}.schedulerName`);
}

/** An object never changes: one answer for each version of a pod is enough. */
const answers = new WeakMap<object, string | undefined>();

/** Why this pod cannot be started: the first field that asks for what is not implemented. */
export function unimplementedIn(pod: object): string | undefined {
  if (answers.has(pod)) return answers.get(pod);
  const [first] = waitsFor('v1', 'Pod', pod);
  const answer = first && `${first.path}: ${first.detail}`;
  answers.set(pod, answer);
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
  // An empty object is how a volume source such as `csi: {}` is asked for; the structure of the kind refuses the rest.
  if (isRecord(value)) return Object.keys(value).length > 0 || rule.path.includes('volumes.*.');
  return !(rule.except ?? []).includes(value as string | number | boolean);
}
