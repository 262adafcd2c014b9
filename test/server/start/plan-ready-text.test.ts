import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { type ReadyFacts, readyText } from '../../../src/server/start/plan-ready-text.ts';
import { watchRepository } from '../../../src/server/start/watch-repository.ts';
import { createMemoryRepository } from '../../doubles/memory-mirror.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const text = (facts: Partial<ReadyFacts>): readonly string[] =>
  readyText({ url: 'https://h:6443', kubeconfig: '/k', repository: undefined, nodes: undefined, ...facts })
    .trim()
    .split('\n');
const where = { name: '/srv/shop', revision: 'HEAD', path: '.' };
const ready = (name: string) => ({ name, problem: undefined });
const down = (name: string) => ({ name, problem: 'container runtime is down' });

describe('the text of a start', () => {
  it('is three lines: where the API is, what is followed, how to use it', () => {
    const repository = { ...where, state: { commit: 'a'.repeat(40) } };
    expect(text({ repository, nodes: [ready('node-1')] })).toEqual([
      'Symphony is ready: https://h:6443, 1 node ready',
      'repository /srv/shop at HEAD (aaaaaaa)',
      'export KUBECONFIG=/k',
    ]);
  });

  it('counts ready nodes, not registered ones, and says why the others are not', () => {
    expect(text({ nodes: [ready('node-1'), down('node-2'), ready('node-3')] })[0]).toBe(
      'Symphony is ready: https://h:6443, 2 of 3 nodes ready (node-2: container runtime is down)',
    );
    const many = Array.from({ length: 100 }, (_, index) => down(`n${index}`));
    expect(text({ nodes: many })[0]).toMatch(/0 of 100 nodes ready \(n0: .*, n1: .*, n2: .*, 97 more\)$/);
  });

  it('says what keeps the repository from being followed', () => {
    const problem = 'the repository cannot be read yet: Cannot fetch "x": connection refused';
    expect(text({ repository: { ...where, state: { problem } } })[0]).toBe(
      `Symphony is ready (${problem}): https://h:6443`,
    );
    expect(text({ repository: { ...where, state: undefined } })[0]).toContain('has not been read here yet');
    expect(text({})[1]).toContain('no repository: give one with --repo');
  });
});

describe('the first fetch', () => {
  const first = async (revision: string, path: string, prepare: (repo: Repository) => void) => {
    const repository = createMemoryRepository(createFakeClock());
    prepare(repository);
    const watch = watchRepository({ revision, path });
    const mirror = watch.follow(repository.createMirror());
    await mirror.fetch(new AbortController().signal).catch(() => undefined);
    return watch.first;
  };
  type Repository = ReturnType<typeof createMemoryRepository>;
  const withCommit = (repository: Repository): void => void repository.commit({ 'apps/a.yaml': 'a: 1\n' });

  it('finds the commit', async () => {
    expect(await first('main', 'apps', withCommit)).toEqual({
      commit: expect.stringMatching(/^[0-9a-f]{40}$/),
    });
  });

  it.each<readonly [string, string, string, (repository: Repository) => void, string]>([
    ['an empty repository', 'HEAD', '.', () => undefined, 'the repository has no commit at HEAD yet'],
    ['a revision that is not there', 'prod', '.', withCommit, 'Cannot find revision "prod"'],
    ['a folder that is not there', 'main', 'web', withCommit, 'there is no folder "web" at main yet'],
    [
      'a forge that is away',
      'main',
      '.',
      (repository) => repository.failFetch(new TransientError('connection refused')),
      'the repository cannot be read yet: connection refused',
    ],
  ])('tells of %s', async (_what, revision, path, prepare, expected) => {
    expect((await first(revision, path, prepare)).problem).toContain(expected);
  });
});
