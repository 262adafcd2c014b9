/** Deletes the pods of a namespace, then the rest, then its finalizer; upstream's texts, pure. */
import { jsonEqual } from '../../base/json.ts';
import { transitionTime } from '../../schemas/conditions.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { NAMESPACE_FINALIZER } from '../../schemas/strategy/index.ts';
import type { Namespace } from '../../schemas/types.ts';
import type { Write } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { deletionOf, isDeleting, statusUpdate } from '../ownership.ts';

/** Namespaces that exist from the first start on. */
export const SYSTEM_NAMESPACES = [
  'default',
  'kube-system',
  'kube-public',
  'kube-node-lease',
  'symphony-system',
] as const;

/** Objects deleted in one commit. */
const BATCH_LIMIT = 500;

/** All there is of one resource in the namespace. */
export interface NamespaceContent {
  /** `pods`, `deployments.apps`. */
  readonly resource: string;
  readonly objects: readonly KubeObject[];
}

export interface NamespaceView {
  readonly name: string;
  /** Undefined where it is not there. */
  readonly namespace: Namespace | undefined;
  /** Everything in it; empty unless it is being deleted. */
  readonly content: readonly NamespaceContent[];
}

export function planNamespace({ name, namespace, content }: NamespaceView, nowMs: number): Plan | undefined {
  if (namespace) return isDeleting(namespace) ? planNamespaceDeletion(namespace, content, nowMs) : undefined;
  if (!SYSTEM_NAMESPACES.some((known) => known === name)) return undefined;
  return {
    writes: [{ verb: 'create', object: { apiVersion: 'v1', kind: 'Namespace', metadata: { name } } }],
  };
}

export function planNamespaceDeletion(
  namespace: Namespace,
  everything: readonly NamespaceContent[],
  nowMs: number,
): Plan {
  const pods = everything.filter(({ resource, objects }) => resource === 'pods' && objects.length > 0);
  // Objects that pods use (a network policy, a secret) stay while one may run: KEP-5080.
  const content = pods.length > 0 ? pods : everything;
  const undeleted = content.flatMap(({ objects }) => objects).filter((object) => !isDeleting(object));
  const deletions = undeleted
    .slice(0, BATCH_LIMIT)
    .map((object) => deletionOf(object, { propagationPolicy: 'Background' }));
  const conditions = conditionsOf(namespace, content, nowMs);
  const changed = !jsonEqual(conditions, namespace.status?.conditions ?? []);
  if (!changed && content.every(({ objects }) => objects.length === 0))
    return { writes: [withoutNamespaceFinalizer(namespace)] };
  const status = { ...namespace.status, phase: 'Terminating' as const, conditions };
  const report = changed ? [statusUpdate({ ...namespace, status })] : [];
  const more = undeleted.length > BATCH_LIMIT || changed ? { requeueAfterMs: 0 } : {};
  return { writes: [...deletions, ...report], ...more };
}

function withoutNamespaceFinalizer(namespace: Namespace): Write {
  const finalizers = (namespace.spec?.finalizers ?? []).filter((name) => name !== NAMESPACE_FINALIZER);
  const object = { ...namespace, spec: { ...namespace.spec, finalizers } };
  return { verb: 'update', object, subresource: 'finalize' };
}

type Condition = NonNullable<NonNullable<Namespace['status']>['conditions']>[number];

function conditionsOf(
  namespace: Namespace,
  content: readonly NamespaceContent[],
  nowMs: number,
): Condition[] {
  const remaining = content.filter(({ objects }) => objects.length > 0);
  const finalizers = new Map<string, number>();
  for (const { objects } of remaining) {
    for (const name of objects.flatMap((object) => object.metadata.finalizers ?? [])) {
      finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
    }
  }
  const wanted = [
    no('NamespaceDeletionDiscoveryFailure', 'ResourcesDiscovered', 'All resources successfully discovered'),
    no(
      'NamespaceDeletionGroupVersionParsingFailure',
      'ParsedGroupVersions',
      'All legacy kube types successfully parsed',
    ),
    no(
      'NamespaceDeletionContentFailure',
      'ContentDeleted',
      'All content successfully deleted, may be waiting on finalization',
    ),
    remaining.length === 0
      ? no('NamespaceContentRemaining', 'ContentRemoved', 'All content successfully removed')
      : yes(
          'NamespaceContentRemaining',
          'SomeResourcesRemain',
          `Some resources are remaining: ${counts(remaining.map((item) => [item.resource, item.objects.length]))}`,
        ),
    finalizers.size === 0
      ? no(
          'NamespaceFinalizersRemaining',
          'ContentHasNoFinalizers',
          'All content-preserving finalizers finished',
        )
      : yes(
          'NamespaceFinalizersRemaining',
          'SomeFinalizersRemain',
          `Some content in the namespace has finalizers remaining: ${[...finalizers]
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([name, count]) => `${name} in ${String(count)} resource instances`)
            .join(', ')}`,
        ),
  ];
  const current = namespace.status?.conditions ?? [];
  return wanted.map((condition) => ({
    ...condition,
    lastTransitionTime: transitionTime(current, condition, nowMs),
  }));
}

/** Upstream's form: the resource with a dot before its group, which core leaves empty. */
function counts(items: readonly (readonly [string, number])[]): string {
  return [...items]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([resource, count]) => {
      const qualified = resource.includes('.') ? resource : `${resource}.`;
      return `${qualified} has ${String(count)} resource instances`;
    })
    .join(', ');
}

const judge =
  (status: 'True' | 'False') =>
  (type: string, reason: string, message: string): Omit<Condition, 'lastTransitionTime'> => ({
    type,
    status,
    reason,
    message,
  });
const no = judge('False');
const yes = judge('True');
