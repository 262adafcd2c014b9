import { afterEach, expect, it } from 'vitest';
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
  expect(JSON.stringify((await at.application())!.status)).toMatch(
    /Jobs cannot be changed: give it another name/,
  );
  at.repository.commit({ 'job.yaml': manifest('busybox:2', '', 'Force=true') });
  await at.pass(POLL_MS * 1.1);
  expect((await job())!.metadata.uid).not.toBe(before);
});
