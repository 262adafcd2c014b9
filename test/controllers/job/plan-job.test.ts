import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MAX_UNBOUND_PODS } from '../../../src/controllers/owned-pod.ts';
import { seededRng } from '../../../src/base/rng.ts';
import {
  type JobPlan,
  type JobView,
  planJob,
  planRefusedPods,
} from '../../../src/controllers/job/plan-job.ts';
import { planDelete } from '../../../src/schemas/strategy/index.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Job, Pod } from '../../../src/schemas/types.ts';
import { aPod, frozen, ownedBy } from '../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const FINALIZER = 'batch.kubernetes.io/job-tracking';
const podKind = builtinRegistry.byKind('v1', 'Pod');
const LABELS = { 'batch.kubernetes.io/controller-uid': 'u', 'controller-uid': 'u' };

function aJob(spec: Partial<Job['spec']> = {}, status: Job['status'] = {}): Job {
  return frozen({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'j', namespace: 'default', uid: 'u', resourceVersion: '1' },
    spec: {
      backoffLimit: 6,
      parallelism: 1,
      completions: 1,
      completionMode: 'NonIndexed' as const,
      podReplacementPolicy: 'TerminatingOrFailed' as const,
      selector: { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u' } },
      template: {
        metadata: { labels: LABELS },
        spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'busybox:1' }] },
      },
      ...spec,
    },
    status,
  });
}

function podOf(job: Job, name: string, options: Parameters<typeof aPod>[0] = {}, index?: number): Pod {
  const pod = ownedBy(job, aPod({ name, labels: LABELS, node: 'n1', phase: 'Running', ...options }));
  const indexed = { 'batch.kubernetes.io/job-completion-index': `${index}` };
  const annotations = { ...(index === undefined ? {} : indexed), ...pod.metadata.annotations };
  const metadata = { ...pod.metadata, uid: name, resourceVersion: '7', finalizers: [FINALIZER], annotations };
  return frozen({ ...pod, metadata });
}

const view = (job: Job, pods: readonly Pod[] = [], more: Partial<JobView> = {}): JobView => ({
  job,
  pods,
  rng: seededRng(1),
  mayAct: true,
  ...more,
});
const planOf = (job: Job, pods: readonly Pod[] = [], more: Partial<JobView> = {}): JobPlan => {
  const plan = planJob(view(job, pods, more), NOW);
  if (!plan) throw new Error('There is no plan');
  return plan;
};
const statusOf = ({ writes }: JobPlan): Record<string, unknown> =>
  writes.find(({ object }) => object.kind === 'Job')?.object['status'] as Record<string, unknown>;
const verbs = ({ writes }: JobPlan): string[] => writes.map(({ verb, object }) => `${verb} ${object.kind}`);

/** The state after a plan, as the API would store it. */
function carriedOut(job: Job, pods: readonly Pod[], plan: JobPlan): { job: Job; pods: Pod[] } {
  const byName = new Map(pods.map((pod) => [pod.metadata.name, pod]));
  let next = job;
  for (const write of plan.writes) {
    const { name } = write.object.metadata;
    if (write.object.kind === 'Job') next = write.object as Job;
    else if (write.verb === 'delete') {
      const current = byName.get(name);
      if (!current || !podKind) continue;
      const marked = write.mark?.(current) ?? current;
      const deletion = planDelete(podKind, marked, { gracePeriodSeconds: 0 }, NOW);
      if (deletion.action === 'mark') byName.set(name, deletion.object as Pod);
      else byName.delete(name);
    } else byName.set(name, withUid(write.object) as Pod);
  }
  return { job: next, pods: [...byName.values()] };
}

const withUid = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, uid: object.metadata.uid ?? object.metadata.name },
});

describe('planJob', () => {
  it('creates at most 500 pods in one commit, however many are wanted', () => {
    const plan = planOf(aJob({ parallelism: 2_147_483_647, completions: 2_147_483_647 }));
    expect(plan.writes.filter(({ verb }) => verb === 'create')).toHaveLength(500);
    expect(statusOf(plan)).toMatchObject({ active: 500, ready: 0, terminating: 0 });
  });

  it('creates none while many have no node', () => {
    const job = aJob({ parallelism: 2_147_483_647, completions: 2_147_483_647 });
    const waiting = Array.from({ length: MAX_UNBOUND_PODS - 2 }, (_, index) =>
      podOf(job, `j-${index}`, { node: '', phase: 'Pending' }),
    );
    const created = ({ writes }: JobPlan): number => writes.filter(({ verb }) => verb === 'create').length;
    expect(created(planOf(job, waiting))).toBe(2);
  });

  it('makes the lowest indexes that are missing, with name, label, annotation and variable', () => {
    const job = aJob(
      { completionMode: 'Indexed', completions: 100_000, parallelism: 3 },
      { completedIndexes: '0-4,6-99', succeeded: 99 },
    );
    const created = planOf(job, [podOf(job, 'p', {}, 5)]).writes.filter(({ verb }) => verb === 'create');
    expect(created.map(({ object }) => (object as Pod).spec.hostname)).toEqual(['j-100', 'j-101']);
    const index = { 'batch.kubernetes.io/job-completion-index': '100' };
    const pod = created[0]?.object as Pod;
    expect(pod.metadata).toMatchObject({ generateName: 'j-100-', annotations: index, labels: index });
    expect(pod.spec.containers[0]?.env?.[0]?.name).toBe('JOB_COMPLETION_INDEX');
  });

  it('waits 10 s after a failure, and twice as long after the next one', () => {
    const ended = { phase: 'Failed', ready: false, readySince: '2026-01-02T00:00:00Z' } as const;
    const job = aJob();
    const once = planOf(job, [podOf(job, 'a', ended)]);
    expect(verbs(once)).toEqual(['update Pod', 'update Job']);
    expect(once.requeueAfterMs).toBe(10_000);
    const twice = planOf(job, [podOf(job, 'b', ended)], once.backoff ? { backoff: once.backoff } : {});
    expect(twice.requeueAfterMs).toBe(20_000);
  });

  it('finds the failures of before in the pods after a restart', () => {
    const job = aJob({}, { failed: 3, ready: 0, terminating: 0, uncountedTerminatedPods: {} });
    const counted = ['a', 'b', 'c'].map((name) => {
      const pod = podOf(job, name, { phase: 'Failed', ready: false, readySince: '2026-01-02T00:00:00Z' });
      return { ...pod, metadata: { ...pod.metadata, finalizers: [] } };
    });
    expect(planOf(job, counted).requeueAfterMs).toBe(40_000);
  });

  it('counts pods as they were seen: none of them is read again', () => {
    const job = aJob({ completions: 2, parallelism: 2 });
    const pods = ['a', 'b'].map((name) => podOf(job, name, { phase: 'Succeeded' }));
    const freed = planOf(job, pods).writes.slice(0, 2);
    expect(freed.map((write) => write.verb === 'update' && write.seen)).toEqual(pods);
  });

  it('deletes a pod together with its finalizer, and only as it was seen', () => {
    const job = aJob({ suspend: true }, { startTime: '2026-01-01T00:00:00Z' });
    const pod = podOf(job, 'p');
    const [write] = planOf(job, [pod]).writes;
    if (write?.verb !== 'delete') throw new Error('The pod is not deleted');
    expect(write.options?.preconditions).toEqual({ uid: 'p', resourceVersion: '7' });
    expect(write.mark?.(pod).metadata.finalizers).toBeUndefined();
  });

  it('stops its time when it is suspended, and has all of its deadline once it is resumed', () => {
    const spec = { activeDeadlineSeconds: 10 };
    const startTime = new Date(NOW - 60_000).toISOString();
    const suspended = aJob({ ...spec, suspend: true }, { startTime });
    const [write] = planOf(suspended).writes;
    const { status } = write?.object as Job;
    expect(status?.conditions?.map(({ type }) => type)).toEqual(['Suspended']);
    expect(status).not.toHaveProperty('startTime');
    // An earlier version kept the time of the first start.
    for (const before of [status, { ...status, startTime }]) {
      const plan = planOf(aJob({ ...spec, suspend: false }, before));
      expect(verbs(plan)).toEqual(['create Pod', 'update Job']);
      expect(plan.requeueAfterMs).toBe(10_000);
    }
  });

  it('ends in three steps: the reason with the uncounted pods, the counts, the last condition', () => {
    const job = aJob({ backoffLimit: 0 });
    const steps: unknown[] = [];
    let state = { job, pods: [podOf(job, 'p', { phase: 'Failed', ready: false })] };
    for (let plan = planJob(view(state.job, state.pods), NOW); plan; ) {
      state = carriedOut(state.job, state.pods, plan);
      const { conditions = [], failed, uncountedTerminatedPods } = state.job.status ?? {};
      steps.push([conditions.map(({ type }) => type), failed, uncountedTerminatedPods]);
      plan = planJob(view(state.job, state.pods), NOW);
    }
    expect(steps).toEqual([
      [['FailureTarget'], undefined, { failed: ['p'] }],
      [['FailureTarget', 'Failed'], 1, {}],
    ]);
  });

  it('does nothing but claim while the store is rebuilt, and nothing where another controller does', () => {
    const job = aJob({ backoffLimit: 0 });
    expect(
      planJob(view(job, [podOf(job, 'p', { phase: 'Failed' })], { mayAct: false }), NOW),
    ).toBeUndefined();
    expect(planJob(view(aJob({ managedBy: 'example.com/other' })), NOW)).toBeUndefined();
  });

  it('takes back a pod that an agent restored, although its labels have the uid of before', () => {
    const job = aJob();
    const restored = aPod({
      name: 'p',
      phase: 'Succeeded',
      labels: { 'batch.kubernetes.io/controller-uid': 'before', 'controller-uid': 'before', tier: 'x' },
      annotations: { 'symphony.dev/restored-owner': 'Job/j' },
    });
    const plan = planOf(job, [frozen(restored)]);
    expect(plan.writes[0]?.object.metadata).toMatchObject({
      labels: { ...LABELS, tier: 'x' },
      finalizers: [FINALIZER],
      ownerReferences: [{ kind: 'Job', uid: 'u' }],
    });
    const adopted = carriedOut(job, [restored], plan);
    const counted = planOf(adopted.job, adopted.pods);
    expect(statusOf(counted)['uncountedTerminatedPods']).toEqual({ succeeded: [restored.metadata.uid] });
    expect(counted.writes.some(({ verb }) => verb === 'create')).toBe(false);
  });

  it('counts on, and says why, where pods are refused', () => {
    const job = aJob({ completions: 2, parallelism: 2 });
    const refusal = { message: 'exceeded quota', namespaceGoes: false };
    const plan = planRefusedPods(view(job, [podOf(job, 'p', { phase: 'Succeeded' })]), refusal, NOW);
    expect(verbs(plan)).toEqual(['update Pod', 'update Job']);
    expect(plan.events).toMatchObject([{ event: 'refused', args: ['exceeded quota'] }]);
  });
});

const PHASES = ['Succeeded', 'Failed'] as const;

describe('counting', () => {
  it('counts each pod exactly once, whatever ends, goes or restarts in between', () => {
    const ends = fc.array(
      fc.record({
        phase: fc.constantFrom(...PHASES),
        forgets: fc.boolean(),
        vanishes: fc.boolean(),
      }),
      { minLength: 1, maxLength: 30 },
    );
    fc.assert(
      fc.property(ends, fc.constantFrom('NonIndexed' as const, 'Indexed' as const), (events, mode) => {
        const wanted = 5;
        const rng = seededRng(events.length);
        let job = aJob({ completions: wanted, parallelism: 3, completionMode: mode, backoffLimit: 100 });
        let pods: Pod[] = [];
        let ended = { Succeeded: 0, Failed: 0 };
        let nowMs = NOW;
        const memory: { backoff?: JobPlan['backoff'] } = {};
        const settle = (): void => {
          for (let round = 0; round < 20; round += 1) {
            const plan = planJob(view(job, pods, { rng, ...memory }), nowMs);
            if (!plan || plan.writes.length === 0) return;
            ({ job, pods } = carriedOut(job, pods, plan));
            if (plan.backoff) memory.backoff = plan.backoff;
          }
          throw new Error('The plans do not come to rest');
        };
        for (const { phase, forgets, vanishes } of events) {
          nowMs += 3_600_000;
          settle();
          const running = pods.find(({ status }) => !PHASES.some((end) => end === status?.phase));
          if (!running) break;
          ended = { ...ended, [phase]: ended[phase] + 1 };
          pods = pods.map((pod) => (pod === running ? { ...pod, status: { phase } } : pod));
          if (forgets) delete memory.backoff;
          settle();
          if (vanishes) pods = pods.filter(({ metadata }) => metadata.name !== running.metadata.name);
        }
        settle();
        const { status } = job;
        expect(status?.succeeded ?? 0).toBe(ended.Succeeded);
        expect(status?.failed ?? 0).toBe(ended.Failed);
        const isOver = status?.conditions?.some(({ type }) => type === 'Complete') ?? false;
        expect(isOver).toBe(ended.Succeeded === wanted);
        expect(pods.filter(({ status: { phase } = {} }) => phase === undefined).length).toBeLessThanOrEqual(
          3,
        );
      }),
      { numRuns: 200 },
    );
  });

  it('makes a plan of a Job and pods that nobody has validated', () => {
    const junk = fc.jsonValue({ maxDepth: 2 });
    const status = fc.record(
      {
        completedIndexes: fc.constantFrom('', '0,0', '5-1', 'x', '-', '0-99999999999', '1,2,3'),
        failedIndexes: fc.constantFrom('', '9-', '2'),
        succeeded: fc.constantFrom(-1, 0, 7),
        startTime: fc.constantFrom('yesterday', '2026-01-01T00:00:00Z'),
        uncountedTerminatedPods: fc.constantFrom({}, { succeeded: ['gone', 'gone'] }, { failed: ['p0'] }),
      },
      { requiredKeys: [] },
    );
    const index = fc.constantFrom('0', '-1', '007', '1e9', 'x', '', '99999999999999999999');
    fc.assert(
      fc.property(status, index, junk, fc.integer(), (given, text, label, limit) => {
        const job = aJob(
          { completionMode: 'Indexed', completions: 3, parallelism: 2, backoffLimitPerIndex: limit },
          given as Job['status'],
        );
        const pods = ['Failed', 'Running', 'Succeeded', 'Odd'].map((phase, at) => {
          const pod = podOf(job, `p${at}`, { status: { phase } as never });
          const annotations = {
            'batch.kubernetes.io/job-completion-index': text,
            'batch.kubernetes.io/job-index-failure-count': JSON.stringify(label),
          };
          return { ...pod, metadata: { ...pod.metadata, annotations } };
        });
        expect(() => planJob(view(job, pods), NOW)).not.toThrow();
      }),
    );
  });
});
