/** The files that a build reads, its settings and its output: all without the program. */
import { expect, it } from 'vitest';
import { applySettings } from '../../../src/sync/render/kustomize/apply-settings.ts';
import { findClosure } from '../../../src/sync/render/kustomize/closure.ts';
import { splitDocuments } from '../../../src/sync/render/kustomize/documents.ts';
import { commitTree } from '../../../src/sync/render/kustomize/file-tree.ts';
import { createMemoryRepository, type MemoryFile } from '../../doubles/memory-mirror.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

async function closureOf(files: Record<string, string | MemoryFile>, folder = 'overlays/prod') {
  const repository = createMemoryRepository(createFakeClock());
  const commit = repository.commit(files);
  const closure = await findClosure(
    commitTree({ mirror: repository.createMirror(), commit }),
    folder,
    undefined,
  );
  return {
    files: [...closure.files.keys()].sort(),
    links: [...closure.links],
    problems: closure.problems.map(({ file, message }) => `${file}: ${message}`),
  };
}

const base = { 'base/kustomization.yaml': 'resources: [a.yaml]\n', 'base/a.yaml': 'a: 1\n' };
const link = (text: string): MemoryFile => ({ text, mode: '120000' });

it('follows bases, components, patches and the files of generators, and nothing else', async () => {
  const { files, problems } = await closureOf({
    ...base,
    'overlays/prod/kustomization.yaml': [
      'resources: [../../base]',
      'Components: [../../parts]',
      'patches: [{path: p.yaml}, {patch: "- op: remove"}]',
      'patchesStrategicMerge: ["kind: A\\nmetadata: {name: b}", s.yaml]',
      'configMapGenerator: [{name: c, files: [key=c.txt], envs: [c.env]}]',
      'openapi: {path: o.json}',
    ].join('\n'),
    ...Object.fromEntries(
      ['p.yaml', 's.yaml', 'c.txt', 'c.env', 'o.json', 'unused.yaml'].map((n) => [
        `overlays/prod/${n}`,
        'x: y',
      ]),
    ),
    'parts/kustomization.yml': 'kind: Component\nresources: [b.yaml]\n',
    'parts/b.yaml': 'b: 1\n',
    'other/c.yaml': 'c: 1\n',
  });
  expect(problems).toEqual([]);
  expect(files).toEqual([
    ...['base/a.yaml', 'base/kustomization.yaml', 'overlays/prod/c.env', 'overlays/prod/c.txt'],
    ...['overlays/prod/kustomization.yaml', 'overlays/prod/o.json', 'overlays/prod/p.yaml'],
    ...['overlays/prod/s.yaml', 'parts/b.yaml', 'parts/kustomization.yml'],
  ]);
});

it.each([
  ['resources: [https://git.example/a.yaml]', 'is an address; nothing is fetched for a build'],
  ['resources: ["github.com/a/b?ref=main"]', 'is an address; nothing is fetched for a build'],
  ['resources: ["git@git.example:a/b.git"]', 'is an address; nothing is fetched for a build'],
  ['resources: [gone.yaml]', 'is not in the repository'],
  ['resources: [/etc/passwd]', 'is an absolute path'],
  ['resources: [../../../x]', 'leads out of the repository'],
  ['resources: [out.yaml]', 'is a symbolic link whose target leads out of the repository'],
  ['resources: [self.yaml]', 'leads in a circle'],
  ['resources: [../../empty]', 'has no kustomization.yaml'],
  ['helmCharts: [{name: a}]', 'charts in a kustomization are not rendered'],
  ['resources: [', 'kustomization.yaml'],
])('%s is a problem of the kustomization', async (text, problem) => {
  const { problems } = await closureOf({
    'overlays/prod/kustomization.yaml': text,
    'overlays/prod/out.yaml': link('../../../etc/passwd'),
    'overlays/prod/self.yaml': link('self.yaml'),
    'empty/a.yaml': 'a: 1',
  });
  expect(problems).toHaveLength(1);
  expect(problems[0]).toMatch(/^overlays\/prod\/kustomization\.yaml: /);
  expect(problems[0]).toContain(problem);
});

it('follows links inside the repository, also those of folders', async () => {
  const { files, links, problems } = await closureOf({
    ...base,
    'overlays/prod/kustomization.yaml': 'resources: [base, b.yaml]\n',
    'overlays/prod/base': link('../../base'),
    'overlays/prod/b.yaml': link('base/a.yaml'),
  });
  expect(problems).toEqual([]);
  expect(files).toEqual(['base/a.yaml', 'base/kustomization.yaml', 'overlays/prod/kustomization.yaml']);
  expect(links).toEqual([
    ['overlays/prod/base', 'base'],
    ['overlays/prod/b.yaml', 'base/a.yaml'],
  ]);
});

it('changes a kustomization as kustomize edit does', () => {
  const before = {
    namePrefix: 'old-',
    images: [{ name: 'web', newTag: '1', newName: 'shop/web' }, { name: 'db' }],
    commonLabels: { team: 'a' },
  };
  expect(
    applySettings(before, {
      namePrefix: 'new-',
      images: ['web=*:2', 'proxy=registry.example:5000/proxy@sha256:ab', 'cache:3'],
      replicas: [{ name: 'web', count: '4' }],
      commonLabels: { team: 'b' },
      forceCommonLabels: true,
    }),
  ).toEqual({
    namePrefix: 'new-',
    images: [
      { name: 'db' },
      { name: 'web', newName: 'shop/web', newTag: '2' },
      { name: 'proxy', newName: 'registry.example:5000/proxy', digest: 'sha256:ab' },
      { name: 'cache', newTag: '3' },
    ],
    replicas: [{ name: 'web', count: 4 }],
    commonLabels: { team: 'b' },
  });
  expect(() => applySettings(before, { commonLabels: { team: 'b' } })).toThrow('forceCommonLabels');
  expect(() => applySettings(before, { images: ['web'] })).toThrow('it must be name=new');
});

it('names the file that each object comes from, and takes the mark out', () => {
  const output = [
    'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  annotations:\n    config.kubernetes.io/origin: |\n      path: ../../base/a.yaml\n  name: a\n',
    'apiVersion: v1\nkind: Secret\nmetadata:\n  name: b\n',
  ].join('---\n');
  const parts = { folder: 'overlays/prod', top: 'overlays/prod/kustomization.yaml', keepsOrigins: false };
  const documents = splitDocuments({ output, ...parts });
  expect(documents.map(({ origin, object }) => [origin, object['metadata']])).toEqual([
    ['base/a.yaml', { name: 'a' }],
    ['overlays/prod/kustomization.yaml', { name: 'b' }],
  ]);
});
