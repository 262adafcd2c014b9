/** Indexes over caches that several controllers share. */
import { controllerOf, type KubeObject, keyOf, objectKey } from '../schemas/object.ts';
import type { Pod } from '../schemas/types.ts';
import { matchesLabelSelector } from '../schemas/values/selectors.ts';
import type { CacheEvent, ResourceCache } from '../store/cache/cache.ts';
import { CONTROLLER_INDEX, NODE_INDEX, orphansOf } from '../store/cache/indexes.ts';

/** The objects that this one controls; see {@link indexByController}. */
export const controlledBy = <T extends KubeObject>(
  cache: ResourceCache<T>,
  uid: string | undefined,
): readonly T[] => cache.byIndex(CONTROLLER_INDEX, uid ?? '');

/** Objects of the owner's namespace that nothing controls and its selector matches. */
export const orphansFor = <T extends KubeObject>(
  cache: ResourceCache<T>,
  owner: KubeObject,
  selector: unknown,
): readonly T[] =>
  cache
    .byIndex(CONTROLLER_INDEX, orphansOf(owner.metadata.namespace))
    .filter(({ metadata }) => matchesLabelSelector(selector, metadata.labels));

/** The objects that the owner controls, and those that it may adopt. */
export const claimableBy = <T extends KubeObject>(
  cache: ResourceCache<T>,
  owner: KubeObject,
  selector: unknown,
): readonly T[] => [...controlledBy(cache, owner.metadata.uid), ...orphansFor(cache, owner, selector)];

/** Owners that a change of a child concerns: its controller, the former, or adopters. */
export function ownersConcerned<T extends KubeObject>(
  kind: string,
  owners: ResourceCache<T>,
  selectorOf: (owner: T) => unknown,
): (event: Pick<CacheEvent, 'object' | 'previous'>) => readonly string[] {
  const ownersOf = (child: KubeObject): readonly string[] => {
    const { namespace, labels } = child.metadata;
    const owner = controllerOf(child);
    if (owner) return owner.kind === kind ? [objectKey(namespace, owner.name)] : [];
    return owners
      .list(namespace)
      .filter((candidate) => matchesLabelSelector(selectorOf(candidate), labels))
      .map(keyOf);
  };
  return ({ object, previous }) =>
    previous && controllerOf(previous)?.uid !== controllerOf(object)?.uid
      ? [...ownersOf(object), ...ownersOf(previous)]
      : ownersOf(object);
}

/** The pods that are bound to the node; see {@link indexByNode}. */
export const podsOnNode = (pods: ResourceCache<Pod>, node: string): readonly Pod[] =>
  pods.byIndex(NODE_INDEX, node);

const LABEL_INDEX = 'label';

type Label = readonly [key: string, value: string];

export const labelTerm = (namespace: string | undefined, [key, value]: Label): string =>
  `${namespace ?? ''}/${key}=${value}`;

export const indexByLabel = (pods: ResourceCache<Pod>): void =>
  pods.addIndex(LABEL_INDEX, ({ metadata: { namespace, labels = {} } }) =>
    Object.entries(labels).map((label) => labelTerm(namespace, label)),
  );

/** The pods of a namespace that have the label; see {@link indexByLabel}. */
export const podsWithLabel = (
  pods: ResourceCache<Pod>,
  namespace: string | undefined,
  label: Label,
): readonly Pod[] => pods.byIndex(LABEL_INDEX, labelTerm(namespace, label));
