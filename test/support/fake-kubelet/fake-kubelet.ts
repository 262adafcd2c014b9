/**
 * The fake kubelet of the recorded stories (README there): pods become Running and Ready, end, and
 * go, steered by their `fake/*` annotations. It also binds pods to nodes, as the scheduler would,
 * and renews its nodes' leases.
 */
import { createAbort } from '../../src/base/abort.ts';
import { sleep, toRfc3339, toRfc3339Micro } from '../../src/base/clock.ts';
import { targetNode } from '../../src/controllers/daemon-set/daemon-pods.ts';
import { keyOf, objectKey } from '../../src/schemas/object.ts';
import { isStatusError } from '../../src/schemas/errors/status.ts';
import { claimsOfPod } from '../../src/schemas/volumes/pod-claims.ts';
import type {
  Lease,
  Node,
  PersistentVolumeClaim,
  Pod,
  PodCondition,
  StorageClass,
} from '../../src/schemas/types.ts';
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

/** The recorded scheduler said it so, with five nodes. */
const UNBOUND = '0/5 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found';
const RUN_DELAY_MS = 200;
const EXIT_DELAY_MS = 400;
/** Exit code of a container that was asked to stop. */
const TERMINATED = 143;
const TERM_DELAY_MS = 150;
const RENEW_MS = 1500;

export interface FakeKubeletOptions {
  /** False: a scheduler places the pods. */
  readonly binds?: boolean;
}

export async function startFakeKubelet(
  cluster: TestCluster,
  { binds = true }: FakeKubeletOptions = {},
): Promise<FakeKubelet> {
  const { clock, objects, context } = cluster;
  const pods = await context.caches.open<Pod>('pods');
  const nodes = await context.caches.open<Node>('nodes');
  const leases = await context.caches.open<Lease>('leases.coordination.k8s.io');
  const claims = await context.caches.open<PersistentVolumeClaim>('persistentvolumeclaims');
  const classes = await context.caches.open<StorageClass>('storageclasses.storage.k8s.io');
  const abort = createAbort();
  const down = new Set<string>();
  const running: Promise<void>[] = [];
  const started = new Set<string>();
  const ending = new Set<string>();
  const bound = new Set<string>();
  /** How many pods of each owner have started. */
  const startedOf = new Map<string, number>();
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
    const kept = (pod.status?.conditions ?? []).filter(({ type }) =>
      ['DisruptionTarget', ...(binds ? [] : ['PodScheduled'])].includes(type),
    );
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
    const code = exitCodeOf(pod);
    if (code !== undefined) return exit(pod, code);
    if (readyDelay === undefined || Number.isNaN(Number(readyDelay))) return;
    await sleep(clock, Number(readyDelay) * 1000, abort.signal);
    if (abort.signal.aborted || isDown(pod) || ending.has(uid)) return;
    await update(uid, key, (current) => withReady(current, true));
  }

  /** Undefined: the containers keep running. */
  function exitCodeOf(pod: Pod): number | undefined {
    const owner = pod.metadata.ownerReferences?.[0]?.uid ?? '';
    const turnOfOwner = startedOf.get(owner) ?? 0;
    startedOf.set(owner, turnOfOwner + 1);
    const index = pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index'];
    const byIndex = (annotation(pod, 'exit-by-index') ?? '')
      .split(',')
      .find((rule) => rule.startsWith(`${index}=`));
    const sequence = annotation(pod, 'exit-seq')?.split(',');
    const text =
      byIndex?.split('=')[1] ?? sequence?.[turnOfOwner] ?? sequence?.at(-1) ?? annotation(pod, 'exit');
    return text === undefined || Number.isNaN(Number(text)) ? undefined : Number(text);
  }

  /** Ends the containers, again and again where the pod restarts them. */
  async function exit(pod: Pod, code: number): Promise<void> {
    const uid = pod.metadata.uid ?? '';
    const { restartPolicy = 'Always' } = pod.spec;
    const restarts = restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && code !== 0);
    for (let count = 1; ; count += 1) {
      await sleep(clock, delayOf(pod, 'exit-delay', EXIT_DELAY_MS), abort.signal);
      if (abort.signal.aborted || isDown(pod) || ending.has(uid)) return;
      if (!restarts) {
        const phase = code === 0 ? 'Succeeded' : 'Failed';
        return update(uid, keyOf(pod), (current) => finished(current, phase, { code }));
      }
      await update(uid, keyOf(pod), (current) => restarted(current, count));
    }
  }

  function restarted(pod: Pod, restartCount: number): Pod {
    const containerStatuses = pod.spec.containers.map(({ name, image = '' }) => ({
      name,
      image,
      imageID: 'fake',
      ready: true,
      restartCount,
      state: { running: {} },
    }));
    return { ...pod, status: { ...pod.status, containerStatuses } };
  }

  async function end(pod: Pod): Promise<void> {
    await sleep(clock, delayOf(pod, 'term-delay', TERM_DELAY_MS), abort.signal);
    if (abort.signal.aborted || isDown(pod)) return void ending.delete(pod.metadata.uid ?? '');
    const uid = pod.metadata.uid ?? '';
    const phase = (pod.spec.restartPolicy ?? 'Always') === 'Always' ? 'Succeeded' : 'Failed';
    const code = phase === 'Failed' ? TERMINATED : 0;
    await update(uid, keyOf(pod), (current) => finished(current, phase, { code }));
    const metadata = { name: pod.metadata.name, namespace: pod.metadata.namespace ?? '' };
    const options = { gracePeriodSeconds: 0, preconditions: { uid } };
    await objects.apply([{ verb: 'delete', object: { apiVersion: 'v1', kind: 'Pod', metadata }, options }]);
  }

  function finished(
    pod: Pod,
    phase: 'Succeeded' | 'Failed',
    { reason, code }: { readonly reason?: string | undefined; readonly code: number },
  ): Pod {
    if (pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed') return pod;
    const disruption = annotation(pod, 'disruption');
    const target: PodCondition = {
      type: 'DisruptionTarget',
      status: 'True',
      reason: disruption ?? '',
      lastTransitionTime: toRfc3339(clock.now()),
      lastProbeTime: null as never,
    };
    const judged = (pod.status?.conditions ?? []).map((condition) =>
      ['Ready', 'ContainersReady'].includes(condition.type)
        ? {
            ...condition,
            status: 'False' as const,
            lastTransitionTime: toRfc3339(clock.now()),
            reason: phase === 'Failed' ? 'PodFailed' : 'PodCompleted',
          }
        : condition,
    );
    const conditions = disruption === undefined ? judged : [...judged, target];
    const ended = (pod.status?.containerStatuses ?? []).length > 0 || code !== 0 ? pod.spec.containers : [];
    const containerStatuses = ended.map(({ name, image = '' }) => ({
      name,
      image,
      imageID: 'fake',
      ready: false,
      restartCount: 0,
      state: { terminated: { exitCode: code, finishedAt: toRfc3339(clock.now()) } },
    }));
    return {
      ...pod,
      status: {
        ...pod.status,
        phase,
        conditions,
        ...(containerStatuses.length > 0 ? { containerStatuses } : {}),
        ...(reason ? { reason } : {}),
      },
    };
  }

  /** Claims that nobody binds after the pod was placed hold it up, as the scheduler would. */
  function waitsForClaims(pod: Pod): boolean {
    return claimsOfPod(pod).some(({ name }) => {
      const claim = claims.get(objectKey(pod.metadata.namespace, name));
      const binding = classes.get(claim?.spec.storageClassName ?? '')?.volumeBindingMode;
      return claim?.status?.phase !== 'Bound' && binding !== 'WaitForFirstConsumer';
    });
  }

  async function refuse(pod: Pod): Promise<void> {
    const condition = {
      type: 'PodScheduled',
      status: 'False' as const,
      reason: 'Unschedulable',
      message: UNBOUND,
      observedGeneration: pod.metadata.generation ?? 1,
      lastProbeTime: null as never,
      lastTransitionTime: toRfc3339(clock.now()),
    };
    if (pod.status?.conditions?.length) return;
    await update(pod.metadata.uid ?? '', keyOf(pod), (current) => ({
      ...current,
      status: { ...current.status, conditions: [condition] },
    }));
  }

  async function bind(pod: Pod): Promise<void> {
    if (waitsForClaims(pod)) return refuse(pod);
    const free = nodes.list().filter((node) => !(node.spec.taints ?? []).length);
    turn += 1;
    const node = targetNode(pod) ?? free[turn % free.length]?.metadata.name;
    if (!node) return;
    bound.add(pod.metadata.uid ?? '');
    const { conditions, ...status } = pod.status ?? {};
    const placed = { ...pod, spec: { ...pod.spec, nodeName: node }, ...(conditions ? { status } : {}) };
    await objects.update(placed, { subresource: 'binding' });
  }

  function look(pod: Pod): void {
    const uid = pod.metadata.uid ?? '';
    const { phase } = pod.status ?? {};
    if (!pod.spec.nodeName) {
      if (!pod.metadata.deletionTimestamp && binds) go(() => bind(pod));
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
    claims.subscribe(({ object: { metadata } }) => {
      for (const pod of pods.list(metadata.namespace)) if (!pod.spec.nodeName) look(pod);
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
    async setPod(key, to, code, reason) {
      const uid = pods.get(key)?.metadata.uid ?? '';
      await update(uid, key, (pod) => {
        if (to === 'ready' || to === 'unready') return withReady(pod, to === 'ready');
        if (to === 'succeed') return finished(pod, 'Succeeded', { reason, code: 0 });
        return finished(pod, 'Failed', { reason, code: code ?? 1 });
      });
    },
    async [Symbol.asyncDispose]() {
      abort.abort();
      for (const subscription of subscriptions) subscription[Symbol.dispose]();
      await Promise.all(running);
    },
  };
}
