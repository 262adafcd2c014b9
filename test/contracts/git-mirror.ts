/**
 * The contract of every GitMirror: the one on disk, over HTTP and by path, and the one in memory.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import type { GitMirror } from '../../src/sync/git/types.ts';

export interface GitFixture extends AsyncDisposable {
  readonly mirror: GitMirror;
  commit(files: Readonly<Record<string, string | null>>, message?: string): Promise<string>;
  /** Moves the branch `main`, as a forced push does. */
  forcePush(commit: string): Promise<void>;
  deleteBranch(): Promise<void>;
  note(commit: string): Promise<string>;
}

export function gitMirrorContract(name: string, open: () => Promise<GitFixture>): void {
  describe(`a git mirror (${name})`, () => {
    let at: GitFixture;
    const signal = new AbortController().signal;
    beforeEach(async () => {
      at = await open();
    });
    afterEach(async () => at[Symbol.asyncDispose]());

    it('sees a commit once it has fetched', async () => {
      const sha = await at.commit({ 'a.yaml': 'a: 1\n' }, 'First');
      await at.mirror.fetch(signal);
      expect(await at.mirror.resolve('main')).toBe(sha);
      expect(await at.mirror.resolve('HEAD')).toBe(sha);
      expect(await at.mirror.resolve(sha)).toBe(sha);
      expect(await at.mirror.describe(sha)).toMatchObject({ subject: 'First', author: 'A Developer' });
      const next = await at.commit({ 'a.yaml': 'a: 2\n' });
      expect(await at.mirror.resolve('main')).toBe(sha);
      await at.mirror.fetch(signal);
      expect(await at.mirror.resolve('main')).toBe(next);
    });

    it('sees the same when it was told of a push', async () => {
      await at.commit({ 'a.yaml': 'a: 1\n' });
      await at.mirror.fetch(signal, 'news');
      const sha = await at.commit({ 'a.yaml': 'a: 2\n' });
      await at.mirror.fetch(signal, 'news');
      expect(await at.mirror.resolve('main')).toBe(sha);
      expect(await at.mirror.resolve('HEAD')).toBe(sha);
      await at.mirror.fetch(signal, 'news');
      expect(await at.mirror.resolve('main')).toBe(sha);
      await at.deleteBranch();
      await at.mirror.fetch(signal, 'news');
      await expect(at.mirror.resolve('main')).rejects.toThrow(UserError);
    });

    it('lists a tree sorted, below a folder with full paths, and reads its blobs', async () => {
      const sha = await at.commit({ 'b.yaml': 'b\n', 'a/x.yaml': 'x\n', 'a/b/y.yaml': 'y\n' });
      await at.mirror.fetch(signal);
      expect((await at.mirror.tree(sha, '')).map(({ path }) => path)).toEqual([
        'a/b/y.yaml',
        'a/x.yaml',
        'b.yaml',
      ]);
      const below = await at.mirror.tree(sha, './a/');
      expect(below.map(({ path, mode, sizeBytes }) => ({ path, mode, sizeBytes }))).toEqual([
        { path: 'a/b/y.yaml', mode: '100644', sizeBytes: 2 },
        { path: 'a/x.yaml', mode: '100644', sizeBytes: 2 },
      ]);
      const blobs = await at.mirror.readBlobs([...below].reverse().map(({ blobId }) => blobId));
      expect(blobs.map(String)).toEqual(['x\n', 'y\n']);
      expect(await at.mirror.tree(sha, 'nowhere')).toEqual([]);
    });

    it('knows equal trees by their id, and what changed between two', async () => {
      const first = await at.commit({ 'app/a.yaml': 'a\n', 'app/b.yaml': 'b\n', 'other.yaml': 'o\n' });
      const second = await at.commit({ 'other.yaml': 'changed\n' });
      const third = await at.commit({ 'app/a.yaml': 'changed\n', 'app/b.yaml': null, 'app/c.yaml': 'c\n' });
      await at.mirror.fetch(signal);
      const [one, two, three] = await Promise.all(
        [first, second, third].map((sha) => at.mirror.treeId(sha, 'app')),
      );
      expect(two).toBe(one);
      expect(three).not.toBe(one);
      expect(await at.mirror.treeId(first, 'nowhere')).toBeUndefined();
      const changes = await at.mirror.changedEntries(one!, three!);
      expect(changes.map(({ path, entry }) => [path, entry?.sizeBytes])).toEqual([
        ['a.yaml', 8],
        ['b.yaml', undefined],
        ['c.yaml', 2],
      ]);
      expect(await at.mirror.changedEntries(one!, two!)).toEqual([]);
    });

    it('tells a descendant from rewritten history', async () => {
      const first = await at.commit({ 'a.yaml': '1\n' });
      const second = await at.commit({ 'a.yaml': '2\n' });
      await at.mirror.fetch(signal);
      expect(await at.mirror.isAncestor(first, second)).toBe(true);
      expect(await at.mirror.isAncestor(second, first)).toBe(false);
      await at.forcePush(first);
      await at.mirror.fetch(signal);
      expect(await at.mirror.resolve('main')).toBe(first);
      expect(await at.mirror.isAncestor('f'.repeat(40), first)).toBe(false);
    });

    it('forgets a deleted branch, and says so as a user error', async () => {
      await at.commit({ 'a.yaml': '1\n' });
      await at.mirror.fetch(signal);
      await at.deleteBranch();
      await at.mirror.fetch(signal);
      await expect(at.mirror.resolve('main')).rejects.toThrow(UserError);
    });

    it.each([
      '-x',
      '--upload-pack=touch x',
      'a..b',
      'main@{1}',
      'main^{/x}',
      'a b',
      'main:a.yaml',
      '../x',
      'x\ny',
      '$(id)',
    ])('refuses %j as a revision', async (revision) => {
      await at.commit({ 'a.yaml': '1\n' });
      await at.mirror.fetch(signal);
      await expect(at.mirror.resolve(revision)).rejects.toThrow(UserError);
    });

    it.each(['..', '../other', 'a/../../b', 'a\nb'])('refuses %j as a path', async (path) => {
      const sha = await at.commit({ 'a.yaml': '1\n' });
      await at.mirror.fetch(signal);
      await expect(at.mirror.treeId(sha, path)).rejects.toThrow(UserError);
      await expect(at.mirror.tree(sha, path)).rejects.toThrow(UserError);
    });

    it('writes notes that others can read, and builds on the note that is there', async () => {
      const sha = await at.commit({ 'a.yaml': '1\n' });
      await at.mirror.fetch(signal);
      await at.mirror.pushNote(sha, 'first');
      expect((await at.note(sha)).trim()).toBe('first');
      await at.mirror.pushNote(sha, (current) => `${(current ?? '').trim()} and second`);
      expect((await at.note(sha)).trim()).toBe('first and second');
    });

    it('loses none of the notes that are written at the same time', async () => {
      const sha = await at.commit({ 'a.yaml': '1\n' });
      await at.mirror.fetch(signal);
      const words = ['a', 'b', 'c', 'd'];
      await Promise.all(
        words.map((word) => at.mirror.pushNote(sha, (current) => `${(current ?? '').trim()} ${word}`)),
      );
      expect((await at.note(sha)).trim().split(' ').sort()).toEqual(words);
    });
  });
}
