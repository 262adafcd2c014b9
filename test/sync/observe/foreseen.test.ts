import { afterEach, expect, it } from 'vitest';
import { createDesiredSet } from '../../../src/diff/desired-set.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { objectKey, type KubeObject } from '../../../src/schemas/object.ts';
import { foresee, type ForeseenState, isForeseenCurrent } from '../../../src/sync/observe/foreseen.ts';
import { configMap, createHarness, type Harness, POLL_MS } from '../harness.ts';

let at: Harness | undefined;
afterEach(async () => at?.[Symbol.asyncDispose]());

const podOf = (name: string, secret: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'i', envFrom: [{ secretRef: { name: secret } }] }] },
});
const named = (kind: string, name: string, namespace?: string): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
});

/** A render of pods, and a cluster that counts what it is asked for. */
function world(pods: readonly KubeObject[], live: readonly (readonly [string, KubeObject])[]) {
  const kind = builtinRegistry.byKind('v1', 'Pod')!;
  const desired = createDesiredSet(
    pods.map((object) => ({ kind, object, origin: `${object.metadata.name}.yaml:1` })),
  );
  const objects = new Map(live);
  const asked: string[] = [];
  const state: ForeseenState = { desired, render: undefined, foreseen: undefined };
  const options = {
    findLive({
      resource,
      namespace,
      name,
    }: {
      resource: string;
      namespace: string | undefined;
      name: string;
    }) {
      const id = `${resource}|${objectKey(namespace, name)}`;
      asked.push(id);
      return objects.get(id);
    },
    defaultPodSecurity: 'baseline' as const,
  };
  return { state, options, objects, asked };
}

it('asks again only for what its warnings depend on, and checks again when an answer is another one', () => {
  const { state, options, objects, asked } = world(
    [podOf('a', 'missing'), podOf('b', 'there')],
    [
      ['secrets|default/there', named('Secret', 'there', 'default')],
      ['namespaces|default', named('Namespace', 'default')],
    ],
  );
  expect(foresee(state, options)).toHaveLength(1);
  const found = state.foreseen;
  asked.length = 0;
  expect(foresee(state, options)).toHaveLength(1);
  expect(state.foreseen).toBe(found);
  expect([...asked].sort()).toEqual(['namespaces|default', 'secrets|default/missing']);

  objects.set('secrets|default/missing', named('Secret', 'missing', 'default'));
  expect(isForeseenCurrent(state, options)).toBe(false);
  expect(foresee(state, options)).toEqual([]);
  asked.length = 0;
  expect(foresee(state, options)).toEqual([]);
  expect(asked).toEqual([]);
});

it('follows the level of a namespace that the render does not hold', () => {
  const pod = podOf('a', 'there');
  const { state, options, objects } = world(
    [{ ...pod, spec: { ...(pod['spec'] as object), hostNetwork: true } }],
    [['secrets|default/there', named('Secret', 'there', 'default')]],
  );
  expect(foresee(state, options)).toHaveLength(1);
  const labels = { 'pod-security.kubernetes.io/enforce': 'privileged' };
  objects.set('namespaces|default', {
    ...named('Namespace', 'default'),
    metadata: { name: 'default', labels },
  });
  expect(foresee(state, options)).toEqual([]);
});

it('warnings beyond those that are told are told once the others are gone', () => {
  const pods = Array.from({ length: 600 }, (_, index) =>
    podOf(`p${index}`, index < 500 ? 'first' : 'second'),
  );
  const { state, options, objects } = world(pods, []);
  expect(foresee(state, options)).toHaveLength(500);
  objects.set('secrets|default/first', named('Secret', 'first', 'default'));
  expect(foresee(state, options)).toHaveLength(100);
});

it('an application with such warnings is settled: nothing is compared until something changes', async () => {
  at = await createHarness({ root: { syncPolicy: { automated: { selfHeal: true } } } });
  const pod =
    'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers: [{name: c, image: i, envFrom: [{secretRef: {name: s}}]}]\n';
  at.repository.commit({ 'p.yaml': pod, 'gone.yaml': configMap('gone', {}) });
  await at.start();
  await at.pass();
  // With an object that Git no longer holds, each comparison asks for the state of the store.
  at.repository.commit({ 'gone.yaml': null });
  await at.pass(POLL_MS * 1.2);
  let comparisons = 0;
  const { clusterState } = at.store;
  Object.assign(at.store, {
    clusterState: () => {
      comparisons += 1;
      return clusterState();
    },
  });
  await at.pass(POLL_MS * 4);
  expect(comparisons).toBe(0);
  await at.objects.create({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: 's', namespace: 'default' },
  });
  await at.pass(POLL_MS * 4);
  expect(comparisons).toBe(1);
});
