/**
 * Services and their pods, found by index. A pod of a Service has every label of its selector, so
 * one of these labels finds few candidates in either direction.
 */
import { jsonEqual } from '../../base/json.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Pod, Service } from '../../schemas/types.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import { indexByLabel, labelTerm, podsWithLabel } from '../indexes.ts';
import { isReady } from '../pod-facts.ts';
import { mayBeEndpoint, podSelectorOf } from './endpoint-facts.ts';

export interface ServicePods {
  /** Pods with one label of the selector: those that the Service selects, and few others. */
  candidatesOf(service: Service): readonly Pod[];
  /** Keys of the Services whose endpoints may have changed with the pod. */
  servicesConcerned(event: Pick<CacheEvent<Pod>, 'type' | 'object' | 'previous'>): readonly string[];
  /** Keys of the Services that select the pod. */
  servicesOf(pod: Pod): readonly string[];
}

type Labels = Readonly<Record<string, string>>;

const SELECTOR_INDEX = 'selector-term';

/** The label that leads to the pods of a selector. Any of them would do. */
const leading = (selector: Labels): [string, string] | undefined =>
  Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1))[0];

export function indexServicePods(services: ResourceCache<Service>, pods: ResourceCache<Pod>): ServicePods {
  indexByLabel(pods);
  services.addIndex(SELECTOR_INDEX, (service) => {
    const first = leading(podSelectorOf(service) ?? {});
    return first ? [labelTerm(service.metadata.namespace, first)] : [];
  });
  const servicesOf = ({ metadata: { namespace, labels = {} } }: Pod): readonly string[] =>
    Object.entries(labels).flatMap((label) =>
      services
        .byIndex(SELECTOR_INDEX, labelTerm(namespace, label))
        .filter((service) => selects(podSelectorOf(service) ?? {}, labels))
        .map(keyOf),
    );
  return {
    servicesOf,
    candidatesOf(service) {
      const first = leading(podSelectorOf(service) ?? {});
      return first ? podsWithLabel(pods, service.metadata.namespace, first) : [];
    },
    servicesConcerned({ type, object, previous }) {
      const concerned = servicesOf(object);
      // A pod that is removed without a grace period ends as it was before.
      if (!previous || type === 'DELETED') return mayBeEndpoint(object) ? concerned : [];
      if (!mayMatter(object, previous)) return [];
      return [...new Set([...concerned, ...servicesOf(previous)])];
    },
  };
}

export const isSelectedBy = (service: Service, { metadata }: Pod): boolean =>
  selects(podSelectorOf(service) ?? {}, metadata.labels ?? {});

const selects = (selector: Labels, labels: Labels): boolean =>
  Object.entries(selector).every(([key, value]) => labels[key] === value);

/** Most changes of a pod do not touch endpoints: those of one that is no endpoint, for instance. */
function mayMatter(pod: Pod, previous: Pod): boolean {
  if (!mayBeEndpoint(pod) && !mayBeEndpoint(previous)) return false;
  return (
    mayBeEndpoint(pod) !== mayBeEndpoint(previous) ||
    pod.metadata.deletionTimestamp !== previous.metadata.deletionTimestamp ||
    pod.metadata.uid !== previous.metadata.uid ||
    isReady(pod) !== isReady(previous) ||
    pod.spec.hostname !== previous.spec.hostname ||
    pod.spec.subdomain !== previous.spec.subdomain ||
    !jsonEqual(pod.status?.podIPs, previous.status?.podIPs) ||
    !jsonEqual(pod.metadata.labels, previous.metadata.labels)
  );
}
