/** Runs {@link planDaemonSet} for each DaemonSet whose objects changed. */
import { jsonEqual } from '../../base/json.ts';
import { controllerOf, keyOf, objectKey } from '../../schemas/object.ts';
import type { ControllerRevision, DaemonSet, Node, Pod } from '../../schemas/types.ts';
import type { CacheEvent } from '../../store/cache/cache.ts';
import { indexByController } from '../../store/cache/indexes.ts';
import { type Controller, itself, type Reconciler } from '../controller.ts';
import { claimableBy, ownersConcerned } from '../indexes.ts';
import { DAEMON_SET_EVENTS } from './daemon-set-events.ts';
import { createFailedPodBackoff } from './failed-pod-backoff.ts';
import { fitOf } from './node-fit.ts';
import { type DaemonSetPlan, type DaemonSetView, planDaemonSet, planRefusedPods } from './plan-daemon-set.ts';

/** A plan reads all nodes. Changes of many pods within this time share one plan. */
const BATCH_MS_PER_NODE = 0.1;
const MAX_BATCH_MS = 500;

export const daemonSetController: Controller = {
  name: 'daemonset',
  async open({ caches, clock, mayAct, rng }, scope): Promise<Reconciler<DaemonSetView, DaemonSetPlan>> {
    const daemonSets = await caches.open<DaemonSet>('daemonsets.apps');
    const revisions = await caches.open<ControllerRevision>('controllerrevisions.apps');
    const pods = await caches.open<Pod>('pods');
    const nodes = await caches.open<Node>('nodes');
    indexByController(revisions);
    indexByController(pods);
    const backoff = createFailedPodBackoff();
    let nodeCount = 0;
    const selectorOf = ({ spec }: DaemonSet): unknown => spec.selector;

    /** A change of the DaemonSet is a new try, as upstream. */
    const backoffKey = ({ metadata, status }: DaemonSet, node: string): string =>
      `${metadata.uid ?? ''}/${String(status?.observedGeneration ?? 0)}/${node}`;

    const batchMs = (): number => Math.min(MAX_BATCH_MS, Math.floor(nodeCount * BATCH_MS_PER_NODE));

    /** Only those whose pods come or go with this change of a node. */
    function concernedByNode({ type, object, previous }: CacheEvent<Node>): readonly string[] {
      const [before, after] = [type === 'ADDED' ? undefined : (previous ?? object), object];
      if (type === 'MODIFIED' && before && isSameToPods(before, after)) return [];
      return daemonSets
        .list()
        .filter((daemonSet) => {
          const fit = fitOf(daemonSet);
          const left = type === 'DELETED' ? 'leave' : fit(after);
          return left !== (before ? fit(before) : 'leave');
        })
        .map(keyOf);
    }

    scope.on(daemonSets, itself);
    const concerned = ownersConcerned('DaemonSet', daemonSets, selectorOf);
    // As upstream, which ignores a new revision that has a controller: users may make twins of one.
    scope.on(revisions, (event) =>
      event.type === 'ADDED' && controllerOf(event.object) ? [] : concerned(event),
    );
    scope.on(pods, concerned, batchMs);
    scope.on(nodes, concernedByNode);
    return {
      events: DAEMON_SET_EVENTS,
      keys: () => daemonSets.list().map(keyOf),
      observe(key) {
        const daemonSet = daemonSets.get(key);
        if (!daemonSet) return undefined;
        const { namespace } = daemonSet.metadata;
        const selector = selectorOf(daemonSet);
        const nowMs = clock.now();
        const allNodes = nodes.list();
        nodeCount = allNodes.length;
        return {
          daemonSet,
          revisions: claimableBy(revisions, daemonSet, selector),
          pods: claimableBy(pods, daemonSet, selector),
          nodes: allNodes,
          rng,
          mayAct: mayAct(),
          named: (name) => revisions.get(objectKey(namespace, name)),
          failureWaitMs: (node) => backoff.waitMs(backoffKey(daemonSet, node), nowMs),
        };
      },
      plan: planDaemonSet,
      planRefused: planRefusedPods,
      after({ failedOn = [] }, key) {
        const daemonSet = daemonSets.get(key);
        if (!daemonSet) return;
        backoff.next(
          failedOn.map((node) => backoffKey(daemonSet, node)),
          clock.now(),
        );
      },
    };
  },
};

const isSameToPods = (a: Node, b: Node): boolean =>
  jsonEqual(a.metadata.labels, b.metadata.labels) && jsonEqual(a.spec.taints, b.spec.taints);
