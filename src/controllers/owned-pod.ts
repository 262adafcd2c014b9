/** Pods that a controller makes from a template; pure. */
import { generatedName, nameSuffix, type Rng } from '../base/rng.ts';
import type { KubeObject, ObjectMeta } from '../schemas/object.ts';
import type { Pod, PodTemplate } from '../schemas/types.ts';
import { controllerReference } from './ownership.ts';

type ChosenName = Required<Pick<ObjectMeta, 'name' | 'generateName'>>;

/** A generated name, which is chosen here so that the plan is complete. */
export const chooseName = (generateName: string, rng: Rng): ChosenName => ({
  name: generatedName(generateName, nameSuffix(rng)),
  generateName,
});

/** A pod with a generated name. */
export const podFromTemplate = (owner: KubeObject, template: PodTemplate | undefined, rng: Rng): Pod =>
  podCalled(chooseName(`${owner.metadata.name}-`, rng), owner, template);

/** Pods that differ in their names. They share the rest: the writer plans one of them for all. */
export function podsFromTemplate(
  owner: KubeObject,
  template: PodTemplate | undefined,
  count: number,
  rng: Rng,
): readonly Pod[] {
  return alike(() => podFromTemplate(owner, template, rng), count, rng);
}

/** The pod that is made, and others that are like it but for their names. */
export function alike(make: () => Pod, count: number, rng: Rng): readonly Pod[] {
  if (count <= 0) return [];
  const first = make();
  const pods = new Map([[first.metadata.name, first]]);
  // One commit has a name once. Of 500 pods, two draw the same name in one of a hundred commits.
  for (let draws = 1; pods.size < count && draws < 2 * count; draws += 1) {
    const pod = renamed(first, rng);
    pods.set(pod.metadata.name, pod);
  }
  return [...pods.values()];
}

function renamed(pod: Pod, rng: Rng): Pod {
  const { generateName = '' } = pod.metadata;
  return { ...pod, metadata: { ...pod.metadata, ...chooseName(generateName, rng) } };
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
