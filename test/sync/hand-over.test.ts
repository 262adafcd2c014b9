/**
 * A manifest moves from one application's folder to another's in one commit: the object lives on.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
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
  await at.refresh(`symphony-system/${name}`);
  await at.pass();
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
  // An object that no other application can hold is pruned all the same.
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

it('when the new one has a file that is too large to be read', async () => {
  const tooLarge = (): never => {
    throw new UserError('Cannot read a file of 12000000 bytes: the limit is 10485760');
  };
  await controller[Symbol.asyncDispose]();
  controller = await at.start({
    createMirror: () => {
      const mirror = at.repository.createMirror();
      return { ...mirror, readBlobs: async (ids) => (ids.length === 1 ? tooLarge() : mirror.readBlobs(ids)) };
    },
  });
  await at.pass();
  const large = { text: 'kind: [', mode: '100644' };
  at.repository.commit({ 'two/large.yaml': large, 'two/a.yaml': configMap('a', { x: '2' }) });
  await at.pass(POLL_MS * 1.2);
  at.repository.commit({
    'one/a.yaml': null,
    'one/d.yaml': configMap('d', {}),
    'one/e.yaml': configMap('e', {}),
  });
  await at.pass(POLL_MS * 1.2);
  await at.pass(2_000);
  expect(gone).toBe(false);
  expect((await at.application())!.status).toMatchObject({ operationState: { phase: 'Succeeded' } });
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

it('objects that are exchanged stay while one side cannot be rendered, and move once it can', async () => {
  at.repository.commit({
    'one/a.yaml': null,
    'two/a.yaml': configMap('a', { x: '2' }),
    'two/c.yaml': null,
    'one/c.yaml': configMap('c', { z: '2' }),
    'two/broken.yaml': 'kind: [',
  });
  await at.pass(POLL_MS * 1.2);
  await at.pass(120_000);
  expect(gone).toBe(false);
  expect(await managerOf()).toBe('symphony-system_root');
  at.repository.commit({ 'two/broken.yaml': null });
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

const REPOSITORY = 'https://git.example/acme/shop.git';
const CASCADE = '\n  finalizers: [resources-finalizer.argocd.argoproj.io]';
const child = (name: string, path: string, metadata = '', repoURL = REPOSITORY): string =>
  `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata:
  name: ${name}
  namespace: symphony-system${metadata}
spec:
  project: default
  source: {repoURL: "${repoURL}", path: ${path}}
  destination: {namespace: default, server: "https://kubernetes.default.svc"}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`;
/** Time for all applications to read a commit and to settle what moves. */
const settleAll = async (): Promise<void> => {
  for (let step = 0; step < 6; step += 1) await at.pass(POLL_MS / 3);
};

it('when the two spell the address of the repository differently', async () => {
  const two = (await at.application('two'))!;
  const source = { ...two.spec.source!, repoURL: 'https://git.example/acme/shop' };
  await at.objects.update({ ...two, spec: { ...two.spec, source } });
  await settleAll();
  at.repository.commit({ 'one/a.yaml': null, 'two/a.yaml': configMap('a', { x: '2' }) });
  await look('root');
  await settleAll();
  expect(gone).toBe(false);
  expect(await managerOf()).toBe('symphony-system_two');
});

it('when the new one is suspended, which then runs no operation before it is synced', async () => {
  const two = (await at.application('two'))!;
  await at.objects.update({ ...two, spec: { ...two.spec, syncPolicy: {} } });
  await settleAll();
  at.repository.commit({ 'one/a.yaml': null, 'two/a.yaml': configMap('a', { x: '2' }) });
  await look('two');
  await settleAll();
  const suspended = (await at.application('two'))!;
  expect(suspended.status).toMatchObject({
    sync: { status: 'OutOfSync' },
    operationState: { phase: 'Succeeded' },
  });
  await at.objects.update({ ...suspended, operation: { sync: {} } });
  await settleAll();
  expect(gone).toBe(false);
  expect(await managerOf()).toBe('symphony-system_two');
});

it.each([
  ['is renamed', { 'two/apps.yaml': child('new', 'old', CASCADE) }, 'symphony-system_new'],
  [
    'goes in the same commit',
    { 'two/apps.yaml': null, 'old/a.yaml': null, 'two/a.yaml': configMap('a', { x: '2' }) },
    'symphony-system_two',
  ],
])('when the old Application %s, whose finalizer deletes all that it holds', async (_what, files, owner) => {
  at.repository.commit({
    'one/a.yaml': null,
    'two/apps.yaml': child('old', 'old', CASCADE),
    'old/a.yaml': configMap('a', { x: '1' }),
    'old/z.yaml': configMap('z', {}),
  });
  await settleAll();
  expect(await managerOf()).toBe('symphony-system_old');
  at.repository.commit({ 'old/z.yaml': null, ...files });
  await settleAll();
  expect(await at.application('old')).toBeUndefined();
  expect(gone).toBe(false);
  expect(await managerOf()).toBe(owner);
  expect(await live('z')).toBeUndefined();
});

describe('an Application of somebody else', () => {
  /** As a person with rights in one namespace only may make it. */
  const theirs = async (namespace: string, source: object, author?: string): Promise<void> => {
    const root = (await at.application())!;
    const annotations = author === undefined ? {} : { 'symphony.dev/author': author };
    await at.objects.create({
      ...root,
      metadata: { name: 'theirs', namespace, annotations },
      spec: { ...root.spec, source, destination: { ...root.spec.destination, namespace } },
    });
    await at.pass();
  };
  const alice = JSON.stringify({ name: 'alice', groups: [] });

  beforeEach(async () => {
    await at.objects.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'theirs' } });
  });

  it('cannot hold back what goes in another namespace, by an old revision that held it', async () => {
    const old = { 'one/a.yaml': configMap('a', { x: '1' }, '  namespace: default\n') };
    at.repository.setTag('old', at.repository.commit(old));
    await settleAll();
    await theirs('theirs', { repoURL: REPOSITORY, path: 'one', targetRevision: 'old' }, alice);
    at.repository.commit({ 'one/a.yaml': null });
    await settleAll();
    expect(gone).toBe(true);
    expect((await at.application())!.status).toMatchObject({ sync: { status: 'Synced' } });
  });

  it('that may not use the repository holds back nothing', async () => {
    const refused = (): never => {
      throw new UserError('Cannot use repository: ssh has the operator’s keys');
    };
    await controller[Symbol.asyncDispose]();
    controller = await at.start({
      createMirror: (_url, asOperator) => (asOperator ? at.repository.createMirror() : refused()),
    });
    await theirs('default', { repoURL: REPOSITORY, path: 'two' }, alice);
    at.repository.commit({ 'one/a.yaml': null });
    await settleAll();
    expect(gone).toBe(true);
    expect((await at.application())!.status).toMatchObject({ operationState: { phase: 'Succeeded' } });
  });

  it('that fails holds back for a minute what its files do not name', async () => {
    // Nobody is its author: it is never read.
    at.repository.commit({
      'one/moves.yaml': configMap('moves', {}),
      'one/goes.yaml': configMap('goes', {}),
    });
    await settleAll();
    await theirs('default', { repoURL: REPOSITORY, path: 'two' });
    at.repository.commit({
      'one/goes.yaml': null,
      'one/moves.yaml': null,
      'two/moves.yaml': configMap('moves', {}),
    });
    const two = (await at.application('two'))!;
    await at.objects.delete(at.registry.byKind(two.apiVersion, 'Application')!, 'symphony-system/two');
    await settleAll();
    expect(await live('goes')).toBeDefined();
    for (let step = 0; step < 4; step += 1) await at.pass(POLL_MS);
    expect(await live('goes')).toBeUndefined();
    expect(await live('moves')).toBeDefined();
  });
});

it('does not make the wrong settings of a neighbour our own error', async () => {
  const two = (await at.application('two'))!;
  const source = { ...two.spec.source!, directory: { exclude: 'x'.repeat(501) } };
  await at.objects.update({ ...two, spec: { ...two.spec, source } });
  at.repository.commit({ 'one/b.yaml': null });
  await at.pass(POLL_MS * 1.2);
  const conditionsOf = async (name: string): Promise<string> =>
    JSON.stringify((await at.application(name))!.status!['conditions']);
  expect(await conditionsOf('two')).toContain('Cannot use a pattern');
  expect(await conditionsOf('root')).not.toContain('Cannot use a pattern');
});
