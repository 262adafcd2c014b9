/** Kustomizations of a real repository, built by the real kustomize that kubectl carries. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { countChildren } from '../../../src/base/child-processes/child-process.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { createScope } from '../../../src/base/scope.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type { ApplicationSource } from '../../../src/schemas/types.ts';
import { createGitMirror } from '../../../src/sync/git/git-mirror.ts';
import type { GitMirror } from '../../../src/sync/git/types.ts';
import { createRenderers, findTarget, openTree, renderTarget } from '../../../src/sync/render/index.ts';
import { createManifestParser } from '../../../src/sync/render/parse-manifest-file.ts';
import type { Render } from '../../../src/sync/render/types.ts';
import { createTestRepository, type TestRepository } from '../../support/git-server.ts';
import { newKubectl } from '../../support/new-kubectl.ts';

const scope = createScope();
const renderers: ReturnType<typeof createRenderers>[number][] = [];
const parse = createManifestParser(builtinRegistry, 'shop');
let repository: TestRepository;
let mirror: GitMirror;

beforeAll(async () => {
  const binary = await newKubectl();
  const searchPath = process.env['PATH'] ?? '';
  renderers.push(...createRenderers({ binary, searchPath }));
  repository = scope.use(await createTestRepository());
  const directory = await mkdtemp(join(tmpdir(), 'symphony-mirror-'));
  mirror = scope.use(
    createGitMirror({
      ...{ url: repository.bare, directory, clock: systemClock, logger: silentLogger },
      allowFile: true,
      environment: { PATH: searchPath },
    }),
  );
  scope.use({ [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }) });
}, 300_000);
afterAll(() => scope[Symbol.asyncDispose]());

const DEPLOYMENT = `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "example.com/web:1"}]
`;
const FILES = {
  'base/kustomization.yaml':
    'resources: [web.yaml]\nconfigMapGenerator: [{name: settings, files: [a.txt]}]\n',
  'base/web.yaml': DEPLOYMENT,
  'base/a.txt': 'hello\n',
  'overlays/prod/kustomization.yaml':
    'resources: [../../base]\nnamePrefix: prod-\nreplicas: [{name: web, count: 3}]\n',
  'overlays/test/kustomization.yaml': 'resources: [../../base]\nnamePrefix: test-\n',
};

async function render(path: string, previous?: Render, kustomize?: ApplicationSource['kustomize']) {
  await mirror.fetch(new AbortController().signal);
  const source: ApplicationSource = { repoURL: repository.bare, path, ...(kustomize ? { kustomize } : {}) };
  const tree = (await openTree(mirror, await mirror.resolve('main'), source))!;
  const before = previous && { renderer: renderers[0]!, inputs: previous.inputs };
  const target = await findTarget(tree, source, before, renderers);
  return renderTarget(target, { source, parse, previous, kindsVersion: 0 });
}

const manifestsOf = ({ files }: Render) => [...files.values()].flatMap(({ manifests }) => manifests);
const started = (): number => countChildren().find(({ purpose }) => purpose === 'render')?.started ?? 0;

it('builds an overlay, and tells the file that each object is written in', async () => {
  await repository.commit(FILES);
  const made = await render('overlays/prod');
  expect(made.errors).toEqual([]);
  expect(
    manifestsOf(made).map(({ object, origin }) => [
      `${object.kind} ${object.metadata.name.replace(/-[a-z0-9]{10}$/, '-HASH')}`,
      origin,
      object.metadata.annotations,
    ]),
  ).toEqual([
    ['ConfigMap prod-settings-HASH', 'base/kustomization.yaml', undefined],
    ['Deployment prod-web', 'base/web.yaml', undefined],
  ]);
  expect(manifestsOf(made)[1]!.object['spec']).toMatchObject({ replicas: 3 });
});

it('builds again only what a commit may have changed', async () => {
  await repository.commit(FILES);
  const [prod, other] = [await render('overlays/prod'), await render('overlays/test')];
  await repository.commit({
    'overlays/test/kustomization.yaml': 'resources: [../../base]\nnamePrefix: try-\n',
  });
  const same = await render('overlays/prod', prod);
  expect(same.inputs.key).toBe(prod.inputs.key);
  const changed = await render('overlays/test', other);
  expect(changed.inputs.key).not.toBe(other.inputs.key);
  expect(manifestsOf(changed).map(({ object }) => object.metadata.name)).toContain('try-web');
});

it('applies the settings of the Application as Argo CD does', async () => {
  await repository.commit(FILES);
  const made = await render('overlays/prod', undefined, {
    images: ['example.com/web:2'],
    nameSuffix: '-eu',
    commonAnnotations: { team: 'shop' },
  });
  expect(made.errors).toEqual([]);
  const web = manifestsOf(made).find(({ object }) => object.kind === 'Deployment')!.object;
  expect(web.metadata).toMatchObject({ name: 'prod-web-eu', annotations: { team: 'shop' } });
  expect(JSON.stringify(web)).toContain('example.com/web:2');
});

it.each([
  [
    'what the program refuses',
    {
      'bad/kustomization.yaml': 'resources: [web.yaml]\npatches: [{path: p.yaml}]\n',
      'bad/web.yaml': DEPLOYMENT,
      'bad/p.yaml': 'kind: Deployment\nmetadata: {name: other}\n',
    },
    /kustomization\.yaml: kustomize: .*other/,
  ],
  [
    'what the schemas refuse',
    {
      'bad/kustomization.yaml': 'resources: [web.yaml]\n',
      'bad/web.yaml': DEPLOYMENT.replace('replicas: 1', 'replicas: many'),
    },
    /bad\/web\.yaml: .*Deployment "web".*/,
  ],
  [
    'a base that is fetched',
    { 'bad/kustomization.yaml': 'resources: ["https://example.com/base"]\n' },
    /bad\/kustomization\.yaml: .*is an address/,
  ],
])('names the file and the cause of %s', async (_, files, expected) => {
  await repository.commit(files);
  const before = started();
  const { errors } = await render('bad');
  expect(errors.map(({ file, message }) => `${file}: ${message}`).join('\n')).toMatch(expected);
  expect(errors.map(({ message }) => message).join()).not.toContain(tmpdir());
  expect(started() - before).toBeLessThanOrEqual(1);
  await repository.commit(Object.fromEntries(Object.keys(files).map((path) => [path, null])));
});

it('leaves no folder behind', async () => {
  const left = (await readdir(tmpdir())).filter((name) => name.startsWith(`symphony-render-${process.pid}-`));
  expect(left).toEqual([]);
});
