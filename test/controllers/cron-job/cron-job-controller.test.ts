/** CronJobs on a whole control plane, where something goes wrong. */
import { afterEach, describe, expect, it } from 'vitest';
import { controllerOf, type KubeObject } from '../../../src/schemas/object.ts';
import { RESTORED_OWNER, withMark } from '../../../src/schemas/pods/pod-marks.ts';
import type { CronJob, Event, Job, Pod } from '../../../src/schemas/types.ts';
import { type Store, StoreUnavailable } from '../../../src/store/types.ts';
import { aPod } from '../../support/builders.ts';
import { startTestCluster, type TestCluster, type TestClusterOptions } from '../../support/cluster.ts';

let cluster: TestCluster;
afterEach(() => cluster[Symbol.asyncDispose]());

async function start(spec: Partial<CronJob['spec']>, options: TestClusterOptions = {}): Promise<void> {
  cluster = await startTestCluster(options);
  await cluster.objects.create({
    apiVersion: 'batch/v1',
    kind: 'CronJob',
    metadata: { name: 'cj', namespace: 'default' },
    spec: {
      schedule: '* * * * *',
      jobTemplate: {
        spec: {
          template: {
            spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'registry.example/app:1' }] },
          },
        },
      },
      ...spec,
    },
  });
}

const minutes = (count: number): Promise<void> => cluster.clock.advance(count * 60_000 + 1_000);
const jobs = async (): Promise<readonly Job[]> => (await cluster.store.list('jobs.batch')).objects as Job[];
const cronJob = async (): Promise<CronJob> =>
  (await cluster.store.get('cronjobs.batch', 'default/cj')) as CronJob;
async function reasons(): Promise<readonly string[]> {
  await cluster.context.events.flush();
  const events = (await cluster.store.list('events')).objects as Event[];
  return events.flatMap(({ involvedObject, reason }) =>
    involvedObject.kind === 'CronJob' && reason ? [reason] : [],
  );
}

const quota = (hard: Record<string, string>): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'quota', namespace: 'default' },
  spec: { hard },
});

describe('a CronJob', () => {
  it('starts one Job for a time whose answer was lost', async () => {
    let lost = 0;
    const wrapStore = (store: Store): Store => ({
      ...store,
      async commit(ops, options) {
        const result = await store.commit(ops, options);
        const makesJob = ops.some(({ type, resource }) => type === 'create' && resource === 'jobs.batch');
        if (!makesJob || lost > 0) return result;
        lost += 1;
        throw new StoreUnavailable('The answer is lost', { isUnanswered: true });
      },
    });
    await start({}, { wrapStore });
    await minutes(1);
    await cluster.clock.advance(20_000);
    expect(lost).toBe(1);
    const [job, ...more] = await jobs();
    expect(more).toEqual([]);
    expect((await cronJob()).status?.active?.map(({ uid }) => uid)).toEqual([job?.metadata.uid]);
    await minutes(1);
    expect(await jobs()).toHaveLength(2);
  });

  it('starts nothing while the store is rebuilt, and makes up for the latest time only', async () => {
    await start({});
    cluster.setMayAct(false);
    await minutes(3);
    expect(await jobs()).toEqual([]);
    cluster.setMayAct(true);
    await cluster.clock.advance(1_000);
    expect(await jobs()).toHaveLength(1);
  });

  it('counts pods whose Job the store lost as what runs', async () => {
    await start({ concurrencyPolicy: 'Forbid' });
    await cluster.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, spec: {} });
    const name = `cj-${Math.floor(cluster.clock.now() / 60_000) - 5}`;
    const pod = aPod({ name: `${name}-x`, node: 'n1', ready: true, labels: { 'job-name': name } });
    const restored = withMark(
      { ...pod, metadata: { ...pod.metadata, namespace: 'default' } },
      RESTORED_OWNER,
      `Job/${name}`,
    );
    await cluster.objects.apply([{ verb: 'restore', object: restored }]);
    await minutes(2);
    const [job, ...more] = await jobs();
    expect([job?.metadata.name, more]).toEqual([name, []]);
    const adopted = (await cluster.store.get('pods', `default/${name}-x`)) as Pod;
    expect(controllerOf(adopted)?.uid).toBe(job?.metadata.uid);
    expect(await reasons()).toContain('JobAlreadyActive');
  });

  it('says that its Job is refused, and starts it when there is room', async () => {
    await start({}, { admission: true });
    await cluster.objects.create(quota({ 'count/jobs.batch': '0' }));
    await minutes(1);
    expect(await jobs()).toEqual([]);
    expect(await reasons()).toContain('FailedCreate');
    await cluster.objects.apply([{ verb: 'delete', object: quota({}) }]);
    await minutes(1);
    expect((await jobs()).length).toBeGreaterThan(0);
  });

  it('replaces its Job where the quota has room for one', async () => {
    await start({ concurrencyPolicy: 'Replace' }, { admission: true });
    await cluster.objects.create(quota({ 'count/jobs.batch': '1' }));
    await minutes(1);
    const [first] = await jobs();
    await minutes(2);
    const [second, ...more] = await jobs();
    expect([first, second].map(Boolean)).toEqual([true, true]);
    expect(second?.metadata.uid).not.toBe(first?.metadata.uid);
    expect(more).toEqual([]);
  });

  it('is not stopped by one that cannot start', async () => {
    await start({});
    const stuck = { ...(await cronJob()) };
    const metadata = { name: 'stuck', namespace: 'default' };
    await cluster.objects.create({ ...stuck, metadata, spec: { ...stuck.spec, schedule: '0 0 30 2 *' } });
    await minutes(1);
    expect(await jobs()).toHaveLength(1);
    expect(await reasons()).toContain('InvalidSchedule');
  });
});
