/** A manifest moves from one application's folder to another's in one commit: the object lives on. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/schemas/types.ts';
import type { ApplicationController } from '../../src/sync/application-controller.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
let controller: ApplicationController;
const uids = new Set<string>();
let gone = false;

const live = async (name = 'a'): Promise<ConfigMap | undefined> =>
  await at.get('configmaps', `default/${name}`);
const managerOf = async (): Promise<string> =>
  (await live())?.metadata.annotations?.['argocd.argoproj.io/tracking-id']?.split(':')[0] ?? '';
const look = async (name: string): Promise<void> => {
  const done = controller.look(`symphony-system/${name}`, new AbortController().signal);
  await at.pass();
  await done;
};

beforeEach(async () => {
  uids.clear();
  gone = false;
  const repoURL = 'https://git.example/acme/shop.git';
  at = await createHarness({ root: { source: { repoURL, path: 'one' } } });
  const root = (await at.application())!;
  await at.objects.create({
    ...root,
    metadata: { name: 'two', namespace: 'symphony-system' },
    spec: { ...root.spec, source: { repoURL, path: 'two' } },
  });
  at.repository.commit({
    'one/a.yaml': configMap('a', { x: '1', old: '1' }),
    'one/b.yaml': configMap('b', {}),
    'two/c.yaml': configMap('c', {}),
  });
  controller = await at.start();
  await at.pass();
  const maps = await at.caches.open('configmaps');
  maps.subscribe(({ type, object }) => {
    if (object.metadata.name !== 'a') return;
    uids.add(object.metadata.uid ?? '');
    if (type === 'DELETED') gone = true;
  });
  expect(await managerOf()).toBe('symphony-system_root');
});
afterEach(async () => at[Symbol.asyncDispose]());

it.each([
  ['the old one first', ['root', 'two']],
  ['the new one first', ['two', 'root']],
  ['both at once', []],
] as const)('when it is synced by %s', async (_what, order) => {
  at.repository.commit({ 'one/a.yaml': null, 'two/a.yaml': configMap('a', { x: '2' }) });
  for (const name of order) await look(name);
  await at.pass(POLL_MS * 1.2);
  await at.pass(2_000);
  expect(gone).toBe(false);
  expect(uids.size).toBe(1);
  expect(await managerOf()).toBe('symphony-system_two');
  expect((await live())?.data).toEqual({ x: '2' });
  for (const name of ['root', 'two'])
    expect((await at.application(name))!.status).toMatchObject({
      sync: { status: 'Synced' },
      operationState: { phase: 'Succeeded' },
    });
});

it.each([
  ['another file', { 'two/broken.yaml': 'kind: [' }, configMap('a', { x: '2' })],
  ['the moved file itself', {}, configMap('a', { x: '2' }).replace('kind: ConfigMap', 'kind: ConfigMop')],
])('when the new one cannot be read, because of %s, and once it can', async (_what, broken, moved) => {
  at.repository.commit({
    'one/a.yaml': null,
    'one/b.yaml': null,
    'two/a.yaml': moved,
    ...broken,
    'one/d.yaml': configMap('d', {}),
  });
  await at.pass(POLL_MS * 1.2);
  await at.pass(POLL_MS);
  expect(gone).toBe(false);
  expect((await live())?.data).toEqual({ x: '1', old: '1' });
  // What nobody else could mean is pruned all the same.
  expect(await live('b')).toBeUndefined();
  expect(JSON.stringify((await at.application())!.status!['conditions'])).toContain(
    'another application holds it',
  );
  const gonePath = Object.fromEntries(Object.keys(broken).map((path) => [path, null]));
  at.repository.commit({ 'two/a.yaml': configMap('a', { x: '2' }), ...gonePath });
  await at.pass(POLL_MS * 1.2);
  await at.pass(2_000);
  expect(gone).toBe(false);
  expect(await managerOf()).toBe('symphony-system_two');
});

it('objects that two applications exchange are handed over both ways', async () => {
  at.repository.commit({
    'one/a.yaml': null,
    'two/a.yaml': configMap('a', { x: '2' }),
    'two/c.yaml': null,
    'one/c.yaml': configMap('c', { z: '2' }),
  });
  await at.pass(POLL_MS * 1.2);
  await at.pass(2_000);
  expect(gone).toBe(false);
  expect(await managerOf()).toBe('symphony-system_two');
  expect((await live('c'))?.data).toEqual({ z: '2' });
});

it('what an Application that is gone has left behind is taken over', async () => {
  const root = (await at.application())!;
  await at.objects.delete(at.registry.byKind(root.apiVersion, 'Application')!, 'symphony-system/root');
  at.repository.commit({ 'one/a.yaml': null, 'two/a.yaml': configMap('a', { x: '2' }) });
  await at.pass(POLL_MS * 1.2);
  expect(gone).toBe(false);
  expect(await managerOf()).toBe('symphony-system_two');
});

it('an object moves to an application that the same commit brings', async () => {
  const child = `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: three, namespace: symphony-system}
spec:
  project: default
  source: {repoURL: "https://git.example/acme/shop.git", path: three}
  destination: {namespace: default, server: "https://kubernetes.default.svc"}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`;
  at.repository.commit({
    'one/a.yaml': null,
    'three/a.yaml': configMap('a', { x: '3' }),
    'two/three.yaml': child,
  });
  await look('root');
  await at.pass(POLL_MS * 1.2);
  await at.pass(2_000);
  expect(gone).toBe(false);
  expect(await managerOf()).toBe('symphony-system_three');
});
