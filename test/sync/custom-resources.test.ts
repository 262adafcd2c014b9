import { afterEach, expect, it } from 'vitest';
import { applicationDefinition } from '../../src/schemas/applications/application-definition.ts';
import { DEFINITION_RESOURCE } from '../../src/schemas/custom/definition.ts';
import { getPath } from '../../src/schemas/json-access.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { definitionSample } from '../schemas/custom-samples.ts';
import { aConfigMap } from '../support/builders.ts';
import { startDefinitions } from '../support/definitions.ts';
import { createHarness, type Harness, POLL_MS } from './harness.ts';

let at: Harness;
let definitions: AsyncDisposable;
afterEach(async () => {
  await definitions[Symbol.asyncDispose]();
  await at[Symbol.asyncDispose]();
});

const definition = (change: (spec: Record<string, unknown>) => void = () => undefined): string => {
  const copy = structuredClone(definitionSample) as KubeObject & { spec: Record<string, unknown> };
  change(copy.spec);
  return JSON.stringify(copy);
};
/** Another schema and other names than ours. */
const definitionOfOthers = {
  ...(definitionSample['spec'] as object),
  group: 'argoproj.io',
  names: { plural: 'applications', kind: 'Application', shortNames: ['app'] },
};
const gadget = (spec: unknown): string =>
  JSON.stringify({ apiVersion: 'rec.example.com/v1', kind: 'Gadget', metadata: { name: 'g' }, spec });
const live = (): Promise<KubeObject | undefined> => at.get('gadgets.rec.example.com', 'default/g');

async function startWith(files: Record<string, string>): Promise<void> {
  at = await createHarness({ root: { syncPolicy: { automated: { prune: true, selfHeal: true } } } });
  definitions = await startDefinitions(at);
  at.repository.commit(files);
  await at.start();
  await at.pass();
  await at.pass();
}

it('a repository brings a definition and its objects in any order; defaults are no difference; both are pruned', async () => {
  await startWith({ 'a.json': gadget({ size: 3 }), 'z.json': definition() });
  expect((await live())?.['spec']).toEqual({ size: 3, replicas: 1, mode: 'fast' });
  const version = (await live())?.metadata.resourceVersion;
  await at.pass(POLL_MS * 1.1);
  expect((await at.application())?.status).toMatchObject({
    sync: { status: 'Synced' },
    health: { status: 'Healthy' },
  });
  expect((await live())?.metadata.resourceVersion).toBe(version);
  at.repository.commit({
    'a.json': null,
    'c.json': JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } }),
  });
  await at.pass(POLL_MS * 1.1);
  expect(await live()).toBeUndefined();
});

it('drift of a custom object is healed, and its health is what its conditions say', async () => {
  await startWith({ 'a.json': gadget({ size: 3 }), 'z.json': definition() });
  const before = (await live()) as KubeObject;
  await at.objects.update({ ...before, spec: { size: 9 } });
  await at.pass();
  expect((await live())?.['spec']).toMatchObject({ size: 3 });
  const conditions = [{ type: 'Ready', status: 'False', message: 'no power' }];
  await at.objects.update(
    { ...((await live()) as KubeObject), status: { conditions } },
    { subresource: 'status' },
  );
  await at.pass();
  expect((await at.application())?.status).toMatchObject({ health: { status: 'Degraded' } });
});

it('an object that its definition in Git refuses fails the commit, with its place', async () => {
  await startWith({ 'a.json': gadget({ size: 'big' }), 'z.json': definition() });
  expect(await live()).toBeUndefined();
  expect(JSON.stringify((await at.application())?.status)).toContain('must be of type integer');
});

it('an object whose definition comes to the cluster later is applied then', async () => {
  await startWith({ 'a.json': gadget({ size: 3 }) });
  expect(JSON.stringify((await at.application())?.status)).toContain(
    'no CustomResourceDefinition defines it',
  );
  await at.objects.create(definitionSample);
  await at.pass(1_000);
  await at.pass(1_000);
  expect((await live())?.['spec']).toMatchObject({ size: 3 });
});

it('a definition and an object that uses what is new in it may change in one commit', async () => {
  await startWith({ 'a.json': gadget({ size: 3 }), 'z.json': definition() });
  at.repository.commit({
    'a.json': gadget({ size: 3, mode: 'warp' }),
    'z.json': definition((spec) => {
      const text = JSON.stringify(spec).replace('"enum":["fast","slow"]', '"enum":["fast","slow","warp"]');
      Object.assign(spec, JSON.parse(text));
    }),
  });
  await at.pass(POLL_MS * 1.1);
  await at.pass();
  expect((await live())?.['spec']).toMatchObject({ mode: 'warp' });
});

it("a repository may hold Argo CD's own definition of Applications: nothing of it is applied but its labels", async () => {
  const { name } = applicationDefinition().metadata;
  const manifest = {
    ...applicationDefinition(),
    metadata: { name, labels: { 'app.kubernetes.io/part-of': 'argocd' } },
    spec: definitionOfOthers,
  };
  await startWith({ 'crd.json': JSON.stringify(manifest), 'c.json': JSON.stringify(aConfigMap()) });
  await at.pass(POLL_MS * 1.1);
  const known = () => at.get(DEFINITION_RESOURCE, name);
  expect(getPath(await known(), 'spec', 'versions')).toHaveLength(1);
  expect((await known())?.metadata.labels).toEqual(manifest.metadata.labels);
  expect((await at.application())?.status).toMatchObject({
    sync: { status: 'Synced' },
    health: { status: 'Healthy' },
  });
  const version = (await known())?.metadata.resourceVersion;
  await at.pass(POLL_MS * 1.1);
  expect((await known())?.metadata.resourceVersion).toBe(version);
  at.repository.commit({ 'crd.json': null });
  await at.pass(POLL_MS * 1.1);
  await at.pass(POLL_MS * 1.1);
  expect((await known())?.metadata.labels).toBeUndefined();
});
