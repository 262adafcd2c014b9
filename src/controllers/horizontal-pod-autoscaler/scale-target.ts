/** The target of an autoscaler: the object of any kind that has a scale. */
import type { BoundWriter } from '../../resources/writing/write-plan.ts';
import { scaleOf, withScale } from '../../resources/subresources/scale.ts';
import { StatusError } from '../../schemas/errors/status.ts';
import { asNumber, asRecord, asString } from '../../schemas/json-access.ts';
import { type KubeObject, objectKey, parseApiVersion } from '../../schemas/object.ts';
import type { Registry, ResourceKind } from '../../schemas/resource-kind.ts';
import type { HorizontalPodAutoscaler } from '../../schemas/types.ts';
import type { ScaleTarget } from './autoscaler-view.ts';

const NO_SCALE = 'the server could not find the requested resource';

/** The scale of what an autoscaler scales, or why there is none. */
export async function findTarget(
  { registry, writer }: { readonly registry: Registry; readonly writer: Pick<BoundWriter, 'get'> },
  { metadata: { namespace }, spec: { scaleTargetRef } }: HorizontalPodAutoscaler,
): Promise<ScaleTarget | { readonly missing: string }> {
  const { apiVersion = '', kind: wanted, name } = scaleTargetRef;
  if (apiVersion.split('/').length > 2) return { missing: `unexpected GroupVersion string: ${apiVersion}` };
  const { group } = parseApiVersion(apiVersion);
  const kind = kindOf(registry, group, wanted);
  if (!kind)
    return { missing: `no matches for kind ${JSON.stringify(wanted)} in group ${JSON.stringify(group)}` };
  if (!kind.scale || !kind.namespaced) return { missing: NO_SCALE };
  try {
    return scaleTarget(kind, await writer.get(kind, objectKey(namespace, name)));
  } catch (error) {
    if (error instanceof StatusError && error.code === 404) return { missing: error.message };
    throw error;
  }
}

/** Any version of a kind will do: the preferred one comes first. */
const kindOf = ({ kinds }: Registry, group: string, name: string): ResourceKind | undefined =>
  kinds.find((kind) => kind.group === group && kind.kind === name);

function scaleTarget({ scale: paths }: ResourceKind, object: KubeObject): ScaleTarget | { missing: string } {
  if (!paths) return { missing: NO_SCALE };
  const scale = scaleOf(paths, object);
  const status = asRecord(scale['status']);
  const { apiVersion, kind, metadata } = object;
  const { name, namespace } = metadata;
  return {
    object,
    specReplicas: asNumber(asRecord(scale['spec'])['replicas']) ?? 0,
    statusReplicas: asNumber(status['replicas']) ?? 0,
    selector: asString(status['selector']),
    rescale: (replicas) => ({
      verb: 'update',
      object: { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } },
      // Whatever else has changed meanwhile stays.
      change: (current) => withScale(paths, current, { ...scale, metadata: { name }, spec: { replicas } }),
      owner: { manager: 'kube-controller-manager', subresource: 'scale' },
    }),
  };
}
