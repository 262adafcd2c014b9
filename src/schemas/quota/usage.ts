/**
 * The usage of one object, by the names that ResourceQuotas have for it. Pure. The API claims by
 * it, and the controller counts by it. Source: the API reference of ResourceQuota and upstream's
 * evaluators.
 */
import { ownMember } from '../../base/json.ts';
import { words } from '../../base/words.ts';
import { asNumber, asRecord, asRecords, asString, type Fields } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { podQuantities, type Quantities, sumQuantities } from '../pods/pod-quantities.ts';
import { parseQuantity, type Quantity } from '../values/quantity.ts';
import { type ResourceKind, resourceIdOf } from '../resource-kind.ts';

type ResourceName = Pick<ResourceKind, 'group' | 'plural'>;
const NANO = 1_000_000_000n;
export const countOf = (count: number): Quantity => ({ nanos: BigInt(count) * NANO, format: 'DecimalSI' });

/** Resources with a name of their own, besides `count/…`. */
const COUNTED_BY_NAME: readonly string[] = words(
  'configmaps persistentvolumeclaims replicationcontrollers resourcequotas secrets services',
);

export function usageOf(kind: ResourceName, object: KubeObject, nowMs: number): Quantities {
  const resource = resourceIdOf(kind);
  const used = new Map<string, Quantity>([[`count/${resource}`, countOf(1)]]);
  if (COUNTED_BY_NAME.includes(resource)) used.set(resource, countOf(1));
  switch (resource) {
    case 'pods':
      return sumQuantities(used, isOver(object, nowMs) ? new Map() : podUsage(object));
    case 'services':
      return sumQuantities(used, serviceUsage(asRecord(object['spec'])));
    case 'persistentvolumeclaims':
      return sumQuantities(used, claimUsage(object));
    default:
      return used;
  }
}

/** The names that a quota may have for objects of this resource; a prefix ends with `*`. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  pods: ['pods', 'cpu', 'memory', 'ephemeral-storage', 'requests.*', 'limits.*', 'hugepages-*'],
  services: ['services', 'services.nodeports', 'services.loadbalancers'],
  persistentvolumeclaims: ['persistentvolumeclaims', 'requests.storage', '*.storageclass.storage.k8s.io/'],
};

/** Whether a quota on `name` counts objects of this resource. */
export function isCountedBy(kind: ResourceName, name: string): boolean {
  const resource = resourceIdOf(kind);
  if (name === `count/${resource}` || (COUNTED_BY_NAME.includes(resource) && name === resource)) return true;
  if (resource === 'pods' && name === 'requests.storage') return false;
  return (ownMember(NAMES, resource) ?? []).some((pattern) => {
    if (pattern.endsWith('*')) return name.startsWith(pattern.slice(0, -1));
    return pattern.startsWith('*') ? name.includes(pattern.slice(1)) : name === pattern;
  });
}

/** The resource (`deployments.apps`) that a name of a quota counts. */
export function resourceCountedBy(name: string): string {
  if (name.startsWith('count/')) return name.slice('count/'.length);
  if (name.startsWith('services')) return 'services';
  if (name === 'requests.storage' || name.includes('.storageclass.storage.k8s.io/'))
    return 'persistentvolumeclaims';
  return COUNTED_BY_NAME.includes(name) ? name : 'pods';
}

/** A pod that has ended, or whose grace period after its deletion is over, uses nothing. */
function isOver(pod: KubeObject, nowMs: number): boolean {
  const { phase } = asRecord(pod['status']);
  if (phase === 'Succeeded' || phase === 'Failed') return true;
  const { deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return false;
  return nowMs > Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

/** These are counted under their own name, too. */
const PLAIN = ['cpu', 'memory', 'ephemeral-storage'];

function podUsage(pod: KubeObject): Quantities {
  const used = new Map<string, Quantity>([['pods', countOf(1)]]);
  for (const [name, amount] of podQuantities(pod['spec'], 'requests')) {
    if (PLAIN.includes(name) || name.startsWith('hugepages-')) used.set(name, amount);
    used.set(`requests.${name}`, amount);
  }
  for (const [name, amount] of podQuantities(pod['spec'], 'limits'))
    if (PLAIN.includes(name)) used.set(`limits.${name}`, amount);
  return used;
}

function serviceUsage(spec: Fields): Quantities {
  const type = asString(spec['type']);
  const ports = asRecords(spec['ports']);
  const used = new Map<string, Quantity>();
  if (type === 'LoadBalancer') used.set('services.loadbalancers', countOf(1));
  if (type === 'NodePort') used.set('services.nodeports', countOf(ports.length));
  if (type === 'LoadBalancer') {
    const allocated =
      spec['allocateLoadBalancerNodePorts'] === false
        ? ports.filter((port) => (asNumber(port['nodePort']) ?? 0) !== 0)
        : ports;
    used.set('services.nodeports', countOf(allocated.length));
  }
  return used;
}

function claimUsage(claim: KubeObject): Quantities {
  const spec = asRecord(claim['spec']);
  const storage = parseQuantity(asRecord(asRecord(spec['resources'])['requests'])['storage']);
  const className = asString(spec['storageClassName']);
  const used = new Map<string, Quantity>();
  const prefix = `${className}.storageclass.storage.k8s.io/`;
  if (className !== '') used.set(`${prefix}persistentvolumeclaims`, countOf(1));
  if (storage) used.set('requests.storage', storage);
  if (storage && className !== '') used.set(`${prefix}requests.storage`, storage);
  return used;
}
