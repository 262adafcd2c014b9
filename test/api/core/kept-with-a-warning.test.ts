import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../test-api.ts';

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
