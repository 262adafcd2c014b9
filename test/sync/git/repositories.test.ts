import { describe, expect, it } from 'vitest';
import type { GitMirror } from '../../../src/sync/git/types.ts';
import { createRepositories } from '../../../src/sync/git/repositories.ts';
import { createHarness } from '../harness.ts';

/** Mirrors whose fetches end only by abort; `log` has what happens. */
function hangingMirrors() {
  const log: string[] = [];
  let release: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (release = resolve));
  const createMirror = (url: string): GitMirror => {
    const mirror: Pick<GitMirror, 'fetch' | typeof Symbol.asyncDispose> = {
      fetch: (signal) => {
        log.push(`fetch ${url}`);
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            log.push(`abort ${url}`);
            void ended.then(() => reject(new Error('aborted')));
          });
        });
      },
      async [Symbol.asyncDispose]() {
        log.push(`dispose ${url}`);
      },
    };
    return mirror as GitMirror;
  };
  return { log, createMirror, release };
}

const never = new AbortController().signal;
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

describe('the repositories', () => {
  it('end the fetch of one that nobody uses any more, and begin anew only when it has ended', async () => {
    const { log, createMirror, release } = hangingMirrors();
    const repositories = createRepositories(createMirror);
    const gone = repositories.get('gone', true).fetch(never);
    void repositories
      .get('kept', true)
      .fetch(never)
      .catch(() => undefined);
    await settle();
    repositories.keep(new Set(['kept']));
    await settle();
    void repositories
      .get('gone', true)
      .fetch(never)
      .catch(() => undefined);
    await settle();
    expect(log).toEqual(['fetch gone', 'fetch kept', 'abort gone']);
    release();
    await expect(gone).rejects.toThrow('aborted');
    await settle();
    expect(log.slice(3)).toEqual(['dispose gone', 'fetch gone']);
    await repositories[Symbol.asyncDispose]();
  });
});

describe('an application whose server does not answer', () => {
  it.each(['deleted', 'pointed elsewhere'])('does not go on fetching when it is %s', async (change) => {
    await using at = await createHarness();
    const { log, createMirror, release } = hangingMirrors();
    release();
    const root = (await at.application())!;
    const url = root.spec.source!.repoURL;
    await at.start({ createMirror });
    await at.pass(1_000);
    expect(log).toEqual([`fetch ${url}`]);
    if (change === 'deleted')
      await at.objects.delete(at.registry.byKind(root.apiVersion, root.kind)!, 'symphony-system/root');
    else {
      const source = { ...root.spec.source!, repoURL: 'https://git.example/other.git' };
      const current = (await at.application())!;
      await at.objects.update({ ...current, spec: { ...current.spec, source } });
    }
    await at.pass(1_000);
    expect(log.slice(1, 3)).toEqual([`abort ${url}`, `dispose ${url}`]);
    expect(log.slice(3)).toEqual(change === 'deleted' ? [] : ['fetch https://git.example/other.git']);
  });
});
