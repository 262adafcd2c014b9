/** The fake lives of pods: they run, end by themselves or when asked to, and go. */
import { sleep } from '../../../src/base/clock.ts';
import { keyOf } from '../../../src/schemas/object.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import type { TestCluster } from '../cluster.ts';
import { annotation, delayMs, exitCodeOf } from './annotations.ts';
import { addressAt, finished, restarted, running } from './pod-statuses.ts';

export interface PodLivesOptions {
  readonly signal: AbortSignal;
  /** The node of the pod does not answer: nothing happens to the pod. */
  isDown(pod: Pod): boolean;
  isBound(pod: Pod): boolean;
  /** A scheduler places the pods. */
  readonly isScheduled: boolean;
}

export interface PodLives {
  /** Runs the containers, until they end by themselves. */
  start(pod: Pod): Promise<void>;
  /** Stops the containers and removes the pod. */
  end(pod: Pod): Promise<void>;
  isEnding(pod: Pod): boolean;
  setReady(pod: Pod, ready: boolean): Pod;
  /** Changes the status unless the pod was replaced; `key` is looked up in the store. */
  update(uid: string, key: string, change: (pod: Pod) => Pod): Promise<void>;
}

const RUN_DELAY_MS = 200;
const EXIT_DELAY_MS = 400;
const TERM_DELAY_MS = 150;
/** Exit code of a container that was asked to stop. */
const TERMINATED = 143;

export function createPodLives(cluster: TestCluster, options: PodLivesOptions): PodLives {
  const { clock, objects } = cluster;
  const { isDown, signal } = options;
  const ending = new Set<string>();
  /** How many pods of each owner have started. */
  const startedOf = new Map<string, number>();
  const addresses = new Map<string, string>();

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

  const change = (pod: Pod, to: (current: Pod) => Pod): Promise<void> => update(uidOf(pod), keyOf(pod), to);

  function setReady(pod: Pod, ready: boolean): Pod {
    const podIP = addresses.get(uidOf(pod)) ?? addressAt(addresses.size);
    addresses.set(uidOf(pod), podIP);
    const { isScheduled } = options;
    return running(pod, { ready, podIP, isScheduled, isBound: options.isBound(pod), nowMs: clock.now() });
  }

  /** False: the pod is beyond reach after this time. */
  async function isThereAfter(pod: Pod, ms: number): Promise<boolean> {
    await sleep(clock, ms, signal);
    return !signal.aborted && !isDown(pod) && !ending.has(uidOf(pod));
  }

  function nextExitCode(pod: Pod): number | undefined {
    const owner = pod.metadata.ownerReferences?.[0]?.uid ?? '';
    const turn = startedOf.get(owner) ?? 0;
    startedOf.set(owner, turn + 1);
    return exitCodeOf(pod, turn);
  }

  /** Ends the containers, again and again where the pod restarts them. */
  async function exit(pod: Pod, code: number): Promise<void> {
    const { restartPolicy = 'Always' } = pod.spec;
    const restarts = restartPolicy === 'Always' || (restartPolicy === 'OnFailure' && code !== 0);
    for (let count = 1; ; count += 1) {
      if (!(await isThereAfter(pod, delayMs(pod, 'exit-delay') ?? EXIT_DELAY_MS))) return;
      if (!restarts) {
        const phase = code === 0 ? 'Succeeded' : 'Failed';
        return change(pod, (current) => finished(current, phase, { code, nowMs: clock.now() }));
      }
      await change(pod, (current) => restarted(current, count));
    }
  }

  return {
    async start(pod) {
      if (!(await isThereAfter(pod, delayMs(pod, 'run-delay') ?? RUN_DELAY_MS))) return;
      const isReady = annotation(pod, 'ready-delay') === undefined;
      await change(pod, (current) => setReady(current, isReady));
      const code = nextExitCode(pod);
      if (code !== undefined) return exit(pod, code);
      const readyDelayMs = delayMs(pod, 'ready-delay');
      if (readyDelayMs === undefined || !(await isThereAfter(pod, readyDelayMs))) return;
      await change(pod, (current) => setReady(current, true));
    },
    async end(pod) {
      const uid = uidOf(pod);
      ending.add(uid);
      await sleep(clock, delayMs(pod, 'term-delay') ?? TERM_DELAY_MS, signal);
      if (signal.aborted || isDown(pod)) return void ending.delete(uid);
      const phase = (pod.spec.restartPolicy ?? 'Always') === 'Always' ? 'Succeeded' : 'Failed';
      const code = phase === 'Failed' ? TERMINATED : 0;
      await change(pod, (current) => finished(current, phase, { code, nowMs: clock.now() }));
      const metadata = { name: pod.metadata.name, namespace: pod.metadata.namespace ?? '' };
      const deletion = { gracePeriodSeconds: 0, preconditions: { uid } };
      const object = { apiVersion: 'v1', kind: 'Pod', metadata };
      await objects.apply([{ verb: 'delete', object, options: deletion }]);
    },
    isEnding: (pod) => ending.has(uidOf(pod)),
    setReady,
    update,
  };
}

const uidOf = ({ metadata: { uid = '' } }: Pod): string => uid;
