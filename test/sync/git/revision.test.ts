import { spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRefName } from '../../../src/schemas/values/ref-name.ts';
import { revisionCandidates } from '../../../src/sync/git/revision.ts';
import { followsRef } from '../../../src/sync/forge/plan-webhook-match.ts';

function gitAccepts(name: string): boolean {
  return spawnSync('git', ['check-ref-format', '--allow-onelevel', name]).status === 0;
}

const PIECES = [
  ...['a', 'ö', '😀', '@', '@{', '.', '..', '/', '//', '-', '~', '^', ':', '?', '*', '[', '\\', ' '],
  ...['.lock', '.LOCK', 'lock', '{', '}', '#', '$', '%', '&', '(', ')', '!', '"', "'", ',', ';', '<', '|'],
  ...['\u007f', '\u0001', '\t', '\n', '\u00a0', '\u2028', '\u3000', '1', 'refs/heads/', 'HEAD', '+', '='],
];

describe('a revision', () => {
  it('is a name exactly where git takes it as one, names with a leading dash apart', () => {
    const name = fc
      .array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 5 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(name, (text) => {
        expect([text, isRefName(text)]).toEqual([text, !text.startsWith('-') && gitAccepts(text)]);
      }),
      { numRuns: 300 },
    );
  });

  it.each(['shop@1.4.0', 'feature/größe', '@types/node-20', 'v1.0+build', 'a{b', '$(id)', 'x%2e', '日本'])(
    'may be %s',
    (name) => {
      expect(revisionCandidates(name)).toEqual([`refs/heads/${name}`, `refs/tags/${name}`]);
    },
  );

  it.each(['-x', '@', 'a..b', 'main@{1}', 'v1^{/x}', 'a b', 'a.', 'a.lock/b', '/a', 'a/', 'a//b', '\ud800'])(
    'is not %j',
    (name) => {
      expect(() => revisionCandidates(name)).toThrow('no branch, tag or commit');
    },
  );

  it('may be a full ref, and a commit of any length and case', () => {
    expect(revisionCandidates('refs/tags/v1')[0]).toBe('refs/tags/v1');
    expect(revisionCandidates('heads/main')).toContain('refs/heads/main');
    expect(revisionCandidates('A'.repeat(40))).toEqual(['a'.repeat(40)]);
    expect(revisionCandidates('ABCD')).toEqual(['refs/heads/ABCD', 'refs/tags/ABCD', 'abcd']);
  });

  it.each([
    ['shop@1.4.0', 'refs/tags/shop@1.4.0', true],
    ['feature/größe', 'refs/heads/feature/größe', true],
    ['@types/node-20', 'refs/heads/@types/node-20', true],
    ['refs/tags/v1', 'refs/tags/v1', true],
    ['heads/main', 'refs/heads/main', true],
    ['main', 'refs/heads/other', false],
    ['main', 'refs/heads/x/main', false],
    ['HEAD', 'refs/heads/other', true],
    // The push may bring the commit.
    ['abcdef1', 'refs/heads/main', true],
  ])('%s follows a push to %s: %s', (revision, ref, expected) => {
    expect(followsRef(revision, [ref])).toBe(expected);
  });
});
