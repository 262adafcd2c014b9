import { createMemoryRepository } from './memory-mirror.ts';
import { gitMirrorContract } from '../contracts/git-mirror.ts';
import { createFakeClock } from '../support/fake-clock.ts';

gitMirrorContract('memory', async () => {
  const repository = createMemoryRepository(createFakeClock());
  return {
    mirror: repository.createMirror(),
    commit: async (files, subject) => repository.commit(files, subject === undefined ? {} : { subject }),
    forcePush: async (commit) => repository.setBranch('main', commit),
    deleteBranch: async () => repository.setBranch('main', undefined),
    note: async (commit) => repository.notes.get(commit) ?? '',
    [Symbol.asyncDispose]: async () => undefined,
  };
});
