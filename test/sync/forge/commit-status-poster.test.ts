/** Which statuses are posted, and under which context: the token is the operator's. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import {
  AUTHOR_ANNOTATION,
  type Author,
  authorText,
  systemAuthor,
} from '../../../src/schemas/applications/application-author.ts';
import { createCommitStatusPoster } from '../../../src/sync/forge/commit-status-poster.ts';
import type { ForgeName } from '../../../src/sync/forge/index.ts';
import type { StatusPost } from '../../../src/sync/forge/types.ts';
import { createHarness, type Harness, REPO_URL } from '../harness.ts';

let test: Harness;
beforeEach(async () => {
  test = await createHarness();
});
afterEach(() => test[Symbol.asyncDispose]());

const dev: Author = { name: 'dev', groups: [] };

async function said(name: string, namespace: string, author: Author | undefined, repoURL = REPO_URL) {
  const annotations = author ? { [AUTHOR_ANNOTATION]: authorText(author) } : {};
  const made = {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'Application',
    metadata: { name, namespace, annotations },
    spec: { source: { repoURL, path: name }, destination: { namespace } },
  };
  await test.objects.create(made);
  const commitStatus = { sha: `sha-${namespace}`, state: 'failure', description: 'a\u001b[2J\u202eb' };
  await test.objects.update({ ...made, status: { commitStatus } }, { subresource: 'status' });
}

async function posted(forge: ForgeName): Promise<readonly StatusPost[]> {
  const posts: StatusPost[] = [];
  const poster = await createCommitStatusPoster({
    store: test.store,
    caches: test.caches,
    queues: test.queues,
    forge: { name: forge, post: async (status) => void posts.push(status) },
    environment: 'env',
    clock: test.clock,
    logger: silentLogger,
  });
  await test.pass(1_000);
  await poster[Symbol.asyncDispose]();
  return posts;
}
const contexts = (posts: readonly StatusPost[]): readonly string[] =>
  posts.map(({ context, asOperator }) => `${context} ${asOperator}`).sort();

it('an Application of a user speaks in the name of its namespace, and not for the repository', async () => {
  await said('web', 'symphony-system', undefined);
  await said('web', 'default', dev);
  await said('child', 'default', systemAuthor);
  const posts = await posted('github');
  expect(contexts(posts)).toEqual([
    'symphony/env true',
    'symphony/env true',
    'symphony/env/child true',
    'symphony/env/default/web false',
    'symphony/env/web true',
  ]);
  for (const { description } of posts) expect(description).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

it('an Application of a user does not lead the operator’s token to another host', async () => {
  await said('web', 'default', dev, 'https://evil.example/acme/shop.git');
  expect(contexts(await posted('github'))).toEqual([]);
  // Notes go to the repository itself, without the operator's credentials.
  expect(contexts(await posted('notes'))).toEqual(['symphony/env/default/web false']);
});

it('a status is posted although the job that tells of it is lost', async () => {
  await said('web', 'symphony-system', undefined);
  const posts: StatusPost[] = [];
  const poster = await createCommitStatusPoster({
    store: test.store,
    caches: test.caches,
    queues: test.queues,
    forge: { name: 'github', post: async (status) => void posts.push(status) },
    environment: 'env',
    clock: test.clock,
    logger: silentLogger,
  });
  await test.pass(1_000);
  const application = (await test.application('web'))!;
  const commitStatus = { sha: 'sha-symphony-system', state: 'success', description: 'well' };
  await test.objects.update({ ...application, status: { commitStatus } }, { subresource: 'status' });
  await test.pass(1_000);
  expect(posts.find(({ state }) => state === 'success')?.context).toBe('symphony/env/web');
  await poster[Symbol.asyncDispose]();
});

it('words that change again and again are told ever more rarely, and a state at once', async () => {
  await said('web', 'symphony-system', undefined);
  const posts: StatusPost[] = [];
  const poster = await createCommitStatusPoster({
    store: test.store,
    caches: test.caches,
    queues: test.queues,
    forge: { name: 'github', post: async (status) => void posts.push(status) },
    environment: 'env',
    clock: test.clock,
    logger: silentLogger,
  });
  const say = async (state: string, description: string): Promise<void> => {
    const application = (await test.application('web'))!;
    const commitStatus = { sha: 'sha-symphony-system', state, description };
    await test.objects.update({ ...application, status: { commitStatus } }, { subresource: 'status' });
    await test.pass(1_000);
  };
  const told = (): readonly StatusPost[] => posts.filter(({ context }) => context === 'symphony/env/web');
  for (let second = 0; second < 300; second += 1)
    await say('pending', second % 2 === 0 ? 'ready' : 'not ready');
  expect(told().length).toBeGreaterThan(10);
  expect(told().length).toBeLessThan(30);
  await say('failure', 'exited 1');
  expect(told().at(-1)).toMatchObject({ state: 'failure', description: 'exited 1' });
  const before = told().length;
  await say('failure', 'exited 2');
  expect(told().length).toBe(before);
  await test.pass(600_000);
  expect(told().at(-1)).toMatchObject({ description: 'exited 2' });
  await poster[Symbol.asyncDispose]();
});

/** A poster whose first post arrives when `arrives` resolves; each arrival is told to `onPost`. */
const leaderOf = (arrives: Promise<void>, onPost: (post: StatusPost) => void, store = test.store) =>
  createCommitStatusPoster({
    store,
    caches: test.caches,
    queues: test.queues,
    forge: {
      name: 'github',
      async post(status) {
        await arrives;
        onPost(status);
      },
    },
    environment: 'env',
    clock: test.clock,
    logger: silentLogger,
  });
async function says(commitStatus: { sha: string; state: string; description: string }): Promise<void> {
  const application = (await test.application('web'))!;
  await test.objects.update({ ...application, status: { commitStatus } }, { subresource: 'status' });
}

it('a status that an earlier leader posts late is posted over', async () => {
  await said('web', 'symphony-system', undefined);
  const shown: string[] = [];
  const onPost = ({ context, state }: StatusPost): void => {
    if (context === 'symphony/env/web') shown.push(state);
  };
  let arrive = (): void => undefined;
  const first = await leaderOf(new Promise((resolve) => (arrive = resolve)), onPost);
  await test.pass(1_000);
  await says({ sha: 'sha-symphony-system', state: 'success', description: 'well' });
  const second = await leaderOf(Promise.resolve(), onPost);
  await test.pass(1_000);
  expect(shown).toEqual(['success']);
  arrive();
  await test.pass(100);
  await first[Symbol.asyncDispose]();
  await test.pass(120_000);
  expect(shown).toContain('failure');
  expect(shown.at(-1)).toBe('success');
  await second[Symbol.asyncDispose]();
});

it('the end of a commit that is overtaken outlives a failure of the store', async () => {
  await said('web', 'symphony-system', undefined);
  const shown: string[] = [];
  let fails = false;
  const store = {
    ...test.store,
    async commit(...args: Parameters<typeof test.store.commit>) {
      if (fails) throw new Error('the store is away');
      return test.store.commit(...args);
    },
  };
  let forgeFails = false;
  const poster = await createCommitStatusPoster({
    store,
    caches: test.caches,
    queues: test.queues,
    forge: {
      name: 'github',
      async post({ context, sha, state }) {
        if (forgeFails) throw new TransientError('away');
        if (context === 'symphony/env/web') shown.push(`${sha} ${state}`);
      },
    },
    environment: 'env',
    clock: test.clock,
    logger: silentLogger,
  });
  await test.pass(1_000);
  [fails, forgeFails] = [true, true];
  await says({ sha: 'sha-symphony-system', state: 'success', description: 'well' });
  await says({ sha: 'next', state: 'pending', description: 'new' });
  await test.pass(5_000);
  [fails, forgeFails] = [false, false];
  await test.pass(600_000);
  expect(shown).toContain('sha-symphony-system success');
  expect(shown.at(-1)).toBe('next pending');
  await poster[Symbol.asyncDispose]();
});
