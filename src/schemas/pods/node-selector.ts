/**
 * `spec.nodeSelector` and node affinity as predicates. A term is a conjunction, terms are a
 * disjunction; an empty term matches nothing.
 */
import { ownMember } from '../../base/json.ts';
import type { PodSpec } from '../types.ts';

/** A node, as far as selectors tell nodes apart. */
export interface SelectableNode {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}
interface Selecting {
  readonly spec: Pick<PodSpec, 'nodeSelector' | 'affinity'>;
}

export type NodePredicate = (node: SelectableNode) => boolean;

type NodeAffinity = NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>;
export type NodeSelectorTerm = NonNullable<
  NodeAffinity['requiredDuringSchedulingIgnoredDuringExecution']
>['nodeSelectorTerms'][number];
type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

/** The pod's requirements on labels of a node; undefined if there are none. */
export function requiredNodePredicate(pod: Selecting): NodePredicate | undefined {
  const selector = Object.entries(pod.spec.nodeSelector ?? {});
  const required = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  if (selector.length === 0 && !required) return undefined;
  const terms = required?.nodeSelectorTerms.map(compileTerm);
  return (node) =>
    selector.every(([key, value]) => node.labels[key] === value) &&
    (!terms || terms.some((matches) => matches(node)));
}

/** Names that `metadata.name` matchFields demand; undefined if some term leaves the name open. */
export function requiredNodeNames(pod: Selecting): ReadonlySet<string> | undefined {
  const terms =
    pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  if (!terms || terms.length === 0) return undefined;
  const names = new Set<string>();
  for (const term of terms) {
    let allowed: Set<string> | undefined;
    for (const field of term.matchFields ?? []) {
      if (field.key !== 'metadata.name' || field.operator !== 'In') continue;
      const values = new Set(field.values ?? []);
      allowed = allowed ? new Set([...allowed].filter((name) => values.has(name))) : values;
    }
    if (!allowed) return undefined;
    for (const name of allowed) names.add(name);
  }
  return names;
}

export function compileTerm(term: NodeSelectorTerm): NodePredicate {
  const expressions = term.matchExpressions ?? [];
  const fields = term.matchFields ?? [];
  if (expressions.length === 0 && fields.length === 0) return () => false;
  const tests = [
    ...expressions.map((requirement) => {
      const matches = compileRequirement(requirement);
      return (node: SelectableNode) => matches(ownMember(node.labels, requirement.key));
    }),
    ...fields.map((requirement) => {
      const matches = compileRequirement(requirement);
      return (node: SelectableNode) => matches(requirement.key === 'metadata.name' ? node.name : undefined);
    }),
  ];
  return (node) => tests.every((matches) => matches(node));
}

function compileRequirement(requirement: Requirement): (actual: string | undefined) => boolean {
  const values = new Set(requirement.values ?? []);
  const operator: string = requirement.operator;
  switch (operator) {
    case 'In':
      return (actual) => actual !== undefined && values.has(actual);
    case 'NotIn':
      return (actual) => actual === undefined || !values.has(actual);
    case 'Exists':
      return (actual) => actual !== undefined;
    case 'DoesNotExist':
      return (actual) => actual === undefined;
    case 'Gt':
      return (actual) => compareWith(actual, requirement.values?.[0]) > 0;
    case 'Lt':
      return (actual) => compareWith(actual, requirement.values?.[0]) < 0;
    default:
      return () => false;
  }
}

/** NaN unless both are integers, so that neither Gt nor Lt holds. */
function compareWith(actual: string | undefined, wanted: string | undefined): number {
  const integer = /^[+-]?\d+$/;
  if (actual === undefined || wanted === undefined || !integer.test(actual) || !integer.test(wanted))
    return Number.NaN;
  return Number(actual) - Number(wanted);
}
