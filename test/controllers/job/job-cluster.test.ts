import { afterEach, describe, expect, it } from 'vitest';
import { keyOf, type KubeObject } from '../../../src/schemas/object.ts';
import type { Event, Job, Pod } from '../../../src/schemas/types.ts';
import { type Store, StoreUnavailable } from '../../../src/store/types.ts';
import { startTestCluster, type TestCluster, type TestClusterOptions } from '../../support/cluster.ts';

const FINALIZER = 'batch.kubernetes.io/job-tracking';

let cluster: TestCluster;
afterEach(() => cluster[Symbol.asyncDispose]());

const aJob = (spec: object): KubeObject => ({
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: { name: 'once', namespace: 'default' },
  spec: {
    template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1' }] } },
    ...spec,
  },
});

interface Counts {
  /** Commits that write a Job, with its pods. */
  commits: number;
  /** The answer of every such commit is lost, though it happened. */
  loses: (resources: readonly string[]) => boolean;
}

async function start(options: TestClusterOptions = {}): Promise<Counts> {
  const counts: Counts = { commits: 0, loses: () => false };
  const wrapStore = (store: Store): Store => ({
    ...store,
    async commit(ops, commitOptions) {
      const result = await store.commit(ops, commitOptions);
      const resources = ops.map(({ resource }) => resource);
      if (resources.includes('jobs.batch')) counts.commits += 1;
      if (counts.loses(resources)) throw new StoreUnavailable('The answer is lost', { isUnanswered: true });
      return result;
    },
  });
  cluster = await startTestCluster({ wrapStore, ...options });
  return counts;
}

const podsThere = async (): Promise<Pod[]> => (await cluster.store.list('pods')).objects as Pod[];
const job = async (): Promise<Job | undefined> =>
  (await cluster.store.get('jobs.batch', 'default/once')) as Job | undefined;

async function end(pods: readonly Pod[], phase: 'Succeeded' | 'Failed'): Promise<void> {
  for (const { metadata, ...pod } of pods) {
    const named = { name: metadata.name, namespace: 'default' };
    await cluster.objects.update(
      { ...pod, metadata: { ...metadata, ...named, resourceVersion: '' }, status: { phase } },
      { subresource: 'status' },
    );
  }
}

const holds = ({ status }: Job, type: string): boolean =>
  status?.conditions?.some((condition) => condition.type === type && condition.status === 'True') ?? false;

describe('a Job', () => {
  /** Large commits are made in many turns of the event loop. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 50) await cluster.clock.advance(50);
  }

  it('makes 2,000 pods, and counts their ends, in few commits', async () => {
    const counts = await start();
    await cluster.objects.create(aJob({ parallelism: 2_000, completions: 2_000 }));
    await pass(5_000);
    const pods = await podsThere();
    expect(pods).toHaveLength(2_000);
    expect(counts.commits).toBeLessThan(10);
    await end(pods, 'Succeeded');
    const before = counts.commits;
    await pass(5_000);
    expect((await job())?.status).toMatchObject({ succeeded: 2_000, uncountedTerminatedPods: {} });
    expect(counts.commits - before).toBeLessThan(20);
  });

  it('counts each end once when every other answer to a commit is lost', async () => {
    const counts = await start();
    let commits = 0;
    counts.loses = (resources) => {
      if (!resources.includes('jobs.batch')) return false;
      commits += 1;
      return commits % 2 === 0;
    };
    await cluster.objects.create(aJob({ parallelism: 3, completions: 6, backoffLimit: 9 }));
    for (let round = 0; round < 4; round += 1) {
      await cluster.clock.advance(120_000);
      const running = (await podsThere()).filter(({ status }) => status?.phase === 'Pending');
      await end(running.slice(0, 1), round === 0 ? 'Failed' : 'Succeeded');
      await end(running.slice(1), 'Succeeded');
    }
    await cluster.clock.advance(120_000);
    const done = await job();
    expect(done?.status).toMatchObject({ succeeded: 6, failed: 1 });
    expect(done && holds(done, 'Complete')).toBe(true);
    expect(await podsThere()).toHaveLength(7);
    expect(commits).toBeGreaterThan(4);
  });

  it('leaves pods without the finalizer behind when it is deleted and they stay', async () => {
    await start();
    await cluster.objects.create(aJob({ parallelism: 2, completions: 2 }));
    await cluster.clock.advance(2_000);
    expect((await podsThere()).map(({ metadata }) => metadata.finalizers)).toEqual([
      [FINALIZER],
      [FINALIZER],
    ]);
    const object = { apiVersion: 'batch/v1', kind: 'Job', metadata: { name: 'once', namespace: 'default' } };
    // As kubectl does with --cascade=orphan, and the API without a policy.
    await cluster.objects.apply([{ verb: 'delete', object, options: {} }]);
    await cluster.clock.advance(5_000);
    expect(await job()).toBeUndefined();
    for (const { metadata } of await podsThere()) {
      expect(metadata.ownerReferences).toBeUndefined();
      expect(metadata.finalizers).toBeUndefined();
    }
    expect(await podsThere()).toHaveLength(2);
  });

  it('makes as many pods as a quota lets through, and the rest once there is room', async () => {
    await start({ admission: true });
    const metadata = { name: 'few', namespace: 'default' };
    await cluster.objects.create({
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata,
      spec: { hard: { pods: '2' } },
    });
    await cluster.clock.advance(2_000);
    await cluster.objects.create(aJob({ parallelism: 5, completions: 5 }));
    await cluster.clock.advance(5_000);
    expect(await podsThere()).toHaveLength(2);
    expect((await job())?.status?.active).toBe(2);
    await cluster.context.events.flush();
    const events = (await cluster.store.list('events')).objects as Event[];
    const refused = events.find(({ reason }) => reason === 'FailedCreate');
    expect(refused?.message).toMatch(/^Error creating: pods "once-\w+" is forbidden: exceeded quota: few/);
    await end(await podsThere(), 'Succeeded');
    await cluster.clock.advance(120_000);
    expect((await job())?.status).toMatchObject({ succeeded: 2, active: 2 });
  });

  it('runs nothing twice that agents bring back after the store lost everything', async () => {
    await start();
    cluster.setMayAct(false);
    const labels = { 'batch.kubernetes.io/controller-uid': 'before', 'controller-uid': 'before' };
    const restored = (name: string, phase: string): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace: 'default',
        uid: `uid-${name}`,
        labels,
        annotations: { 'symphony.dev/restored-owner': 'Job/once' },
        finalizers: name === 'done' ? [] : [FINALIZER],
      },
      spec: { nodeName: 'n1', restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1' }] },
      status: { phase },
    });
    const writes = [restored('done', 'Succeeded'), restored('busy', 'Running')].map(
      (object) => ({ verb: 'restore', object }) as const,
    );
    await cluster.context.writer.write({ writes });
    await cluster.clock.advance(1_000);
    await cluster.objects.create(aJob({ parallelism: 2, completions: 2, ttlSecondsAfterFinished: 30 }));
    await cluster.clock.advance(1_000);
    cluster.setMayAct(true);
    await cluster.clock.advance(2_000);
    expect((await podsThere()).map(({ metadata }) => metadata.name).sort()).toEqual(['busy', 'done']);
    expect((await job())?.status).toMatchObject({ active: 1, succeeded: 1 });
    await end(
      (await podsThere()).filter(({ metadata }) => metadata.name === 'busy'),
      'Succeeded',
    );
    await cluster.clock.advance(2_000);
    const done = await job();
    expect(done && holds(done, 'Complete')).toBe(true);
    expect(done?.status?.succeeded).toBe(2);
    expect((await podsThere()).map(keyOf).sort()).toEqual(['default/busy', 'default/done']);
  });

  it('is deleted when its time to live is over, and not before', async () => {
    await start();
    await cluster.objects.create(aJob({ ttlSecondsAfterFinished: 30 }));
    await cluster.clock.advance(2_000);
    await end(await podsThere(), 'Succeeded');
    await cluster.clock.advance(25_000);
    expect(await job()).toBeDefined();
    await cluster.clock.advance(10_000);
    expect(await job()).toBeUndefined();
    expect(await podsThere()).toEqual([]);
  });
});
