/** Reports changes to the applications that they concern, also those of owned objects and nodes. */
import { jsonEqual } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import { AUTOSCALERS, scaledId } from '../../diff/autoscaled.ts';
import { idOf, splitId } from '../../diff/desired-set.ts';
import { managingApplication } from '../../diff/tracking.ts';
import { conditionOf, textAt } from '../../health/fields.ts';
import { NODE_INDEX, WAITING_BY_CLAIM } from '../../store/cache/indexes.ts';
import { type KubeObject, controllerOf, keyOf, objectKey } from '../../schemas/object.ts';
import {
  type Registry,
  type ResourceId,
  type ResourceKind,
  resourceIdOf,
} from '../../schemas/resource-kind.ts';
import type { CacheEvent, ResourceCache } from '../../store/cache/cache.ts';
import { isSpent } from '../plan/plan-spent-jobs.ts';

export interface ManagedEvent {
  readonly application: string;
  readonly id: string;
  /** The object appeared or went, or a field other than its status changed. */
  readonly specChanged: boolean;
  /** Only a warning came, which explains an unhealthy object and changes nothing else. */
  readonly onlyExplains?: true;
  /** A Job is done, and its time to live is over. */
  readonly isSpent?: true;
}

export interface OpenedKind {
  readonly kind: ResourceKind;
  readonly cache: ResourceCache;
}

export function createReports(
  opened: ReadonlyMap<ResourceId, OpenedKind>,
  registry: Registry,
  onEvent: (event: ManagedEvent) => void,
) {
  /** There is news about the cause of the object's health. */
  function explained(kind: ResourceKind, about: KubeObject): void {
    const application = managingApplication(about);
    const onlyExplains = true;
    if (application !== undefined)
      onEvent({ application, id: idOf(kind, keyOf(about)), specChanged: false, onlyExplains });
    reportOwner(kind, about, { onlyExplains });
    reportWaiting(kind, about);
  }

  /** A claim explains the pods that wait for it, also where Git does not hold the claim. */
  function reportWaiting(of: ResourceKind, claim: KubeObject): void {
    const pods = of.plural === 'persistentvolumeclaims' ? opened.get('pods') : undefined;
    for (const pod of pods?.cache.byIndex(WAITING_BY_CLAIM, keyOf(claim)) ?? [])
      if (pods) explained(pods.kind, pod);
  }

  /** The state of a node changes the state of its pods. */
  function reportNode({ object, previous }: CacheEvent): void {
    const ready = (node: KubeObject | undefined): string =>
      textAt(conditionOf(node?.status, 'Ready'), 'status');
    if (previous && ready(object) === ready(previous)) return;
    const pods = opened.get('pods');
    if (!pods) return;
    for (const pod of pods.cache.byIndex(NODE_INDEX, object.metadata.name))
      changed(pods.kind, { type: 'MODIFIED', key: keyOf(pod), object: pod, previous: pod, version: '' });
  }

  function changed(kind: ResourceKind, event: CacheEvent): void {
    const { object, previous } = event;
    if (resourceIdOf(kind) === 'nodes') reportNode(event);
    const spent = event.type === 'DELETED' && isSpent(object) ? ({ isSpent: true } as const) : {};
    if (resourceIdOf(kind) === AUTOSCALERS && specChanged(event)) reportScaled(event);
    const applications = new Set([managingApplication(object), previous && managingApplication(previous)]);
    for (const application of applications) {
      if (application === undefined) continue;
      onEvent({ application, id: idOf(kind, event.key), specChanged: specChanged(event), ...spent });
    }
    reportOwner(kind, object, {});
    reportWaiting(kind, object);
  }

  /** The number of replicas becomes an autoscaler's, or Git's again. */
  function reportScaled({ object, previous }: CacheEvent): void {
    const ids = new Set([object, previous].map((autoscaler) => autoscaler && scaledId(autoscaler, registry)));
    for (const id of ids) {
      if (id === undefined) continue;
      const { resource, key } = splitId(id);
      const target = opened.get(resource)?.cache.get(key);
      const application = target && managingApplication(target);
      if (application !== undefined) onEvent({ application, id, specChanged: true });
    }
  }

  function reportOwner(of: ResourceKind, object: KubeObject, extra: Pick<ManagedEvent, 'onlyExplains'>) {
    if (of.plural !== 'pods' && of.plural !== 'replicasets') return;
    const { id, application } = rootOwner(object);
    if (application !== undefined) onEvent({ application, id, specChanged: false, ...extra });
  }

  /** The topmost owner: a pod's ReplicaSet's Deployment. */
  function rootOwner(object: KubeObject): { readonly id: string; readonly application: string | undefined } {
    let current = object;
    let id = '';
    // Owners are at most a few deep; the bound ends a cycle.
    for (let depth = 0; depth < 5; depth += 1) {
      const owner = controllerOf(current);
      const kind = owner && registry.byKind(owner.apiVersion, owner.kind);
      if (!owner || !kind) break;
      const key = objectKey(kind.namespaced ? current.metadata.namespace : undefined, owner.name);
      const parent = opened.get(resourceIdOf(kind))?.cache.get(key);
      if (parent?.metadata.uid !== owner.uid || !parent) break;
      current = parent;
      id = idOf(kind, key);
    }
    return { id, application: id === '' ? undefined : managingApplication(current) };
  }

  return { changed, explained };
}

function specChanged({ type, object, previous }: CacheEvent): boolean {
  if (type !== 'MODIFIED' || !previous) return true;
  const { metadata } = object;
  const { metadata: metadataBefore } = previous;
  return (
    !jsonEqual(omit(object, 'status', 'metadata'), omit(previous, 'status', 'metadata')) ||
    !jsonEqual(metadata.labels, metadataBefore.labels) ||
    !jsonEqual(metadata.annotations, metadataBefore.annotations) ||
    metadata.deletionTimestamp !== metadataBefore.deletionTimestamp
  );
}
