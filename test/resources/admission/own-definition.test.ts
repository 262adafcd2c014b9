/**
 * Argo CD's installation brings a definition of Applications; ours stays, whatever a request does
 * to it.
 */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { applicationDefinition } from '../../../src/schemas/applications/application-definition.ts';
import { DEFINITION_RESOURCE } from '../../../src/schemas/custom/definition.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { startDefinitions } from '../../support/definitions.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

const kind = kindNamed('CustomResourceDefinition');
const { name } = applicationDefinition().metadata;
const ref = { kind, namespace: undefined, name };
const foreign: KubeObject = {
  ...applicationDefinition(),
  metadata: { name, labels: { 'app.kubernetes.io/part-of': 'argocd' } },
  spec: {
    group: 'argoproj.io',
    scope: 'Cluster',
    names: { plural: 'applications', kind: 'App' },
    versions: [],
  },
};

let test: TestCore;
let definitions: AsyncDisposable;
const live = (): Promise<KubeObject | undefined> => test.store.get(DEFINITION_RESOURCE, name);
const served = async (): Promise<string> => JSON.stringify(((await live()) as KubeObject)['spec']);

beforeEach(async () => {
  test = await startTestCore(systemClock);
  definitions = await startDefinitions(test);
  await comesTrue(async () => expect(await live()).toBeDefined());
});
afterEach(async () => {
  await definitions[Symbol.asyncDispose]();
  await test[Symbol.asyncDispose]();
});

it('an update, a patch or a forced apply keeps the spec, takes the labels, and is warned', async () => {
  const before = await served();
  const { context } = test;
  const apply = { ...plainWrite, fieldManager: 'argocd' };
  await test.core.update(ref, foreign, plainWrite, context);
  await test.core.patch(ref, { format: 'merge', body: { spec: { scope: 'Cluster' } } }, plainWrite, context);
  await test.core.patch(ref, { format: 'apply', body: foreign, force: true }, apply, context);
  expect(await served()).toBe(before);
  expect((await live())?.metadata.labels).toEqual(foreign.metadata.labels);
  expect(context.warnings.filter((text) => text.includes('left as it is'))).toHaveLength(3);
});

it('a label alone is set without a word', async () => {
  const body = { metadata: { labels: { a: 'b' } } };
  await test.core.patch(ref, { format: 'merge', body }, plainWrite, test.context);
  expect((await live())?.metadata.labels).toEqual({ a: 'b' });
  expect(test.context.warnings).toEqual([]);
});

it('a deletion is refused, dry or not; one from inside is healed', async () => {
  for (const dryRun of [true, false])
    await expect(test.core.delete(ref, { dryRun }, test.context)).rejects.toThrow(
      /forbidden: Symphony serves applications\.argoproj\.io itself: its definition cannot be deleted/,
    );
  const { uid } = (await live())?.metadata ?? {};
  await test.objects.delete(kind, name);
  await comesTrue(async () => {
    const found = await live();
    expect(found?.metadata.uid).not.toBe(uid);
    expect(found?.metadata.deletionTimestamp).toBeUndefined();
    expect(found).toBeDefined();
  });
});
