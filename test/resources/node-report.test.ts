import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { MAX_REPORTED } from '../../src/client/types.ts';
import type { StatusError } from '../../src/schemas/errors/status.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Event, Pod } from '../../src/schemas/types.ts';
import { kindNamed, startTestCore, type TestCore } from '../api/test-api.ts';

const at = '2026-01-01T00:00:00Z';
const condition = (type: string, status: string) => ({ type, status, lastTransitionTime: at });
const pod = (name: string, node = 'n1'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { nodeName: node, containers: [{ name: 'c', image: 'nginx:1' }] },
});
const event = (name: string, namespace = 'default'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: `${name}.1`, namespace },
  involvedObject: { kind: 'Pod', namespace, name, apiVersion: 'v1' },
  reason: 'Started',
  message: 'Started container c',
  type: 'Normal',
  source: { component: 'kubelet', host: 'n1' },
  firstTimestamp: at,
  lastTimestamp: at,
  count: 1,
});
const node = { user: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] } };

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock);
});
afterEach(() => test[Symbol.asyncDispose]());

async function stored(name: string): Promise<Pod> {
  return (await test.store.get('pods', `default/${name}`)) as Pod;
}
/** The word of the agent about a pod. */
async function running(name: string, given: object = {}): Promise<KubeObject> {
  const { apiVersion, kind, metadata } = await stored(name);
  const { uid = '' } = metadata;
  const status = { phase: 'Running', conditions: [condition('Ready', 'True')] };
  return { apiVersion, kind, metadata: { name, namespace: 'default', uid, ...given }, status };
}
const report = (items: readonly unknown[], user = node): Promise<readonly (StatusError | undefined)[]> =>
  test.core.takeReport('n1', items, { ...test.context, ...user });

it('writes the statuses of pods and their events in one commit', async () => {
  for (const name of ['a', 'b']) await test.objects.create(pod(name));
  const commits = vi.spyOn(test.store, 'commit');
  const answer = await report([await running('a'), event('a'), await running('b'), event('b')]);
  expect(answer).toEqual([undefined, undefined, undefined, undefined]);
  expect(await stored('a')).toMatchObject({
    spec: { nodeName: 'n1', containers: [{ image: 'nginx:1' }] },
    status: { phase: 'Running' },
  });
  expect(commits).toHaveBeenCalledTimes(1);
  expect((await test.store.get('events', 'default/b.1')) as Event).toMatchObject({ reason: 'Started' });
});

it('keeps the conditions of other writers, and needs no version', async () => {
  await test.objects.create(pod('a'));
  const old = await stored('a');
  const gate = [condition('example.com/gate', 'True')];
  const operations = { dryRun: false, fieldValidation: 'Warn' } as const;
  const ref = { kind: kindNamed('Pod'), namespace: 'default', name: 'a' };
  await test.core.update(ref, { ...old, status: { conditions: gate } }, operations, test.context, 'status');
  await report([await running('a')]);
  expect((await stored('a')).status?.conditions?.map(({ type }) => type)).toEqual([
    'Ready',
    'example.com/gate',
  ]);
});

it('refuses what is wrong by itself and takes the rest', async () => {
  for (const name of ['a', 'b', 'c']) await test.objects.create(pod(name));
  await test.objects.create(pod('elsewhere', 'n2'));
  const answer = await report([
    await running('a'),
    await running('b', { uid: 'another' }),
    await running('elsewhere'),
    { ...(await running('c')), status: { phase: 'Running', containerStatuses: 'none' } },
    event('a', 'missing'),
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x', namespace: 'default' } },
    7,
    await running('a'),
    event('a'),
  ]);
  expect(answer.map((refusal) => refusal?.code)).toEqual([
    ...[undefined, 404, 404, 400, 404, 400, 400, 400, undefined],
  ]);
  expect((await stored('a')).status?.phase).toBe('Running');
  expect((await stored('elsewhere')).status?.phase).toBe('Pending');
  expect(await test.store.get('events', 'default/a.1')).toBeDefined();
});

it('does not take back the end of a pod that the agent has not seen yet', async () => {
  await test.objects.create(pod('a'));
  const failed = { ...(await stored('a')), status: { phase: 'Failed', reason: 'Evicted' } };
  const operations = { dryRun: false, fieldValidation: 'Warn' } as const;
  const ref = { kind: kindNamed('Pod'), namespace: 'default', name: 'a' };
  await test.core.update(ref, failed, operations, test.context, 'status');
  const before = await stored('a');
  expect(await report([await running('a')])).toEqual([undefined]);
  expect(await stored('a')).toEqual(before);
  const ended = {
    ...(await running('a')),
    status: { phase: 'Failed', reason: 'Evicted', podIP: '10.0.0.1' },
  };
  await report([ended]);
  expect((await stored('a')).status).toMatchObject(ended.status);
});

it('bounds the number of objects', async () => {
  const events = Array.from({ length: MAX_REPORTED + 1 }, (_, index) => event(`p${index}`));
  await expect(report(events)).rejects.toMatchObject({ code: 400 });
});
