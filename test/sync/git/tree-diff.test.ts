import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { diffTrees, parseTree } from '../../../src/sync/git/tree-diff.ts';
import type { FolderEntry } from '../../../src/sync/git/types.ts';

const idOf = (text: string): string => createHash('sha1').update(text).digest('hex');

interface Files {
  readonly [name: string]: string | Files;
}

/** Tree objects as git writes them. */
function createDatabase() {
  const trees = new Map<string, Buffer>();
  const blobs = new Map<string, string>();
  let reads = 0;
  return {
    get reads() {
      return reads;
    },
    put(files: Files): string {
      const entries = Object.entries(files).map(([name, value]) => {
        if (typeof value === 'object') return { name, mode: '40000', id: this.put(value) };
        blobs.set(idOf(value), value);
        return { name, mode: value.startsWith('#!') ? '100755' : '100644', id: idOf(value) };
      });
      const bytes = Buffer.concat(
        entries.map(({ name, mode, id }) =>
          Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(id, 'hex')]),
        ),
      );
      const id = idOf(`tree ${bytes.toString('hex')}`);
      trees.set(id, bytes);
      return id;
    },
    async tree(id: string): Promise<readonly FolderEntry[]> {
      reads += 1;
      const bytes = trees.get(id);
      if (!bytes) throw new Error(`no tree ${id}`);
      return parseTree(bytes, 20);
    },
    sizeOf: async (id: string): Promise<number> => Buffer.byteLength(blobs.get(id) ?? ''),
  };
}

function flat(files: Files, folder = ''): readonly (readonly [string, string])[] {
  return Object.entries(files).flatMap(([name, value]) =>
    typeof value === 'object' ? flat(value, `${folder}${name}/`) : [[folder + name, value] as const],
  );
}

describe('the difference of two trees', () => {
  it('reads only the folders that differ', async () => {
    const at = createDatabase();
    const rest = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`f${index}`, { a: `${index}` }]),
    );
    const [before, after] = [
      at.put({ ...rest, deep: { er: { x: '1', y: '1' } } }),
      at.put({ ...rest, deep: { er: { x: '1', y: '2!' } } }),
    ];
    expect(await diffTrees(at, before, after)).toEqual([
      { path: 'deep/er/y', entry: { path: 'deep/er/y', mode: '100644', blobId: idOf('2!'), sizeBytes: 2 } },
    ]);
    expect(at.reads).toBe(6);
    expect(await diffTrees(at, after, after)).toEqual([]);
  });

  it('knows a file that becomes a folder, a mode, and names of any letters', async () => {
    const at = createDatabase();
    const before = at.put({ a: 'file', 'ü b': 'x', 'run.sh': 'echo' });
    const after = at.put({ a: { inside: 'file' }, 'ü b': 'y', 'run.sh': '#!echo' });
    const changes = await diffTrees(at, before, after);
    expect(changes.map(({ path, entry }) => [path, entry?.mode])).toEqual([
      ['a', undefined],
      ['a/inside', '100644'],
      ['run.sh', '100755'],
      ['ü b', '100644'],
    ]);
    const back = await diffTrees(at, after, before);
    expect(back.map(({ path, entry }) => [path, entry !== undefined])).toEqual([
      ['a', true],
      ['a/inside', false],
      ['run.sh', true],
      ['ü b', true],
    ]);
  });

  it('is what a comparison file by file gives', async () => {
    const { tree } = fc.letrec<{ tree: Files; node: string | Files }>((tie) => ({
      node: fc.oneof({ maxDepth: 3 }, fc.constantFrom('1', '2', '#!'), tie('tree')),
      tree: fc.dictionary(fc.constantFrom('a', 'b', 'c', 'a.b'), tie('node'), { maxKeys: 4 }),
    }));
    await fc.assert(
      fc.asyncProperty(tree, tree, async (one, two) => {
        const at = createDatabase();
        const [before, after] = [new Map(flat(one)), new Map(flat(two))];
        const expected = [...new Set([...before.keys(), ...after.keys()])]
          .filter((path) => before.get(path) !== after.get(path))
          .sort()
          .map((path) => [path, after.has(path) ? idOf(after.get(path) ?? '') : undefined]);
        const changes = await diffTrees(at, at.put(one), at.put(two));
        expect(changes.map(({ path, entry }) => [path, entry?.blobId])).toEqual(expected);
      }),
    );
  });
});
