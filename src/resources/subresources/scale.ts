/** The scale subresource: `autoscaling/v1` Scale over the paths that the kind names. */
import { isRecord, ownMember } from '../../base/json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import { asLabelSelector, labelSelectorText } from '../../schemas/values/selectors.ts';
import { invalid } from '../../schemas/errors/status.ts';

export const SCALE_TYPE = { apiVersion: 'autoscaling/v1', kind: 'Scale' } as const;

export type ScalePaths = NonNullable<ResourceKind['scale']>;

export function scaleOf(paths: ScalePaths, object: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const replicas = readPath(object, paths.specReplicas);
  const selector = readPath(object, paths.labelSelector);
  const text = typeof selector === 'string' ? selector : labelSelectorText(asLabelSelector(object, selector));
  const current = readPath(object, paths.statusReplicas);
  return {
    ...SCALE_TYPE,
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(creationTimestamp === undefined ? {} : { creationTimestamp }),
    },
    spec: typeof replicas === 'number' && replicas !== 0 ? { replicas } : {},
    status: {
      replicas: typeof current === 'number' ? current : 0,
      ...(text === '' ? {} : { selector: text }),
    },
  };
}

/** The scaled object with the replicas that the Scale asks for (none means zero). */
export function withScale(paths: ScalePaths, object: KubeObject, scale: KubeObject): KubeObject {
  const spec = isRecord(scale['spec']) ? scale['spec'] : {};
  const replicas = typeof spec['replicas'] === 'number' ? spec['replicas'] : 0;
  if (replicas < 0) {
    const detail = 'must be greater than or equal to 0';
    const error = { type: 'FieldValueInvalid', path: 'spec.replicas', value: replicas, detail } as const;
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, object.metadata.name, [error]);
  }
  const { resourceVersion } = scale.metadata;
  const scaled = writePath(object, paths.specReplicas.split('.'), replicas);
  return resourceVersion ? { ...scaled, metadata: { ...scaled.metadata, resourceVersion } } : scaled;
}

function readPath(object: unknown, path: string): unknown {
  let node = object;
  for (const part of path.split('.')) node = isRecord(node) ? ownMember(node, part) : undefined;
  return node;
}

function writePath<T extends Record<string, unknown>>(
  object: T,
  [head = '', ...rest]: readonly string[],
  value: unknown,
): T {
  const child = ownMember(object, head);
  return {
    ...object,
    [head]: rest.length === 0 ? value : writePath(isRecord(child) ? child : {}, rest, value),
  };
}
