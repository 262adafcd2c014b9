/** A render is known by its inputs, wherever in the commit they lie. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ConfigMap } from '../../src/schemas/types.ts';
import { keyOfIds } from '../../src/sync/render/inputs.ts';
import { renderers } from '../../src/sync/render/index.ts';
import type { RenderRequest, Renderer } from '../../src/sync/render/types.ts';
import { type Harness, POLL_MS, REPO_URL, configMap, createHarness } from './harness.ts';

let at: Harness;
let renders = 0;

/**
 * Renders `base/`, which lies beside the folder of the Application, where that has a file
 * `use-base`.
 */
const overlay: Renderer = {
  name: 'Overlay',
  detect: async ({ mirror, commit, path }) =>
    (await mirror.tree(commit, path)).some((entry) => entry.path === `${path}/use-base`),
  inputs: async ({ mirror, commit }) => ({ key: keyOfIds([(await mirror.treeId(commit, 'base')) ?? '']) }),
  async render({ tree: { mirror, commit }, inputs, parse, previous }: RenderRequest) {
    renders += 1;
    const entries = await mirror.tree(commit, 'base');
    const blobs = await mirror.readBlobs(entries.map(({ blobId }) => blobId));
    const files = entries.map(({ path, blobId }, index) => {
      const file = parse({ path, bytes: blobs[index]! });
      return [path, { blobId, ...file }] as const;
    });
    return {
      renderer: 'Overlay',
      inputs,
      files: new Map(files),
      changedPaths: new Set([...files.map(([path]) => path), ...(previous?.files.keys() ?? [])]),
      errors: files.flatMap(([, { errors }]) => errors),
      warnings: new Map(),
      passedOver: undefined,
      kindsVersion: undefined,
    };
  },
};

const dataOf = async (name: string): Promise<unknown> =>
  ((await at.get('configmaps', `default/${name}`)) as ConfigMap | undefined)?.data;
const statusOf = async () => (await at.application())!.status!;

beforeEach(async () => {
  renders = 0;
  at = await createHarness({ root: { source: { repoURL: REPO_URL, path: 'app' } } });
  at.repository.commit({ 'app/use-base': '', 'base/a.yaml': configMap('a', { x: '1' }) });
  await at.start({ renderers: [overlay, ...renderers] });
  await at.pass();
});
afterEach(async () => at[Symbol.asyncDispose]());

it('is made again when an input outside of the folder changes, and the commit is told about', async () => {
  expect([await dataOf('a'), renders]).toEqual([{ x: '1' }, 1]);
  const sha = at.repository.commit({ 'base/a.yaml': configMap('a', { x: '2' }) });
  await at.pass(POLL_MS * 1.1);
  expect([await dataOf('a'), renders]).toEqual([{ x: '2' }, 2]);
  expect(await statusOf()).toMatchObject({
    sync: { status: 'Synced', revision: sha },
    commitStatus: { sha },
  });
});

it('is not made again when a file changes that it does not read', async () => {
  const sha = at.repository.commit({ 'app/README.md': 'new' });
  await at.pass(POLL_MS * 1.1);
  expect(renders).toBe(1);
  expect(await statusOf()).toMatchObject({ sync: { status: 'Synced', revision: sha } });
});

it('is made by another renderer when the folder becomes its own, and leaves nothing behind', async () => {
  at.repository.commit({ 'app/use-base': null, 'app/b.yaml': configMap('b', { x: '1' }) });
  await at.pass(POLL_MS * 1.1);
  expect([await dataOf('a'), await dataOf('b')]).toEqual([undefined, { x: '1' }]);
});

it('of plain manifests depends on the selected files alone', async () => {
  const source = { repoURL: REPO_URL, path: 'app', directory: { recurse: true, exclude: 'docs/*' } };
  const tree = async (commit: string) => {
    const mirror = at.repository.createMirror();
    return { mirror, commit, path: 'app', treeId: (await mirror.treeId(commit, 'app'))! };
  };
  const [plain] = renderers;
  const commits = [
    at.repository.commit({ 'app/a.yaml': configMap('a', {}), 'app/docs/x.yaml': 'a' }),
    at.repository.commit({ 'app/docs/x.yaml': 'b', 'app/notes.txt': 'new' }),
    at.repository.commit({ 'app/a.yaml': configMap('a', { x: '2' }) }),
  ];
  const first = await plain!.inputs(await tree(commits[0]!), source, undefined);
  const second = await plain!.inputs(await tree(commits[1]!), source, first);
  const third = await plain!.inputs(await tree(commits[2]!), source, second);
  const fresh = await plain!.inputs(await tree(commits[2]!), source, undefined);
  expect(second.key).toBe(first.key);
  expect(third.key).not.toBe(first.key);
  expect(third.key).toBe(fresh.key);
});
