/** Manifests as people of Argo CD and kustomize write them. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Secret } from '../../src/schemas/types.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness();
});
afterEach(async () => at[Symbol.asyncDispose]());

const child = (finalizers: string): string => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: shop, namespace: symphony-system, finalizers: [${finalizers}]}
spec:
  project: default
  source: {repoURL: "https://git.example/acme/shop.git", path: shop}
  destination: {namespace: default, server: "https://kubernetes.default.svc"}
  syncPolicy: {automated: {prune: true}}
`;

describe("Argo CD's finalizers", () => {
  it.each([
    ['resources-finalizer.argocd.argoproj.io', false],
    ['resources-finalizer.argocd.argoproj.io/foreground', false],
    ['resources-finalizer.argocd.argoproj.io/background', false],
    ['resources-finalizer.argocd.argoproj.io, post-delete-finalizer.argocd.argoproj.io/cleanup', false],
    ['post-delete-finalizer.argocd.argoproj.io, pre-delete-finalizer.argocd.argoproj.io', true],
    ['', true],
  ])('%s: when its Application goes, an object stays: %s', async (finalizers, stays) => {
    await at[Symbol.asyncDispose]();
    at = await createHarness({
      root: { source: { repoURL: 'https://git.example/acme/shop.git', path: 'apps' } },
    });
    at.repository.commit({
      'apps/shop.yaml': child(finalizers),
      'apps/keep.yaml': configMap('keep', {}),
      'shop/a.yaml': configMap('a', {}),
    });
    await at.start();
    await at.pass(1_000);
    expect(await at.get('configmaps', 'default/a')).toBeDefined();
    at.repository.commit({ 'apps/shop.yaml': null });
    await at.pass(POLL_MS * 1.2);
    await at.pass(POLL_MS);
    expect(await at.application('shop')).toBeUndefined();
    expect((await at.get('configmaps', 'default/a')) !== undefined).toBe(stays);
  });
});

describe('a hook with a generated name', () => {
  const hook = `apiVersion: v1
kind: Pod
metadata:
  generateName: migrate-
  annotations: {argocd.argoproj.io/hook: PreSync}
spec:
  restartPolicy: Never
  containers: [{name: main, image: "busybox:1"}]
`;
  const pods = async (): Promise<readonly KubeObject[]> => (await at.store.list('pods')).objects;
  const succeed = async (): Promise<void> => {
    for (const pod of await pods())
      await at.objects.update({ ...pod, status: { phase: 'Succeeded' } }, { subresource: 'status' });
    await at.pass();
  };

  it('makes one object in each run, and finds it again after a restart', async () => {
    const first = at.repository.commit({ 'hook.yaml': hook, 'a.yaml': configMap('a', { x: '1' }) });
    const controller = await at.start();
    await at.pass();
    const [pod] = await pods();
    expect(pod?.metadata.name).toMatch(new RegExp(`^migrate-${first.slice(0, 7)}-presync-\\d{10}$`));
    await controller[Symbol.asyncDispose]();
    await at.start();
    await at.pass();
    expect(await pods()).toHaveLength(1);
    await succeed();
    expect(await at.get('configmaps', 'default/a')).toBeDefined();
    at.repository.commit({ 'a.yaml': configMap('a', { x: '2' }) });
    await at.pass(POLL_MS * 1.2);
    expect(await pods()).toHaveLength(2);
    await succeed();
    expect(await pods()).toHaveLength(2);
    expect((await at.application())!.status).toMatchObject({ operationState: { phase: 'Succeeded' } });
  });

  it('is for hooks only', async () => {
    at.repository.commit({ 'pod.yaml': hook.replace('argocd.argoproj.io/hook: PreSync', '') });
    await at.start();
    await at.pass();
    expect(JSON.stringify((await at.application())!.status)).toContain('generateName');
  });
});

it('base64 that is wrapped over lines is applied, on one line, and makes no difference', async () => {
  const base64 = Buffer.from('x'.repeat(100)).toString('base64');
  const wrapped = (base64.match(/.{1,70}/g) ?? []).map((line) => `    ${line}`).join('\n');
  const binary =
    'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b}\nbinaryData:\n  k: |\n    QQ=\n    =\n';
  at.repository.commit({
    's.yaml': `apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ntype: Opaque\ndata:\n  key: |\n${wrapped}\n`,
    'b.yaml': binary,
  });
  await at.start();
  await at.pass();
  expect(((await at.get('secrets', 'default/s')) as Secret).data).toEqual({ key: base64 });
  expect((await at.get('configmaps', 'default/b'))!['binaryData']).toEqual({ k: 'QQ==' });
  await at.pass(POLL_MS);
  const before = await at.version();
  const controller = await at.start();
  await at.pass(POLL_MS);
  expect(await at.version()).toBe(before);
  await controller[Symbol.asyncDispose]();
});

it('explicit nulls of nullable custom fields are kept', async () => {
  const definition = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: gadgets.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {plural: gadgets, singular: gadget, kind: Gadget, listKind: GadgetList}
  versions:
    - name: v1
      served: true
      storage: true
      schema:
        openAPIV3Schema:
          type: object
          properties:
            spec:
              type: object
              properties:
                owner: {type: string, nullable: true}
                size: {type: integer, nullable: true, default: 3}
                parts: {type: array, items: {type: object, nullable: true}}
`;
  const gadget =
    'apiVersion: example.com/v1\nkind: Gadget\nmetadata: {name: g, labels: }\nspec: {owner: null, size: ~, parts: [null]}\n';
  at.repository.commit({ 'definition.yaml': definition });
  await at.start();
  await at.pass();
  const key = 'gadgets.example.com';
  const crd = (await at.get('customresourcedefinitions.apiextensions.k8s.io', key))!;
  const conditions = ['NamesAccepted', 'Established'].map((type) => ({ type, status: 'True' }));
  const acceptedNames = (crd['spec'] as { names: object }).names;
  await at.objects.update({ ...crd, status: { conditions, acceptedNames } }, { subresource: 'status' });
  at.repository.commit({ 'gadget.yaml': gadget });
  await at.pass(POLL_MS * 1.2);
  const wanted = { owner: null, size: null, parts: [null] };
  expect((await at.get(key, 'default/g'))?.['spec']).toEqual(wanted);
  const live = (await at.get(key, 'default/g'))!;
  await at.objects.update({ ...live, spec: { ...wanted, owner: 'me' } });
  await at.pass();
  expect((await at.get(key, 'default/g'))?.['spec']).toEqual(wanted);
});
