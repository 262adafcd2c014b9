/** Indexes over caches that several controllers share. */
import { controllerOf, type KubeObject } from '../schemas/object.ts';
import type { Pod } from '../schemas/types.ts';
import type { ResourceCache } from '../store/cache/cache.ts';

/** By the uid of the controller; objects without one are under {@link orphansOf} their namespace. */
export const CONTROLLER_INDEX = 'controller-uid';

export function orphansOf(namespace: string | undefined): string {
  return `orphans of ${namespace ?? ''}`;
}

export function indexByController<T extends KubeObject>(cache: ResourceCache<T>): void {
  cache.addIndex(CONTROLLER_INDEX, (object) => [
    controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace),
  ]);
}

/** Pods by the node they are bound to. */
export const NODE_INDEX = 'node-name';

export function indexByNode(cache: ResourceCache<Pod>): void {
  cache.addIndex(NODE_INDEX, (pod) => (pod.spec.nodeName ? [pod.spec.nodeName] : []));
}
