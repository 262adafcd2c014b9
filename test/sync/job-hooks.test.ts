/** Argo CD's hooks as Jobs, the kind that most of them are. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Job } from '../../src/schemas/types.ts';
import { type Harness, configMap, createHarness } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness();
});
afterEach(async () => at[Symbol.asyncDispose]());

const hook = (name: string, type: string, more: Record<string, string> = {}, spec = ''): string =>
  `apiVersion: batch/v1
kind: Job
metadata:
  name: ${name}
  annotations:
    argocd.argoproj.io/hook: ${type}
${Object.entries(more)
  .map(([key, value]) => `    argocd.argoproj.io/${key}: "${value}"\n`)
  .join('')}spec:
${spec}  template:
    spec:
      restartPolicy: Never
      containers: [{name: main, image: "busybox:1"}]
`;

const TIME = '2026-01-01T00:00:00Z';
const job = async (name: string): Promise<Job | undefined> =>
  (await at.get('jobs.batch', `default/${name}`)) as Job | undefined;
const map = (name: string): Promise<KubeObject | undefined> => at.get('configmaps', `default/${name}`);

const condition = (type: string, reason: string, message: string) => ({
  type,
  status: 'True' as const,
  reason,
  message,
  lastTransitionTime: TIME,
});

/** The Job ends as its controller ends it. */
async function end(name: string, to: 'Complete' | 'Failed'): Promise<void> {
  const current = (await job(name))!;
  const status: Job['status'] =
    to === 'Complete'
      ? {
          startTime: TIME,
          completionTime: TIME,
          succeeded: 1,
          conditions: [
            condition('SuccessCriteriaMet', 'CompletionsReached', ''),
            condition('Complete', 'CompletionsReached', ''),
          ],
        }
      : {
          startTime: TIME,
          failed: 1,
          conditions: [
            condition('FailureTarget', 'BackoffLimitExceeded', ''),
            condition('Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit'),
          ],
        };
  await at.objects.update({ ...current, status }, { subresource: 'status' });
  await at.pass();
}

const operation = async () =>
  (await at.application())!.status!['operationState'] as {
    phase: string;
    message: string;
    syncResult?: { resources?: { kind: string; name: string; hookPhase: string; message?: string }[] };
  };

describe('Jobs as hooks', () => {
  it('run in their phases, each when those of the former are complete', async () => {
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync'),
      'after.yaml': hook('after', 'PostSync'),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    expect([await job('before'), await map('a'), await job('after')].map(Boolean)).toEqual([
      true,
      false,
      false,
    ]);
    expect((await operation()).message).toBe('Waiting for PreSync hook job/before');
    await end('before', 'Complete');
    expect([await map('a'), await job('after')].map(Boolean)).toEqual([true, true]);
    await end('after', 'Complete');
    expect(await operation()).toMatchObject({
      phase: 'Succeeded',
      syncResult: {
        resources: [
          { kind: 'Job', name: 'before', hookPhase: 'Succeeded' },
          { kind: 'Job', name: 'after', hookPhase: 'Succeeded' },
        ],
      },
    });
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  });

  it('that fail end the sync with their cause, and run what is there for that', async () => {
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync'),
      'fail.yaml': hook('clean-up', 'SyncFail'),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    await end('before', 'Failed');
    expect(await job('clean-up')).toBeDefined();
    await end('clean-up', 'Complete');
    const { phase, message } = await operation();
    expect(phase).toBe('Failed');
    expect(message).toContain('PreSync hook job/before failed: Job has reached the specified backoff limit');
    expect(await map('a')).toBeUndefined();
  });

  it('wait for a suspended Job', async () => {
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync', {}, '  suspend: true\n'),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    const current = (await job('before'))!;
    const conditions = [condition('Suspended', 'JobSuspended', 'Job suspended')];
    await at.objects.update({ ...current, status: { conditions } }, { subresource: 'status' });
    await at.pass();
    expect((await operation()).phase).toBe('Running');
  });

  it.each([
    ['HookSucceeded', 'Complete', false],
    ['HookSucceeded', 'Failed', true],
    ['HookFailed', 'Complete', true],
    ['HookFailed', 'Failed', false],
    ['BeforeHookCreation', 'Complete', true],
    ['HookSucceeded,HookFailed', 'Complete', false],
  ] as const)('with the policy %s are there after the end %s: %s', async (policy, to, stays) => {
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync', { 'hook-delete-policy': policy }),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    await end('before', to);
    expect((await job('before')) !== undefined).toBe(stays);
    const [result] = (await operation()).syncResult?.resources ?? [];
    expect(result?.hookPhase).toBe(to === 'Complete' ? 'Succeeded' : 'Failed');
  });

  it('run again for the next commit, anew', async () => {
    at.repository.commit({ 'before.yaml': hook('before', 'PreSync'), 'a.yaml': configMap('a', {}) });
    await at.start();
    await at.pass();
    const first = (await job('before'))!.metadata.uid;
    await end('before', 'Complete');
    at.repository.commit({ 'before.yaml': hook('before', 'PreSync'), 'a.yaml': configMap('a', { b: '1' }) });
    await at.refresh();
    await at.pass(1_000);
    const second = await job('before');
    expect(second).toBeDefined();
    expect(second?.metadata.uid).not.toBe(first);
    expect((await map('a'))?.['data']).toBeUndefined();
    await end('before', 'Complete');
    expect((await map('a'))?.['data']).toEqual({ b: '1' });
  });

  it('stay long enough for their end to be seen, however short their time to live', async () => {
    const spec = '  ttlSecondsAfterFinished: 0\n';
    at.repository.commit({
      'before.yaml': hook('before', 'PreSync', {}, spec),
      'a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass();
    expect((await job('before'))?.spec.ttlSecondsAfterFinished).toBe(600);
  });
});
