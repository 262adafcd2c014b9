/** The Application names files that are no manifests, and objects that its manifests lack. */
import { afterEach, expect, it } from 'vitest';
import type { Application } from '../../src/schemas/types.ts';
import { configMap, createHarness, type Harness, POLL_MS } from './harness.ts';

let at: Harness;
afterEach(async () => at[Symbol.asyncDispose]());

const conditionsOf = (application: Application | undefined): Readonly<Record<string, string>> => {
  const { conditions = [] } = (application?.status ?? {}) as {
    conditions?: { type: string; message: string }[];
  };
  return Object.fromEntries(conditions.map(({ type, message }) => [type, message]));
};
const phaseOf = (application: Application | undefined): string | undefined =>
  (application?.status?.['operationState'] as { phase?: string } | undefined)?.phase;

it.each([
  ['overlays/prod/kustomization.yml', 'bases: [../../base]\n'],
  ['base/Kustomization', 'namePrefix: x-\n'],
])('nothing is applied beside %s, which says no kind', async (path, text) => {
  at = await createHarness();
  at.repository.commit({ [path]: text, 'a.yaml': configMap('a', {}) });
  await at.start();
  await at.pass();
  const application = await at.application();
  expect(conditionsOf(application)['ComparisonError']).toContain(
    `${path}:1:1: this directory is for kustomize`,
  );
  expect(phaseOf(application)).toBe('Failed');
  expect(await at.get('configmaps', 'default/a')).toBeUndefined();
});

it('nothing is applied of a kustomization without a program that builds it', async () => {
  at = await createHarness();
  at.repository.commit({ 'kustomization.yaml': 'resources: [a.yaml]\n', 'a.yaml': configMap('a', {}) });
  await at.start();
  await at.pass();
  expect(conditionsOf(await at.application())['ComparisonError']).toContain('--kustomize-binary');
  expect(await at.get('configmaps', 'default/a')).toBeUndefined();
});

it.each([
  ['kustomization.yaml', 'is a symbolic link whose target leads out of the repository'],
  ['Chart.yaml', 'this directory is'],
])('nothing is applied beside a link %s', async (path, why) => {
  at = await createHarness();
  at.repository.commit({ [path]: { text: `../${path}`, mode: '120000' }, 'a.yaml': configMap('a', {}) });
  await at.start();
  await at.pass();
  expect(conditionsOf(await at.application())['ComparisonError']).toMatch(new RegExp(`^${path}:.*${why}`));
  expect(await at.get('configmaps', 'default/a')).toBeUndefined();
});

it("a kustomization outside of the folder, and one that is left out, are in nobody's way", async () => {
  at = await createHarness({
    root: {
      source: {
        repoURL: 'https://git.example/acme/shop.git',
        path: 'app',
        directory: { recurse: true, exclude: '{kustomization.yaml,*/kustomization.yaml}' },
      },
    },
  });
  const kustomization = 'resources: [a.yaml]\n';
  at.repository.commit({
    'kustomization.yaml': kustomization,
    'app/kustomization.yaml': kustomization,
    'app/a.yaml': configMap('a', {}),
  });
  await at.start();
  await at.pass();
  expect(phaseOf(await at.application())).toBe('Succeeded');
  expect(await at.get('configmaps', 'default/a')).toBeDefined();
});

it('files that are passed over are counted and named, and forgotten with the commit that removes them', async () => {
  at = await createHarness();
  at.repository.commit({ 'values.yaml': 'a: b\n', 'x/cf.yaml': 'a: !Ref b\n', 'a.yaml': configMap('a', {}) });
  await at.start();
  await at.pass();
  expect(conditionsOf(await at.application())['ExcludedResourceWarning']).toBe(
    '2 files are no manifests and passed over: values.yaml (values of a Helm chart: no document has apiVersion, kind and metadata), x/cf.yaml (data of another tool, which has the tag !Ref)',
  );
  at.repository.commit({ 'values.yaml': null, 'x/cf.yaml': null });
  await at.pass(POLL_MS * 1.2);
  expect(conditionsOf(await at.application())).toEqual({});
});

it('what keeps pods from starting is a warning until the cluster has it', async () => {
  at = await createHarness();
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  hostNetwork: true\n  containers: [{name: c, image: i, envFrom: [{secretRef: {name: s}}]}]\n';
  at.repository.commit({ 'p.yaml': pod });
  await at.start();
  await at.pass();
  expect(conditionsOf(await at.application())['RuntimeWarning']?.split('\n')).toEqual([
    'p.yaml:1: spec: would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
    'p.yaml:1: spec.containers[0].envFrom[0].secretRef.name: Secret "s" is neither among these manifests nor in the cluster: it must exist in namespace "default" when the pod starts',
  ]);
  await at.objects.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'default' },
  });
  const namespace = await at.objects.get(at.registry.byKind('v1', 'Namespace')!, 'default');
  const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  await at.objects.update({ ...namespace, metadata: { ...namespace.metadata, labels } });
  await at.pass(POLL_MS * 1.2);
  expect(conditionsOf(await at.application())['RuntimeWarning']).toBeUndefined();
});
