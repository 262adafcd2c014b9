/**
 * INVARIANTS 6: a rewritten or exchanged history deletes little before a person approves, whatever
 * happens meanwhile.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TransientError } from '../../src/base/errors.ts';
import { omit } from '../../src/schemas/json-access.ts';
import type { Application } from '../../src/schemas/types.ts';
import { plain } from '../../src/sync/render/plain.ts';
import type { Renderer } from '../../src/sync/render/types.ts';
import { type Harness, POLL_MS, configMap, createHarness } from './harness.ts';

let at: Harness;
beforeEach(async () => {
  at = await createHarness();
});
afterEach(async () => at[Symbol.asyncDispose]());

const NAMES = Array.from({ length: 10 }, (_, index) => `m${index}`);
const filesOf = (names: readonly string[], folder = ''): Record<string, string> =>
  Object.fromEntries(names.map((name) => [`${folder}${name}.yaml`, configMap(name, { x: '1' })]));
const names = async (): Promise<readonly string[]> =>
  (await at.store.list('configmaps')).objects.map(({ metadata }) => metadata.name).sort();
const next = (): Promise<void> => at.pass(POLL_MS * 1.2);
const conditions = async (): Promise<string> =>
  JSON.stringify((await at.application())?.status?.['conditions']);

async function edit(change: (application: Application) => Partial<Application>): Promise<void> {
  const application = (await at.application())!;
  await at.objects.update({ ...application, ...change(application) });
  await at.pass();
}
const editSource = (source: Partial<NonNullable<Application['spec']['source']>>): Promise<void> =>
  edit(({ spec }) => ({ spec: { ...spec, source: { ...spec.source!, ...source } } }));
const annotate = (value: string): Promise<void> =>
  edit(({ metadata }) => ({
    metadata: { ...metadata, annotations: { ...metadata.annotations, 'symphony.dev/approve-prune': value } },
  }));

/** Ten objects, synced; then a history that keeps one of them. */
async function forcePush(): Promise<string> {
  at.repository.commit(filesOf(NAMES));
  const controller = await at.start();
  await next();
  const sha = at.repository.commit(filesOf(['m0']), { orphan: true });
  await next();
  expect(await names()).toEqual(NAMES);
  stop = async () => controller[Symbol.asyncDispose]();
  return sha;
}
let stop: () => Promise<void>;

describe('a force-push that takes most objects away', () => {
  it.each<readonly [string, (sha: string) => Promise<string>]>([
    [
      'a restart',
      async (sha) => {
        await stop();
        await at.start();
        return sha;
      },
    ],
    [
      'one more commit on the new history',
      async () => at.repository.commit({ 'm0.yaml': configMap('m0', { x: '2' }) }),
    ],
    [
      'an edit of the source',
      async (sha) => {
        await editSource({ directory: { recurse: true, exclude: 'docs/*' } });
        return sha;
      },
    ],
    [
      'another spelling of the source and a restart',
      async (sha) => {
        await editSource({ path: './' });
        await stop();
        await at.start();
        return sha;
      },
    ],
    [
      'another name of the revision',
      async (sha) => {
        await editSource({ targetRevision: 'main' });
        return sha;
      },
    ],
    [
      'the branch deleted and made again',
      async (sha) => {
        at.repository.setBranch('main', undefined);
        await next();
        at.repository.setBranch('main', sha);
        return sha;
      },
    ],
    [
      'a status that is lost with the Application',
      async (sha) => {
        const { metadata, ...application } = (await at.application())!;
        await at.objects.delete(
          at.registry.byKind(application.apiVersion, 'Application')!,
          'symphony-system/root',
        );
        await at.pass();
        const { name, namespace } = metadata;
        await at.objects.create({ ...application, metadata: { name, namespace: namespace! } });
        return sha;
      },
    ],
  ])('is held after %s, and done once it is approved', async (_what, happens) => {
    const sha = await happens(await forcePush());
    await next();
    await next();
    expect(await names()).toEqual(NAMES);
    expect(await conditions()).toContain(`symphony.dev/approve-prune: ${sha}`);
    await annotate(sha);
    await next();
    expect(await names()).toEqual(['m0']);
    expect(await conditions()).not.toContain('PruneHeldWarning');
  });

  it('does not count its own new objects', async () => {
    at.repository.commit(filesOf(NAMES));
    await at.start();
    await next();
    const many = Array.from({ length: 40 }, (_, index) => `n${index}`);
    at.repository.commit(Object.fromEntries(NAMES.map((name) => [`${name}.yaml`, null])));
    at.repository.setBranch('main', at.repository.commit(filesOf(many), { orphan: true }));
    await next();
    expect((await names()).filter((name) => name.startsWith('m'))).toEqual(NAMES);
  });

  it('deletes no more by going in small steps', async () => {
    const frozen = (value: string): Record<string, string> => ({
      'frozen.yaml': `${configMap('frozen', { x: value })}immutable: true\n`,
    });
    at.repository.commit({ ...filesOf(NAMES), ...frozen('1') });
    await at.start();
    await next();
    // An object that is refused keeps the sync from ever being complete.
    at.repository.commit({ ...filesOf(NAMES.slice(2)), ...frozen('2') }, { orphan: true });
    await next();
    expect(await names()).toHaveLength(9);
    for (const name of ['m2', 'm3', 'm4', 'm5']) {
      at.repository.commit({ [`${name}.yaml`]: null });
      await next();
    }
    expect(await names()).toEqual(['frozen', ...NAMES.slice(3)]);
  });

  it('that takes few away is followed at once, and the next commit is an ordinary one', async () => {
    at.repository.commit(filesOf(NAMES));
    await at.start();
    await next();
    at.repository.commit(filesOf(NAMES.slice(0, 8)), { orphan: true });
    await next();
    expect(await names()).toEqual(NAMES.slice(0, 8));
    at.repository.commit(Object.fromEntries(NAMES.slice(1, 8).map((name) => [`${name}.yaml`, null])));
    await next();
    expect(await names()).toEqual(['m0']);
  });
});

describe('a force-push back to the last complete sync', () => {
  const frozen = (value: string): Record<string, string> => ({
    'frozen.yaml': `${configMap('frozen', { x: value })}immutable: true\n`,
  });

  it.each<readonly [string, (stop: () => Promise<void>) => Promise<void>]>([
    ['with the same worker', async () => undefined],
    [
      'after a restart',
      async (stop) => {
        await stop();
        await at.start();
      },
    ],
    [
      'over a commit that cannot be read',
      async () => {
        at.repository.commit({ 'm0.yaml': 'a: [' });
        await next();
        at.repository.commit(filesOf(['m0']));
      },
    ],
  ])('keeps what was applied since, %s', async (_what, happens) => {
    const complete = at.repository.commit({ ...filesOf(['m0']), ...frozen('1') });
    const controller = await at.start();
    await next();
    // A refused object keeps this one from being complete.
    at.repository.commit({ ...filesOf(NAMES), ...frozen('2') });
    await next();
    expect(await names()).toEqual(['frozen', ...NAMES]);
    at.repository.setBranch('main', complete);
    at.repository.commit({ 'z.yaml': configMap('z', {}) });
    await happens(async () => controller[Symbol.asyncDispose]());
    await next();
    await next();
    expect(await names()).toEqual(['frozen', ...NAMES, 'z']);
    const { revision } = (await at.application())!.status!['sync'] as { revision: string };
    await annotate(revision);
    await next();
    expect(await names()).toEqual(['frozen', 'm0', 'z']);
  });
});

describe('a force-push that takes few objects away, which take others along', () => {
  it('is held for a Namespace', async () => {
    const namespace = 'apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n';
    at.repository.commit({ ...filesOf(NAMES), 'shop.yaml': namespace });
    await at.start();
    await next();
    const sha = at.repository.commit(filesOf(NAMES), { orphan: true });
    await next();
    const shop = async () => at.get('namespaces', 'shop');
    expect((await shop())?.metadata.deletionTimestamp).toBeUndefined();
    await annotate(sha);
    await next();
    expect((await shop())?.metadata.deletionTimestamp).toBeDefined();
  });

  it('is held for Applications', async () => {
    const kids = ['k1', 'k2', 'k3', 'k4', 'k5', 'k6', 'k7'];
    const child = (name: string): string => `apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: ${name}, namespace: symphony-system, finalizers: [resources-finalizer.argocd.argoproj.io]}
spec:
  project: default
  destination: {namespace: default}
  source: {repoURL: "https://git.example/acme/shop.git", path: ${name}}
  syncPolicy: {automated: {prune: true, selfHeal: true}}
`;
    const filesFor = (list: readonly string[]): Record<string, string> => ({
      ...Object.fromEntries(list.map((name) => [`apps/${name}.yaml`, child(name)])),
      ...Object.assign({}, ...kids.map((name) => filesOf([`${name}-a`, `${name}-b`], `${name}/`))),
    });
    await editSource({ path: 'apps' });
    at.repository.commit(filesFor(kids));
    await at.start();
    for (let round = 0; round < 3; round += 1) await next();
    const before = await names();
    expect(before).toHaveLength(14);
    at.repository.commit(filesFor(kids.slice(2)), { orphan: true });
    for (let round = 0; round < 3; round += 1) await next();
    expect(await names()).toEqual(before);
  });
});

describe('the objects of another place', () => {
  it('are not replaced with an approval that was given for the place before', async () => {
    at.repository.commit({ ...filesOf(NAMES, 'a/'), ...filesOf(['z'], 'b/') });
    await editSource({ path: 'a' });
    await at.start();
    await next();
    // Approved, and on its way: an object that is never healthy keeps it from being complete.
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "x:1"}]}\n';
    const waiting = configMap('w', {}, '  annotations: {argocd.argoproj.io/sync-wave: "5"}\n');
    const files = { ...filesOf(NAMES, 'a/'), 'a/pod.yaml': pod, 'a/w.yaml': waiting };
    const sha = at.repository.commit({ ...files, ...filesOf(['z'], 'b/') }, { orphan: true });
    await next();
    await annotate(sha);
    await next();
    await editSource({ path: 'b' });
    await next();
    expect(await names()).toEqual([...NAMES, 'z']);
  });

  it.each([
    ['another folder', { path: 'other' }],
    ['another repository', { repoURL: 'https://git.example/acme/other.git' }],
  ] as const)('replace those of before only with approval: %s', async (_what, source) => {
    at.repository.commit({ ...filesOf(NAMES), ...filesOf(['z'], 'other/') });
    await editSource({ directory: { recurse: false } });
    await at.start();
    await next();
    expect(await names()).toEqual(NAMES);
    const sha = at.repository.commit(Object.fromEntries(NAMES.map((name) => [`${name}.yaml`, null])), {
      branch: 'elsewhere',
    });
    await editSource({ path: 'other', ...source });
    await next();
    expect(await names()).toEqual([...NAMES, 'z']);
    const { revision } = (await at.application())!.status!['sync'] as { revision: string };
    expect(revision).not.toBe(sha);
    await annotate(revision);
    await next();
    expect(await names()).toEqual(['z']);
    // The approval is used up: back at the old folder it counts for nothing, though the commit is
    // the same.
    await editSource({ path: '.', repoURL: 'https://git.example/acme/shop.git' });
    await next();
    expect(await names()).toEqual([...NAMES, 'z']);
  });
});

describe('without a brake', () => {
  it('a commit that follows an unfinished first sync prunes as it says', async () => {
    const waiting = {
      'wait.yaml': configMap('w', {}, '  annotations: {argocd.argoproj.io/sync-wave: "5"}\n'),
    };
    const pod =
      'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "x:1"}]}\n';
    at.repository.commit({ ...filesOf(NAMES), ...waiting, 'pod.yaml': pod });
    const controller = await at.start();
    await next();
    expect(await names()).toEqual(NAMES);
    await controller[Symbol.asyncDispose]();
    at.repository.commit(
      Object.fromEntries(
        ['pod.yaml', ...NAMES.slice(1).map((name) => `${name}.yaml`)].map((file) => [file, null]),
      ),
    );
    await at.start();
    await next();
    expect(await names()).toEqual(['m0', 'w']);
  });

  it('a status of a version that knew no brake is taken for what it says', async () => {
    at.repository.commit(filesOf(NAMES));
    const controller = await at.start();
    await next();
    await controller[Symbol.asyncDispose]();
    const status = omit((await at.application())!.status!, 'pruneBaseline');
    await at.objects.update({ ...(await at.application())!, status }, { subresource: 'status' });
    at.repository.commit(Object.fromEntries(NAMES.slice(1).map((name) => [`${name}.yaml`, null])));
    await at.start();
    await next();
    expect(await names()).toEqual(['m0']);
  });
});

it('a history is braked before the status names it, also when Git fails in between', async () => {
  at.repository.commit(filesOf(NAMES));
  let asked = 0;
  let rewritten = '';
  await at.start({
    createMirror: () => {
      const mirror = at.repository.createMirror();
      const isAncestor = async (ancestor: string, commit: string): Promise<boolean> => {
        if (commit === rewritten) asked += 1;
        // The question about the brake, which comes after the one about the move.
        if (commit === rewritten && asked % 2 === 0) throw new TransientError('Cannot read the mirror');
        return mirror.isAncestor(ancestor, commit);
      };
      return { ...mirror, isAncestor };
    },
  });
  await next();
  const before = (await at.application())!.status!['sync'];
  rewritten = at.repository.commit(filesOf(['m0']), { orphan: true });
  await next();
  expect(asked).toBeGreaterThan(1);
  expect((await at.application())!.status!['sync']).toMatchObject({
    revision: (before as { revision: string }).revision,
  });
  expect(await names()).toEqual(NAMES);
});

it('an Application that is made anew while it is synced is braked as any new one', async () => {
  at.repository.commit(filesOf(NAMES));
  let during = async (): Promise<void> => undefined;
  const slow: Renderer = {
    ...plain,
    async render(request) {
      await during();
      return plain.render(request);
    },
  };
  await at.start({ renderers: [slow] });
  await next();
  during = async () => {
    during = async () => undefined;
    const { apiVersion, kind, metadata, spec } = (await at.application())!;
    const { name, namespace = '' } = metadata;
    await at.objects.delete(at.registry.byKind(apiVersion, kind)!, `${namespace}/${name}`);
    const made = await at.objects.create({ apiVersion, kind, metadata: { name, namespace }, spec });
    const apps = await at.caches.open('applications.argoproj.io');
    await apps.waitFor(made.metadata.resourceVersion!, new AbortController().signal);
  };
  at.repository.commit(Object.fromEntries(NAMES.slice(1).map((name) => [`${name}.yaml`, null])));
  await next();
  await next();
  expect(await names()).toEqual(NAMES);
  expect(await conditions()).toContain('older than what is known of this application');
});
