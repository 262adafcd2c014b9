/**
 * The downward API: fields of the pod and resources of its containers as text, for env and for
 * volumes. Pure. Formats are Kubernetes': maps as sorted `key="escaped value"` lines, resources
 * rounded up to the divisor.
 */
import { ownMember } from '../../base/json.ts';
import { parseQuantity } from '../../schemas/values/quantity.ts';
import type { Container, Pod } from '../../schemas/types.ts';

/** Facts that only the node knows when a container starts. */
export interface PodPlace {
  readonly nodeName: string;
  readonly nodeIp: string;
  /** Unknown until the pod has its address. */
  readonly podIp?: string | undefined;
  /** The node's allocatable resources: a container without a limit may use that much. */
  readonly allocatable: Readonly<Record<string, string>>;
}

const SUBSCRIPT = /^metadata\.(labels|annotations)\['([^']*)'\]$/;

/** Undefined for a path that is not supported. */
export function podFieldValue(pod: Pod, path: string, place: PodPlace): string | undefined {
  const subscript = SUBSCRIPT.exec(path);
  if (subscript) {
    const map = subscript[1] === 'labels' ? pod.metadata.labels : pod.metadata.annotations;
    return ownMember(map, subscript[2] ?? '') ?? '';
  }
  switch (path) {
    case 'metadata.name':
      return pod.metadata.name;
    case 'metadata.namespace':
      return pod.metadata.namespace ?? '';
    case 'metadata.uid':
      return pod.metadata.uid ?? '';
    case 'metadata.labels':
      return formatMap(pod.metadata.labels);
    case 'metadata.annotations':
      return formatMap(pod.metadata.annotations);
    case 'spec.nodeName':
      return place.nodeName;
    case 'spec.serviceAccountName':
      return pod.spec.serviceAccountName ?? '';
    case 'status.hostIP':
    case 'status.hostIPs':
      return place.nodeIp;
    case 'status.podIP':
    case 'status.podIPs':
      return pod.spec.hostNetwork === true ? place.nodeIp : (place.podIp ?? '');
    default:
      return undefined;
  }
}

function formatMap(map: Readonly<Record<string, string>> | undefined): string {
  return Object.entries(map ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${JSON.stringify(value)}`)
    .join('\n');
}

export interface ResourceRef {
  readonly containerName?: string | undefined;
  readonly resource: string;
  readonly divisor?: string | number | undefined;
}

/** Undefined for a resource that is not supported. */
export function containerResourceValue(
  container: Container,
  ref: ResourceRef,
  place: PodPlace,
): string | undefined {
  const [, side, name] = /^(limits|requests)\.(.+)$/.exec(ref.resource) ?? [];
  if (name === undefined) return undefined;
  if (!['cpu', 'memory', 'ephemeral-storage'].includes(name) && !name.startsWith('hugepages-'))
    return undefined;
  const own = (side === 'limits' ? container.resources?.limits : container.resources?.requests) ?? {};
  const fallback = side === 'limits' ? ownMember(place.allocatable, name) : undefined;
  const value = parseQuantity(own[name] ?? fallback ?? '0');
  const divisor = parseQuantity(ref.divisor ?? '1');
  if (!value || !divisor) return undefined;
  const step = divisor.nanos === 0n ? 1_000_000_000n : divisor.nanos;
  return String((value.nanos + step - 1n) / step);
}
