import { expect, it } from 'vitest';
import { complaintLines, parseFetchHead, parseLsRemote } from '../../../src/sync/git/parse-output.ts';

const [A, B, C] = ['a', 'b', 'c'].map((letter) => letter.repeat(40));

it('a listing and a fetch of the same refs come to the same text', () => {
  const listing = [
    'ref: refs/heads/main\tHEAD',
    `${A}\tHEAD`,
    `${B}\trefs/heads/feature/it's`,
    `${A}\trefs/heads/main`,
    `${C}\trefs/tags/v1`,
    `${A}\trefs/tags/v1^{}`,
    `${C}\trefs/remotes/origin/HEAD`,
    '',
  ].join('\n');
  const fetched = [
    `${C}\tnot-for-merge\ttag 'v1' of https://git.example/it's of/shop`,
    `${A}\tnot-for-merge\tbranch 'main' of https://git.example/it's of/shop`,
    `${B}\tnot-for-merge\tbranch 'feature/it's' of https://git.example/it's of/shop`,
    '',
  ].join('\n');
  const { head, refs } = parseLsRemote(listing);
  expect(head).toBe('refs/heads/main');
  expect(refs.split('\n')).toHaveLength(3);
  expect(parseFetchHead(fetched)).toBe(refs);
  expect(parseFetchHead('')).toBe(parseLsRemote('').refs);
});

it('of a failure the frames of a banner and the advice of git are left out', () => {
  const said = [
    '************************',
    '*  Authorised use only  *',
    '************************',
    '',
    'remote: ',
    'remote: ========',
    'remote: ERROR: The project could not be found.',
    'git@git.example: Permission denied (publickey).',
    'fatal: Could not read from remote repository.',
    '',
    'Please make sure you have the correct access rights',
    'and the repository exists.',
  ].join('\n');
  expect(complaintLines(said)).toEqual([
    '*  Authorised use only  *',
    'remote: ERROR: The project could not be found.',
    'git@git.example: Permission denied (publickey).',
    'fatal: Could not read from remote repository.',
  ]);
});
