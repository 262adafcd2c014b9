/** Upstream's order of containers, and its texts, for the checks of the Pod Security Standards. */
import type { Container, PodSpec } from '../types.ts';

/** Init containers first, debug containers last; checks find names and security contexts here. */
export function containersOf(spec: PodSpec): readonly Container[] {
  return [
    ...(spec.initContainers ?? []),
    ...spec.containers,
    ...((spec.ephemeralContainers ?? []) as readonly Container[]),
  ];
}

export const quoted = (names: readonly string[]): string =>
  names.map((name) => JSON.stringify(name)).join(', ');

export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);

export const distinct = (values: readonly string[]): readonly string[] => [...new Set(values)].sort();

/** `container "a"`, `containers "a", "b"`. */
export const namesOf = (containers: readonly Container[]): string =>
  `${plural('container', 'containers', containers.length)} ${quoted(containers.map(({ name }) => name))}`;

/** `pod and container "a"`: who sets what must not be set. */
export function setters(byPod: boolean, containers: readonly Container[]): string {
  return [...(byPod ? ['pod'] : []), ...(containers.length > 0 ? [namesOf(containers)] : [])].join(' and ');
}
