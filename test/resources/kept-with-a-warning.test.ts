import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../api/test-api.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock);
  await test.objects.create({
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: 'default', namespace: 'default' },
  });
});
afterEach(async () => test[Symbol.asyncDispose]());

const create = (kind: string, body: object) =>
  test.core.create({ kind: kindNamed(kind), namespace: 'default' }, body, plainWrite, test.context);

it('keeps what Kubernetes keeps though it is not implemented, and warns', async () => {
  const spec = { hostUsers: false, containers: [{ name: 'c', image: 'i' }] };
  const pod = await create('Pod', { metadata: { name: 'a' }, spec });
  expect(pod).toMatchObject({ spec: { hostUsers: false } });
  expect(test.context.warnings).toEqual([
    'spec.hostUsers: not implemented by Symphony: user namespaces are set per Docker Engine (userns-remap); remove it; until then pods with it are not started',
  ]);
});

it.each([
  [
    'PersistentVolume',
    {
      accessModes: ['ReadWriteOnce'],
      capacity: { storage: '1Gi' },
      csi: { driver: 'ebs.csi.aws.com', volumeHandle: 'v' },
    },
    'spec.csi: not implemented by Symphony: no node can mount it; use a claim of class local, or a local or nfs volume',
  ],
  [
    'PersistentVolumeClaim',
    {
      accessModes: ['ReadWriteOnce'],
      resources: { requests: { storage: '1Gi' } },
      dataSource: { kind: 'PersistentVolumeClaim', name: 'other' },
    },
    'spec.dataSource: not implemented by Symphony: volumes begin empty; fill one with symphony restore volume',
  ],
])('keeps a %s that no node can serve, and says what to do instead', async (kind, spec, warning) => {
  const collection = {
    kind: kindNamed(kind),
    namespace: kind === 'PersistentVolume' ? undefined : 'default',
  };
  await test.core.create(collection, { metadata: { name: 'a' }, spec }, plainWrite, test.context);
  expect(test.context.warnings).toContain(warning);
});

it('says of a kind that nothing acts on it, at create and at update', async () => {
  const collection = { kind: kindNamed('CSIDriver'), namespace: undefined };
  const driver = { metadata: { name: 'a' }, spec: {} };
  const created = await test.core.create(collection, driver, plainWrite, test.context);
  expect(test.context.warnings).toEqual([expect.stringContaining('no node runs drivers of CSI')]);
  const labelled = { ...created, metadata: { ...created.metadata, labels: { a: 'b' } } };
  await test.core.update({ ...collection, name: 'a' }, labelled, plainWrite, test.context);
  expect(test.context.warnings).toHaveLength(2);
});

it('says of ephemeral containers that they do not start', async () => {
  const pod = await create('Pod', {
    metadata: { name: 'a' },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  const ref = { kind: kindNamed('Pod'), namespace: 'default', name: 'a' };
  const spec = { ...(pod['spec'] as object), ephemeralContainers: [{ name: 'debug', image: 'i' }] };
  await test.core.update(ref, { ...pod, spec }, plainWrite, test.context, 'ephemeralcontainers');
  expect(test.context.warnings).toEqual([
    expect.stringContaining('agents do not start ephemeral containers yet'),
  ]);
});

it('tells of what is wrong before what is not implemented', async () => {
  const spec = { hostUsers: false, hostname: 'A', containers: [{ name: 'c', image: 'i' }] };
  await expect(create('Pod', { metadata: { name: 'a' }, spec })).rejects.toThrow(
    'Pod "a" is invalid: spec.hostname: Invalid value: "A"',
  );
});

it('refuses a record of owners that is none, at create and at update', async () => {
  const managedFields = [{ operation: 'Bad' }];
  const owned = { ...plainWrite, fieldManager: 'me' };
  const collection = { kind: kindNamed('ConfigMap'), namespace: 'default' };
  const complaint = 'metadata.managedFields[0].operation: Invalid value: "Bad": must be `Apply` or `Update`';
  const bad = { metadata: { name: 'a', managedFields } };
  await expect(test.core.create(collection, bad, owned, test.context)).rejects.toThrow(complaint);
  await test.core.create(collection, { metadata: { name: 'a' } }, owned, test.context);
  const ref = { ...collection, name: 'a' };
  await expect(test.core.update(ref, bad, owned, test.context)).rejects.toThrow(complaint);
});
