import { afterEach, expect, it } from 'vitest';
import { asRecords, getPath } from '../../src/schemas/json-access.ts';
import type { Job } from '../../src/schemas/types.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
afterEach(async () => at[Symbol.asyncDispose]());

const manifest = (image: string, spec = '', options = ''): string => `apiVersion: batch/v1
kind: Job
metadata:
  name: once
  annotations: {argocd.argoproj.io/sync-options: "${options}"}
spec:
${spec}  template:
    spec:
      restartPolicy: Never
      containers: [{name: c, image: "${image}"}]
`;
const TTL = '  ttlSecondsAfterFinished: 60\n';
const job = async () => (await at.get('jobs.batch', 'default/once')) as Job | undefined;

async function startWith(files: Record<string, string>): Promise<void> {
  at = await createHarness({ root: { syncPolicy: { automated: { prune: true, selfHeal: true } } } });
  at.repository.commit(files);
  await at.start();
  await at.pass();
}

/** As the Job controller leaves it. */
async function complete(): Promise<void> {
  const time = '2026-01-01T00:00:00Z';
  const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({
    type,
    status: 'True',
    lastTransitionTime: time,
  }));
  const status = { conditions, startTime: time, completionTime: time, succeeded: 1 };
  await at.objects.update({ ...(await job())!, status }, { subresource: 'status' });
  await at.pass();
}

const syncError = async (): Promise<string> => {
  const conditions = asRecords(getPath((await at.application())!, 'status', 'conditions'));
  return String(conditions.find(({ type }) => type === 'SyncError')?.['message']);
};

const expire = async (): Promise<void> => {
  const options = { propagationPolicy: 'Background' } as const;
  await at.objects.apply([{ verb: 'delete', object: (await job())!, options }]);
  await at.pass(POLL_MS * 1.1);
};

const inSync = { sync: { status: 'Synced' }, health: { status: 'Healthy' } };

it('a Job that has finished stays as it is, in sync and healthy', async () => {
  await startWith({ 'job.yaml': manifest('busybox:1') });
  expect((await at.application())!.status).toMatchObject({ health: { status: 'Progressing' } });
  await complete();
  const { uid, resourceVersion } = (await job())!.metadata;
  await at.pass(POLL_MS * 1.1);
  expect((await job())!.metadata).toMatchObject({ uid, resourceVersion });
  expect((await at.application())!.status).toMatchObject(inSync);
});

it('a Job whose time to live is over is not run again, until its manifest changes', async () => {
  await startWith({ 'job.yaml': manifest('busybox:1', TTL) });
  await complete();
  await expire();
  expect(await job()).toBeUndefined();
  expect((await at.application())!.status).toMatchObject(inSync);
  at.repository.commit({ 'a.yaml': configMap('a', {}) });
  await at.pass(POLL_MS * 1.1);
  expect(await job()).toBeUndefined();
  at.repository.commit({ 'job.yaml': manifest('busybox:2', TTL) });
  await at.pass(POLL_MS * 1.1);
  expect((await job())?.spec.template.spec?.containers[0]?.image).toBe('busybox:2');
});

it('a Job without a time to live that somebody deleted is made again', async () => {
  await startWith({ 'job.yaml': manifest('busybox:1') });
  await complete();
  const before = (await job())!.metadata.uid;
  await expire();
  expect((await job())!.metadata.uid).not.toBe(before);
});

it('a changed template is refused with advice, and Force=true runs the Job anew', async () => {
  await startWith({ 'job.yaml': manifest('busybox:1') });
  const before = (await job())!.metadata.uid;
  at.repository.commit({ 'job.yaml': manifest('busybox:2') });
  await at.pass(POLL_MS * 1.1);
  expect((await job())!.metadata.uid).toBe(before);
  const told = await syncError();
  expect(told).toMatch(/Jobs cannot be changed: give it another name/);
  expect(told.split('Force=true')).toHaveLength(2);
  at.repository.commit({ 'job.yaml': manifest('busybox:2', '', 'Force=true') });
  await at.pass(POLL_MS * 1.1);
  expect((await job())!.metadata.uid).not.toBe(before);
});

it('a changed claim of a StatefulSet is refused with advice that works', async () => {
  const statefulSet = (storage: string): string => `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: c, image: "a:1"}]}
  volumeClaimTemplates:
    - metadata: {name: data}
      spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: ${storage}}}}
`;
  const live = async () => (await at.get('statefulsets.apps', 'default/db'))!;
  await startWith({ 'db.yaml': statefulSet('1Gi') });
  at.repository.commit({ 'db.yaml': statefulSet('2Gi') });
  await at.pass(POLL_MS * 1.1);
  expect(await syncError()).toMatch(/delete statefulset db -n default --cascade=orphan\): the next sync/);
  const options = { propagationPolicy: 'Orphan' } as const;
  await at.objects.apply([{ verb: 'delete', object: await live(), options }]);
  // As the garbage collector does it.
  const orphaned = await live();
  await at.objects.update({ ...orphaned, metadata: { ...orphaned.metadata, finalizers: [] } });
  await at.pass(POLL_MS * 1.1);
  expect(getPath(await live(), 'spec', 'volumeClaimTemplates')).toMatchObject([
    { spec: { resources: { requests: { storage: '2Gi' } } } },
  ]);
});
