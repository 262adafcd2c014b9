import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type DesiredObject, desiredId } from '../../../src/diff/desired-set.ts';
import { createApplicationCache, takeRender } from '../../../src/sync/cache/application-cache.ts';
import { createMemoryRepository } from '../../doubles/memory-mirror.ts';
import { createManifestParser } from '../../../src/sync/render/parse-manifest-file.ts';
import { renderSource } from './render-source.ts';
import type { Render } from '../../../src/sync/render/types.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { definitionSample } from '../../schemas/custom-samples.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { configMap } from '../harness.ts';

const hook = '  annotations: {argocd.argoproj.io/hook: PreSync}\n';
const complained =
  '  annotations: {argocd.argoproj.io/hook-delete-policy: Never, argocd.argoproj.io/hook: Sync}\n';
/** The content that a file may get; undefined removes it. */
const CONTENTS = [
  undefined,
  configMap('a', { x: '1' }),
  configMap('a', { x: '2' }),
  `${configMap('b', {})}---\n${configMap('c', {})}`,
  configMap('b', {}, hook),
  configMap('b', {}, complained),
  JSON.stringify(definitionSample),
  JSON.stringify({
    apiVersion: 'rec.example.com/v1',
    kind: 'Gadget',
    metadata: { name: 'g' },
    spec: { size: 3 },
  }),
  'kind: [',
] as const;
const FILES = ['a.yaml', 'b.yaml', 'sub/c.yaml', 'link.yaml'] as const;

const sorted = <T>(entries: Iterable<readonly [string, T]>): readonly (readonly [string, T])[] =>
  [...entries].sort(([a], [b]) => (a < b ? -1 : 1));

/** Without the kind, which is made anew with each reading of a definition. */
const shown = (item: DesiredObject) => ({ id: desiredId(item), origin: item.origin, object: item.object });

/** The plain renderer remembers the files that depend on definitions. */
const sortedPaths = (render: Render, member: 'defining' | 'extended'): readonly string[] =>
  [...(render as unknown as Record<typeof member, ReadonlySet<string>>)[member]].sort();

/** Everything of a render but how it came about. */
const contentsOf = (render: Render) => ({
  key: render.inputs.key,
  files: sorted(render.files).map(([path, { manifests, ...file }]) => [
    path,
    { ...file, manifests: manifests.map(shown) },
  ]),
  errors: [...render.errors].map(({ file, message }) => `${file} ${message}`).sort(),
  warnings: sorted(render.warnings),
  defining: sortedPaths(render, 'defining'),
  extended: sortedPaths(render, 'extended'),
});

it('a render made from the one before, and what is kept of it, are as those made from nothing', async () => {
  const change = fc.record({
    file: fc.constantFrom(...FILES),
    contents: fc.nat({ max: CONTENTS.length - 1 }),
  });
  const steps = fc.array(fc.array(change, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 8 });
  const parse = createManifestParser(builtinRegistry, 'default');
  await fc.assert(
    fc.asyncProperty(steps, fc.boolean(), async (commits, lostTree) => {
      const repository = createMemoryRepository(createFakeClock());
      const mirror = repository.createMirror();
      const source = { repoURL: '', directory: { recurse: true } };
      const state = createApplicationCache('', 0);
      repository.commit({ 'anchor.yaml': configMap('anchor', {}) });
      for (const [index, changes] of commits.entries()) {
        const commit = repository.commit(
          Object.fromEntries(
            changes.map(({ file, contents }) => {
              const text = CONTENTS[contents] ?? null;
              return [file, text !== null && file === 'link.yaml' ? { text, mode: '120000' } : text];
            }),
          ),
        );
        const forgets = lostTree && index === 2;
        const reader = forgets
          ? { ...mirror, changedEntries: () => Promise.reject(new Error('gone')) }
          : mirror;
        const render = await renderSource({ mirror: reader, commit, source, parse, previous: state.render });
        const fresh = await renderSource({ mirror, commit, source, parse });
        expect(contentsOf(render)).toEqual(contentsOf(fresh));
        if (render.errors.length > 0) continue;
        takeRender(state, render);
        const anew = createApplicationCache('', 0);
        takeRender(anew, fresh);
        for (const of of ['desired', 'hooks'] as const) {
          expect([...state[of].byId.values()].map(shown)).toEqual(
            expect.arrayContaining([...anew[of].byId.values()].map(shown)),
          );
          expect(state[of].byId.size).toBe(anew[of].byId.size);
          expect(sorted(state[of].repeated).map(([id, items]) => [id, items.map(shown)])).toEqual(
            sorted(anew[of].repeated).map(([id, items]) => [id, items.map(shown)]),
          );
        }
        expect(sorted(state.complaints)).toEqual(sorted(anew.complaints));
      }
    }),
    { numRuns: 60 },
  );
});
