/** Requests that the store, the quota or another writer refuses: which answer comes first. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { createResourceCore } from '../../../src/resources/resource-core.ts';
import type { PatchInput } from '../../../src/resources/types.ts';
import { createCacheSet } from '../../../src/store/cache/cache-set.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(createFakeClock());
});
afterEach(() => test[Symbol.asyncDispose]());

const configMap: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'default' },
  data: { a: 'b' },
};
const ref = { kind: kindNamed('ConfigMap'), namespace: 'default', name: 'a' };
const merged = (metadata: Record<string, unknown>): PatchInput => ({
  format: 'merge',
  body: { metadata, data: { c: 'd' } },
});
const patch = (input: PatchInput) => test.core.patch(ref, input, plainWrite, test.context);

describe('a patch', () => {
  beforeEach(async () => {
    await test.objects.create(configMap);
  });

  it.each<[string, PatchInput]>([
    ['a merge patch', merged({ uid: 'other' })],
    ['a JSON patch', { format: 'json', body: [{ op: 'replace', path: '/metadata/uid', value: 'other' }] }],
    ['an apply', { format: 'apply', body: { ...configMap, metadata: { name: 'a', uid: 'other' } } }],
  ])('of another uid is refused: %s', async (_what, input) => {
    await expect(patch(input)).rejects.toMatchObject({
      code: 422,
      message: 'ConfigMap "a" is invalid: metadata.uid: Invalid value: "other": field is immutable',
    });
    expect((await test.store.get('configmaps', 'default/a'))?.['data']).toEqual({ a: 'b' });
  });

  it('may repeat the uid', async () => {
    const { uid } = await test.objects.get(ref.kind, 'default/a').then(({ metadata }) => metadata);
    expect((await patch(merged({ uid }))).object['data']).toEqual({ a: 'b', c: 'd' });
  });

  it('that renames the object, or takes its name away, is refused', async () => {
    await expect(patch(merged({ name: 'b' }))).rejects.toMatchObject({ code: 400 });
    await expect(patch(merged({ name: null }))).rejects.toThrow(
      'the name of the object (a based on URL) was undeterminable: name must be provided',
    );
  });

  it('of an old version is refused, though it changes nothing', async () => {
    await expect(
      patch({ format: 'merge', body: { metadata: { resourceVersion: '1' } } }),
    ).rejects.toMatchObject({
      code: 409,
    });
  });
});

it('an apply with a uid creates nothing', async () => {
  const body = { ...configMap, metadata: { name: 'a', uid: 'gone' } };
  await expect(patch({ format: 'apply', body })).rejects.toMatchObject({
    code: 409,
    message:
      'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid gone, and no existing object was found',
  });
});

it('a body that replaces an object must name it', async () => {
  await test.objects.create(configMap);
  const body = { ...configMap, metadata: {} };
  await expect(test.core.update(ref, body, plainWrite, test.context)).rejects.toMatchObject({
    code: 400,
    message: 'the name of the object (a based on URL) was undeterminable: name must be provided',
  });
});

async function limitTo(count: string, used: string): Promise<void> {
  const hard = { 'count/configmaps': count };
  const metadata = { name: 'q', namespace: 'default' };
  const quota = { apiVersion: 'v1', kind: 'ResourceQuota', metadata, spec: { hard } };
  const status = { hard, used: { 'count/configmaps': used } };
  await test.objects.update({ ...(await test.objects.create(quota)), status }, { subresource: 'status' });
}

it('two servers that write at the same time never exceed a quota, and leave none of it', async () => {
  await limitTo('5', '0');
  const { store, registry, clock, rng, proofs } = test;
  const caches = createCacheSet({ store, clock, logger: silentLogger });
  const second = createResourceCore({ store, caches, registry, clock, rng, proofs, logger: silentLogger });
  const asked = Array.from({ length: 12 }, (_, index) => {
    const body = { ...configMap, metadata: { name: `c${index}` } };
    return (index % 2 === 0 ? test.core : second).create(ref, body, plainWrite, test.context);
  });
  const answers = await Promise.allSettled(asked);
  const refused = answers.flatMap((answer) => (answer.status === 'rejected' ? [answer.reason as Error] : []));
  expect(refused).toHaveLength(7);
  for (const { message } of refused) expect(message).toContain('exceeded quota: q');
  const quota = await store.get('resourcequotas', 'default/q');
  expect(quota?.['status']).toMatchObject({ used: { 'count/configmaps': '5' } });
  await second[Symbol.asyncDispose]();
  await caches[Symbol.asyncDispose]();
});

describe('a dry run', () => {
  it('is refused for the quota before it is refused for the name, as a write is', async () => {
    await test.objects.create(configMap);
    await limitTo('1', '1');
    for (const dryRun of [false, true])
      await expect(test.core.create(ref, configMap, { ...plainWrite, dryRun }, test.context)).rejects.toThrow(
        'exceeded quota: q',
      );
  });

  it('is refused for a name that is taken', async () => {
    await test.objects.create(configMap);
    const options = { ...plainWrite, dryRun: true };
    await expect(test.core.create(ref, configMap, options, test.context)).rejects.toMatchObject({
      reason: 'AlreadyExists',
    });
  });
});
