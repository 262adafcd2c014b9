/**
 * Objects whose number of replicas belongs to a HorizontalPodAutoscaler. Git's number counts when
 * the object is created, and again once no autoscaler is there. Pure.
 */
import { asRecord, asString, getPath } from '../schemas/json-access.ts';
import { type KubeObject, objectKey, parseApiVersion } from '../schemas/object.ts';
import type { Registry, ResourceId, ResourceKind } from '../schemas/resource-kind.ts';
import { idOf } from './desired-set.ts';

export const AUTOSCALERS: ResourceId = 'horizontalpodautoscalers.autoscaling';

/** The id of the object that an autoscaler scales, in whatever version it names the object's kind. */
export function scaledId(
  { metadata, spec }: KubeObject,
  { kinds }: Pick<Registry, 'kinds'>,
): string | undefined {
  const { apiVersion, kind: name, name: target } = asRecord(asRecord(spec)['scaleTargetRef']);
  const { group } = parseApiVersion(asString(apiVersion));
  const kind = kinds.find((one) => one.group === group && one.kind === name);
  return kind?.scale && idOf(kind, objectKey(metadata.namespace, asString(target)));
}

/** The targets of these autoscalers. One that is being deleted has none. */
export const scaledIds = (
  autoscalers: readonly KubeObject[],
  registry: Pick<Registry, 'kinds'>,
): ReadonlySet<string> =>
  new Set(
    autoscalers
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .flatMap((autoscaler) => scaledId(autoscaler, registry) ?? []),
  );

/** The manifest with the live number of replicas in the place of its own. */
export function withLiveReplicas(desired: KubeObject, live: KubeObject, { scale }: ResourceKind): KubeObject {
  const path = scale?.specReplicas.split('.') ?? [];
  const replicas = getPath(live, ...path);
  if (replicas === undefined || getPath(desired, ...path) === undefined) return desired;
  return withPath(desired, path, replicas) as KubeObject;
}

function withPath(tree: unknown, [head = '', ...rest]: readonly string[], value: unknown): unknown {
  const record = asRecord(tree);
  return { ...record, [head]: rest.length === 0 ? value : withPath(record[head], rest, value) };
}
