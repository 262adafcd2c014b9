/**
 * The fake kubelet of the recorded stories (README there): pods become Running and Ready, end, and
 * go, steered by their `fake/*` annotations. It also binds pods to nodes, as the scheduler would,
 * and renews its nodes' leases.
 */
import { createAbort } from '../../src/base/abort.ts';
import { sleep, toRfc3339, toRfc3339Micro } from '../../src/base/clock.ts';
import { keyOf } from '../../src/schemas/object.ts';
import { isStatusError } from '../../src/schemas/errors/status.ts';
import type { Lease, Node, Pod, PodCondition } from '../../src/schemas/types.ts';
import type { TestCluster } from './cluster.ts';

export interface FakeKubelet extends AsyncDisposable {
  setDown(node: string, down: boolean): void;
  setPod(
    key: string,
    to: 'ready' | 'unready' | 'fail' | 'succeed',
    exit?: number,
    reason?: string,
  ): Promise<void>;
}

const RUN_DELAY_MS = 200;
const TERM_DELAY_MS = 150;
const RENEW_MS = 1500;

export async function startFakeKubelet(cluster: TestCluster): Promise<FakeKubelet> {
  const { clock, objects, context } = cluster;
  const pods = await context.caches.open<Pod>('pods');
  const nodes = await context.caches.open<Node>('nodes');
  const leases = await context.caches.open<Lease>('leases.coordination.k8s.io');
  const abort = createAbort();
  const down = new Set<string>();
  const running: Promise<void>[] = [];
  const started = new Set<string>();
  const ending = new Set<string>();
  const bound = new Set<string>();
  const addresses = new Map<string, string>();
  let turn = 0;

  const annotation = (pod: Pod, name: string): string | undefined =>
    pod.metadata.annotations?.[`fake/${name}`];
  const delayOf = (pod: Pod, name: string, otherwise: number): number => {
    const text = annotation(pod, name);
    return text === undefined || Number.isNaN(Number(text)) ? otherwise : Number(text) * 1000;
  };
  const isDown = (pod: Pod): boolean => down.has(pod.spec.nodeName ?? '');
  const go = (work: () => Promise<void>): void => {
    running.push(
      work().catch((error: unknown) => {
        if (!abort.signal.aborted && !isStatusError(error)) throw error;
      }),
    );
  };

  async function update(uid: string, key: string, change: (pod: Pod) => Pod): Promise<void> {
    for (;;) {
      const pod = (await cluster.store.get('pods', key)) as Pod | undefined;
      if (!pod || pod.metadata.uid !== uid) return;
      try {
        await objects.update(change(pod), { subresource: 'status' });
        return;
      } catch (error) {
        if (!isStatusError(error, 'Conflict')) throw error;
      }
    }
  }

  function addressOf({ metadata: { uid = '' } }: Pod): string {
    const index = addresses.size;
    const address = addresses.get(uid) ?? `10.1.${String(index >> 8)}.${String((index & 255) + 1)}`;
    addresses.set(uid, address);
    return address;
  }

  function withReady(pod: Pod, ready: boolean): Pod {
    const lastTransitionTime = toRfc3339(clock.now());
    const set = (type: string, status: 'True' | 'False'): PodCondition => ({
      type,
      status,
      lastTransitionTime,
      lastProbeTime: null as never,
      ...(status === 'False' ? { reason: 'ContainersNotReady' } : {}),
    });
    const kept = (pod.status?.conditions ?? []).filter(({ type }) => type === 'DisruptionTarget');
    const status = ready ? 'True' : 'False';
    const conditions = [
      set('Initialized', 'True'),
      set('PodReadyToStartContainers', 'True'),
      set('Ready', status),
      set('ContainersReady', status),
      ...(bound.has(pod.metadata.uid ?? '') ? [set('PodScheduled', 'True')] : []),
      ...kept,
    ];
    const podIP = addressOf(pod);
    const addressed = { podIP, podIPs: [{ ip: podIP }], startTime: lastTransitionTime };
    return { ...pod, status: { ...pod.status, ...addressed, phase: 'Running', conditions } };
  }

  async function start(pod: Pod): Promise<void> {
    const key = keyOf(pod);
    const uid = pod.metadata.uid ?? '';
    await sleep(clock, delayOf(pod, 'run-delay', RUN_DELAY_MS), abort.signal);
    if (abort.signal.aborted || isDown(pod) || ending.has(uid)) return;
    const readyDelay = annotation(pod, 'ready-delay');
    await update(uid, key, (current) => withReady(current, readyDelay === undefined));
    if (readyDelay === undefined || Number.isNaN(Number(readyDelay))) return;
    await sleep(clock, Number(readyDelay) * 1000, abort.signal);
    if (abort.signal.aborted || isDown(pod) || ending.has(uid)) return;
    await update(uid, key, (current) => withReady(current, true));
  }

  async function end(pod: Pod): Promise<void> {
    await sleep(clock, delayOf(pod, 'term-delay', TERM_DELAY_MS), abort.signal);
    if (abort.signal.aborted || isDown(pod)) return void ending.delete(pod.metadata.uid ?? '');
    const uid = pod.metadata.uid ?? '';
    await update(uid, keyOf(pod), (current) => finished(current, 'Succeeded'));
    const metadata = { name: pod.metadata.name, namespace: pod.metadata.namespace ?? '' };
    const options = { gracePeriodSeconds: 0, preconditions: { uid } };
    await objects.apply([{ verb: 'delete', object: { apiVersion: 'v1', kind: 'Pod', metadata }, options }]);
  }

  function finished(pod: Pod, phase: 'Succeeded' | 'Failed', reason?: string): Pod {
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return pod;
    const conditions = (pod.status?.conditions ?? []).map((condition) =>
      ['Ready', 'ContainersReady'].includes(condition.type)
        ? {
            ...condition,
            status: 'False' as const,
            lastTransitionTime: toRfc3339(clock.now()),
            reason: phase === 'Failed' ? 'PodFailed' : 'PodCompleted',
          }
        : condition,
    );
    return { ...pod, status: { ...pod.status, phase, conditions, ...(reason ? { reason } : {}) } };
  }

  async function bind(pod: Pod): Promise<void> {
    const free = nodes.list().filter((node) => !(node.spec.taints ?? []).length);
    turn += 1;
    const node = free[turn % free.length]?.metadata.name;
    if (!node) return;
    bound.add(pod.metadata.uid ?? '');
    await objects.update({ ...pod, spec: { ...pod.spec, nodeName: node } }, { subresource: 'binding' });
  }

  function look(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const { phase } = pod.status ?? {};
    if (!pod.spec.nodeName) {
      if (!pod.metadata.deletionTimestamp) go(() => bind(pod));
      return;
    }
    if (isDown(pod)) return;
    if (pod.metadata.deletionTimestamp && !ending.has(uid)) {
      ending.add(uid);
      go(() => end(pod));
    } else if (!started.has(uid) && (phase ?? 'Pending') === 'Pending') {
      started.add(uid);
      go(() => start(pod));
    }
  }

  async function renew(name: string): Promise<void> {
    const renewTime = toRfc3339Micro(clock.now());
    const key = `kube-node-lease/${name}`;
    const lease = leases.get(key);
    const spec = { holderIdentity: name, leaseDurationSeconds: 40, renewTime };
    if (lease) await objects.update({ ...lease, spec });
    else {
      const metadata = { name, namespace: 'kube-node-lease' };
      await objects.create({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata, spec });
    }
  }

  async function heartbeat(): Promise<void> {
    while (!abort.signal.aborted) {
      for (const node of nodes.list()) if (!down.has(node.metadata.name)) await renew(node.metadata.name);
      await sleep(clock, RENEW_MS, abort.signal);
    }
  }

  async function register(node: Node): Promise<void> {
    const resources = { cpu: '16', memory: '64Gi', pods: '110' };
    const now = toRfc3339(clock.now());
    const ready = {
      type: 'Ready',
      status: 'True',
      reason: 'KubeletReady',
      lastHeartbeatTime: now,
      lastTransitionTime: now,
    };
    const status = { allocatable: resources, capacity: resources, conditions: [ready] };
    const metadata = { ...node.metadata };
    delete metadata.resourceVersion;
    await objects.update({ ...node, metadata, status }, { subresource: 'status' });
  }

  const subscriptions = [
    pods.subscribe(({ type, object }) => {
      if (type !== 'DELETED') look(object);
    }),
    nodes.subscribe(({ type, object }) => {
      if (type === 'ADDED') go(() => register(object));
    }),
  ];
  go(heartbeat);

  return {
    setDown(node, isDownNow) {
      if (isDownNow) down.add(node);
      else down.delete(node);
    },
    async setPod(key, to, _exit, reason) {
      const uid = pods.get(key)?.metadata.uid ?? '';
      await update(uid, key, (pod) => {
        if (to === 'ready' || to === 'unready') return withReady(pod, to === 'ready');
        return finished(pod, to === 'fail' ? 'Failed' : 'Succeeded', reason);
      });
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await Promise.all(running);
    },
  };
}
