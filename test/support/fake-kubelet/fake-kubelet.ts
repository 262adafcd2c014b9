/**
 * The fake kubelet of the recorded stories (README there): pods become Running and Ready, end, and
 * go, steered by their `fake/*` annotations. It also binds pods to nodes, as the scheduler would,
 * and renews its nodes' leases.
 */
import { createAbort } from '../../../src/base/abort.ts';
import { keyOf } from '../../../src/schemas/object.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../../../src/schemas/types.ts';
import type { TestCluster } from '../cluster.ts';
import { registerNode, renewLeases } from './fake-nodes.ts';
import { openFakeScheduler } from './fake-scheduler.ts';
import { createPodLives } from './pod-lives.ts';
import { finished, unschedulable } from './pod-statuses.ts';

export interface FakeKubelet extends AsyncDisposable {
  setDown(node: string, down: boolean): void;
  setPod(
    key: string,
    to: 'ready' | 'unready' | 'fail' | 'succeed',
    exit?: number,
    reason?: string,
  ): Promise<void>;
}

export interface FakeKubeletOptions {
  /** False: a scheduler places the pods. */
  readonly binds?: boolean;
}

export async function startFakeKubelet(
  cluster: TestCluster,
  { binds = true }: FakeKubeletOptions = {},
): Promise<FakeKubelet> {
  const { clock, context } = cluster;
  const pods = await context.caches.open<Pod>('pods');
  const nodes = await context.caches.open<Node>('nodes');
  const claims = await context.caches.open<PersistentVolumeClaim>('persistentvolumeclaims');
  const scheduler = await openFakeScheduler(cluster);
  const abort = createAbort();
  const down = new Set<string>();
  const started = new Set<string>();
  const working: Promise<void>[] = [];

  const uidOf = ({ metadata: { uid = '' } }: Pod): string => uid;
  const isDown = (pod: Pod): boolean => down.has(pod.spec.nodeName ?? '');
  const lives = createPodLives(cluster, {
    signal: abort.signal,
    isDown,
    isBound: scheduler.isBound,
    isScheduled: !binds,
  });
  const go = (work: () => Promise<void>): void => {
    working.push(
      work().catch((error: unknown) => {
        if (!abort.signal.aborted && !isStatusError(error)) throw error;
      }),
    );
  };

  async function bind(pod: Pod): Promise<void> {
    if ((await scheduler.bind(pod)) || pod.status?.conditions?.length) return;
    await lives.update(uidOf(pod), keyOf(pod), (current) => unschedulable(current, clock.now()));
  }

  function look(pod: Pod): void {
    const { phase = 'Pending' } = pod.status ?? {};
    if (!pod.spec.nodeName) {
      if (!pod.metadata.deletionTimestamp && binds) go(() => bind(pod));
    } else if (isDown(pod)) return;
    else if (pod.metadata.deletionTimestamp && !lives.isEnding(pod)) go(() => lives.end(pod));
    else if (!started.has(uidOf(pod)) && phase === 'Pending') {
      started.add(uidOf(pod));
      go(() => lives.start(pod));
    }
  }

  const subscriptions = [
    pods.subscribe(({ type, object }) => {
      if (type !== 'DELETED') look(object);
    }),
    claims.subscribe(({ object: { metadata } }) => {
      for (const pod of pods.list(metadata.namespace)) if (!pod.spec.nodeName) look(pod);
    }),
    nodes.subscribe(({ type, object }) => {
      if (type === 'ADDED') go(() => registerNode(cluster, object));
    }),
  ];
  go(() => renewLeases(cluster, (node) => !down.has(node), abort.signal));

  return {
    setDown(node, isDownNow) {
      if (isDownNow) down.add(node);
      else down.delete(node);
    },
    async setPod(key, to, code = 1, reason) {
      const uid = pods.get(key)?.metadata.uid ?? '';
      await lives.update(uid, key, (pod) => {
        if (to === 'ready' || to === 'unready') return lives.setReady(pod, to === 'ready');
        const nowMs = clock.now();
        if (to === 'succeed') return finished(pod, 'Succeeded', { reason, code: 0, nowMs });
        return finished(pod, 'Failed', { reason, code, nowMs });
      });
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await Promise.all(working);
    },
  };
}
