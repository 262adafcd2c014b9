/** Indexes over caches that several users share. */
import { getPath } from '../../schemas/json-access.ts';
import { controllerOf, type KubeObject } from '../../schemas/object.ts';
import type { Pod } from '../../schemas/types.ts';
import { claimKeysOf } from '../../schemas/volumes/pod-claims.ts';
import type { ResourceCache } from './cache.ts';

/** By the uid of the controller; the others are under {@link orphansOf} their namespace. */
export const CONTROLLER_INDEX = 'controller-uid';

export function orphansOf(namespace: string | undefined): string {
  return `orphans of ${namespace ?? ''}`;
}

export function indexByController<T extends KubeObject>(cache: ResourceCache<T>): void {
  cache.addIndex(CONTROLLER_INDEX, (object) => [
    controllerOf(object)?.uid ?? orphansOf(object.metadata.namespace),
  ]);
}

/** Pods without a node, by the keys of their claims. */
export const WAITING_BY_CLAIM = 'waiting-by-claim';

export function indexWaitingByClaim<T extends KubeObject>(cache: ResourceCache<T>): void {
  cache.addIndex(WAITING_BY_CLAIM, (object) => {
    const pod = object as KubeObject as Pod;
    return pod.spec.nodeName ? [] : claimKeysOf(pod);
  });
}

/** Pods by the node they are bound to. */
export const NODE_INDEX = 'node-name';

export function indexByNode<T extends KubeObject>(cache: ResourceCache<T>): void {
  cache.addIndex(NODE_INDEX, (pod) => {
    const node = getPath(pod, 'spec', 'nodeName');
    return typeof node === 'string' && node !== '' ? [node] : [];
  });
}
