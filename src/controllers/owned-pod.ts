/** Pods that a controller makes from a template; pure. */
import { nameSuffix, type Rng } from '../base/rng.ts';
import type { KubeObject } from '../schemas/object.ts';
import type { Pod, PodTemplate } from '../schemas/types.ts';
import { controllerReference } from './ownership.ts';

/** A generated name keeps this much of its prefix, so that the whole stays within 63 characters. */
const MAX_GENERATED_PREFIX = 58;

/** A pod with a generated name, which is chosen here so that the plan is complete. */
export function podFromTemplate(owner: KubeObject, template: PodTemplate | undefined, rng: Rng): Pod {
  const generateName = `${owner.metadata.name}-`;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `${generateName.slice(0, MAX_GENERATED_PREFIX)}${nameSuffix(rng)}`,
      generateName,
      ...(owner.metadata.namespace ? { namespace: owner.metadata.namespace } : {}),
      ...(labels ? { labels: { ...labels } } : {}),
      ...(annotations ? { annotations: { ...annotations } } : {}),
      ...(finalizers ? { finalizers: [...finalizers] } : {}),
      ownerReferences: [controllerReference(owner)],
    },
    spec: { containers: [], ...template?.spec },
  };
}
