/** Pods that a controller makes from a template; pure. */
import { generatedName, nameSuffix, type Rng } from '../base/rng.ts';
import type { KubeObject, ObjectMeta } from '../schemas/object.ts';
import type { Pod, PodTemplate } from '../schemas/types.ts';
import { controllerReference } from './ownership.ts';

type ChosenName = Required<Pick<ObjectMeta, 'name' | 'generateName'>>;

/** Upstream tries so many names before it gives up. */
const NAME_TRIES = 8;

/**
 * A generated name, which is chosen here so that the plan is complete. It is none of `taken`, which
 * then holds it too: a commit has each name once, and one name that exists fails all of it.
 */
export function chooseName(generateName: string, rng: Rng, taken = new Set<string>()): ChosenName {
  const draw = (): string => generatedName(generateName, nameSuffix(rng));
  let name = draw();
  for (let tries = 1; taken.has(name) && tries < NAME_TRIES; tries += 1) name = draw();
  taken.add(name);
  return { name, generateName };
}

export const namesOf = (objects: readonly KubeObject[]): Set<string> =>
  new Set(objects.map(({ metadata }) => metadata.name));

/** A pod with a generated name. */
export const podFromTemplate = (
  owner: KubeObject,
  template: PodTemplate | undefined,
  rng: Rng,
  taken?: Set<string>,
): Pod => podCalled(chooseName(`${owner.metadata.name}-`, rng, taken), owner, template);

/**
 * The pod that is made, and others that differ from it in their names only. They share the rest:
 * the writer plans one of them for all.
 */
export function alike(make: () => Pod, count: number, rng: Rng, taken: Set<string>): readonly Pod[] {
  if (count <= 0) return [];
  const first = make();
  const { metadata } = first;
  const another = (): Pod => ({
    ...first,
    metadata: { ...metadata, ...chooseName(metadata.generateName ?? '', rng, taken) },
  });
  return [first, ...Array.from({ length: count - 1 }, another)];
}

/** A pod of the owner with this name. */
export function podCalled(name: ChosenName, owner: KubeObject, template: PodTemplate | undefined): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  const { namespace } = owner.metadata;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    spec: { containers: [], ...template?.spec },
  };
}

/**
 * A workload has at most this many pods without a node. Nodes bound the others, so replicas that no
 * cluster holds cost bounded memory and stop nobody; the rest follows once these are bound.
 */
export const MAX_UNBOUND_PODS = 5_000;

export const roomForPods = (active: readonly Pod[]): number =>
  Math.max(0, MAX_UNBOUND_PODS - active.filter(({ spec }) => !spec.nodeName).length);
