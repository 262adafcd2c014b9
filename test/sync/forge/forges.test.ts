import { describe, expect, it } from 'vitest';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { bitbucketKey } from '../../../src/sync/forge/bitbucket.ts';
import { createCommitStatusPoster } from '../../../src/sync/forge/commit-status-poster.ts';
import { ForgeRefusal, type HttpRequest, type HttpResponse } from '../../../src/sync/forge/http.ts';
import { createForge } from '../../../src/sync/forge/index.ts';
import { renderNote } from '../../../src/sync/forge/notes.ts';
import type { ForgeName } from '../../../src/sync/forge/index.ts';
import type { StatusPost } from '../../../src/sync/forge/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { POLL_MS, configMap, createHarness, deployment } from '../harness.ts';

const post: StatusPost = {
  repoURL: 'git@example.com:Acme/shop.git',
  sha: 'f'.repeat(40),
  state: 'failure',
  description: 'deployment/web: container api exited 1',
  context: 'symphony/default/root',
  asOperator: true,
};
const signal = new AbortController().signal;

function forgeWith(
  name: ForgeName,
  answer: Partial<HttpResponse> = {},
  token: string | (() => Promise<string>) = 'c4nary',
) {
  const requests: HttpRequest[] = [];
  const forge = createForge({
    name,
    token,
    clock: createFakeClock(),
    mirrorOf: () => undefined as never,
    http: async (request) => {
      requests.push(request);
      return { status: 201, headers: new Map(), text: '{}', ...answer };
    },
  });
  return { forge, requests };
}

describe('the forges', () => {
  it.each([
    [
      'github',
      'https://api.github.com/repos/Acme/shop/statuses/',
      { state: 'failure', context: post.context },
    ],
    [
      'gitlab',
      'https://gitlab.com/api/v4/projects/Acme%2Fshop/statuses/',
      { state: 'failed', name: post.context },
    ],
    [
      'gitea',
      'https://gitea.com/api/v1/repos/Acme/shop/statuses/',
      { state: 'failure', context: post.context },
    ],
    [
      'bitbucket',
      'https://api.bitbucket.org/2.0/repositories/Acme/shop/commit/',
      { state: 'FAILED', key: post.context },
    ],
  ] as const)('%s gets its own words', async (name, url, body) => {
    const { forge, requests } = forgeWith(name);
    await forge.post(post, signal);
    expect(requests[0]!.url.startsWith(url)).toBe(true);
    expect(requests[0]!.json).toMatchObject({ ...body, description: post.description });
    expect(JSON.stringify(requests[0]!.headers)).toContain('c4nary');
  });

  it.each(['github', 'gitlab', 'gitea', 'bitbucket'] as const)(
    '%s gets a token that was replaced',
    async (name) => {
      let token = 'old';
      const { forge, requests } = forgeWith(name, {}, async () => token);
      await forge.post(post, signal);
      token = 'fresh';
      await forge.post(post, signal);
      expect(requests.map(({ headers }) => /old|fresh/.exec(JSON.stringify(headers))?.[0])).toEqual([
        'old',
        'fresh',
      ]);
    },
  );

  it.each([503, 429, 403, 401, 422, 302])(
    'an answer of %s is a refusal with all that it said',
    async (status) => {
      const headers = new Map([['retry-after', '40']]);
      const { forge } = forgeWith('github', { status, headers });
      const error: unknown = await forge.post(post, signal).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ForgeRefusal);
      expect((error as ForgeRefusal).response).toMatchObject({ status, headers });
    },
  );

  it('GitLab’s refusal of an equal state is as good as done', async () => {
    const { forge } = forgeWith('gitlab', {
      status: 400,
      text: '{"message":"Cannot transition status via :run from :running"}',
    });
    await forge.post(post, signal);
  });

  it('Bitbucket’s keys are stable, distinct and short', () => {
    const long = (end: string): string => bitbucketKey(`symphony/production/${'x'.repeat(40)}${end}`);
    expect(long('a').length).toBeLessThanOrEqual(40);
    expect(long('a')).toBe(long('a'));
    expect(long('a')).not.toBe(long('b'));
  });

  it('a note holds every application, the worst on top, and survives a foreign note', () => {
    const first = renderNote('not json', { ...post, state: 'success', context: 'symphony/default/a' }, 't');
    const both = JSON.parse(renderNote(first, post, 't')) as { state: string; statuses: object };
    expect(both).toMatchObject({ state: 'failure', context: post.context });
    expect(Object.keys(both.statuses)).toEqual(['symphony/default/a', 'symphony/default/root']);
  });

  it('a note’s top is an application’s own word, not the repository’s copy of it', () => {
    const own = renderNote(undefined, { ...post, description: 'pod crashed' }, 't');
    const aggregate = { ...post, context: 'symphony/default', description: 'root: pod crashed' };
    expect(JSON.parse(renderNote(own, aggregate, 't'))).toMatchObject({ description: 'pod crashed' });
  });
});

describe('the poster of commit statuses', () => {
  it('posts each change once, tries again when the forge is away, and repeats nothing after a restart', async () => {
    const at = await createHarness();
    const posted: string[] = [];
    let away = true;
    const start = () =>
      createCommitStatusPoster({
        ...at,
        environment: 'default',
        logger: silentLogger,
        forge: {
          name: 'github',
          async post({ state, context }) {
            if (away) throw new TransientError('away');
            posted.push(`${context} ${state}`);
          },
        },
      });
    const first = await start();
    at.repository.commit({ 'a.yaml': configMap('a', { x: '1' }) });
    await at.start();
    await at.pass();
    expect(posted).toEqual([]);
    away = false;
    await at.pass(2_000);
    await at.pass(POLL_MS);
    expect(posted).toEqual(['symphony/default/root pending', 'symphony/default/root success']);
    await first[Symbol.asyncDispose]();
    const second = await start();
    await at.pass(POLL_MS * 5);
    expect(posted.length).toBe(2);
    await second[Symbol.asyncDispose]();
    await at[Symbol.asyncDispose]();
  });

  async function posting(context: (name: string) => boolean = () => true) {
    const at = await createHarness();
    const posted: string[] = [];
    const poster = await createCommitStatusPoster({
      ...at,
      environment: 'default',
      logger: silentLogger,
      forge: {
        name: 'github',
        async post({ sha, state, context: name, description }) {
          if (context(name)) posted.push(`${sha.slice(0, 6)} ${name} ${state}: ${description}`);
        },
      },
    });
    const close = async (): Promise<void> => {
      await poster[Symbol.asyncDispose]();
      await at[Symbol.asyncDispose]();
    };
    return { at, posted, close };
  }

  it('ends the status of a commit that another one overtakes while it is pending', async () => {
    const { at, posted, close } = await posting();
    const one = at.repository.commit({ 'w.yaml': deployment('web', 'web:1') });
    await at.start();
    await at.pass(1_000);
    const two = at.repository.commit({ 'w.yaml': deployment('web', 'web:2') });
    await at.pass(POLL_MS * 1.1);
    const ofFirst = posted.filter((line) => line.startsWith(one.slice(0, 6)));
    expect(ofFirst.at(-1)).toBe(
      `${one.slice(0, 6)} symphony/default/root error: Superseded by ${two.slice(0, 12)} before it was healthy`,
    );
    expect(posted.at(-1)).toContain(`${two.slice(0, 6)} symphony/default/root pending`);
    await close();
  });

  it('says failure when a healthy application degrades, and success when it has healed', async () => {
    const { at, posted, close } = await posting();
    at.repository.commit({
      'p.yaml':
        'apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: "i:1"}]}\n',
    });
    const turn = async (ready: boolean): Promise<void> => {
      const pod = (await at.get('pods', 'default/p'))!;
      const state = ready
        ? { running: { startedAt: '2026-01-01T00:00:00Z' } }
        : { terminated: { exitCode: 137, reason: 'OOMKilled' } };
      const status = {
        phase: ready ? 'Running' : 'Failed',
        conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
        containerStatuses: [{ name: 'c', image: 'i', imageID: '', ready, restartCount: 0, state }],
      };
      await at.objects.update({ ...pod, status }, { subresource: 'status' });
      await at.pass(20_000);
    };
    await at.start();
    await at.pass(1_000);
    await turn(true);
    await turn(false);
    await turn(true);
    const states = posted.map((line) => line.split(' ')[2]!.replace(':', ''));
    expect(states.filter((state, index) => state !== states[index - 1])).toEqual([
      'pending',
      'success',
      'failure',
      'success',
    ]);
    expect(posted.find((line) => line.includes('failure'))).toContain(
      'pod/p: container c exited 137 (OOMKilled)',
    );
    await close();
  });

  it('adds one status for all applications of a repository, the worst of them', async () => {
    const { at, posted, close } = await posting((name) => name === 'symphony/default');
    const root = (await at.application())!;
    for (const name of ['shop', 'bank']) {
      await at.objects.create({
        ...root,
        metadata: { name, namespace: 'symphony-system' },
        spec: { ...root.spec, source: { ...root.spec.source!, path: name } },
      });
    }
    const files = { 'shop/a.yaml': configMap('a', {}), 'bank/b.yaml': configMap('b', {}) };
    const sha = at.repository.commit({ 'readme.md': 'x', ...files });
    await at.objects.update({
      ...root,
      spec: { ...root.spec, source: { ...root.spec.source!, path: 'shop' } },
    });
    await at.start();
    await at.pass(30_000);
    expect(posted[0]).toContain(`${sha.slice(0, 6)} symphony/default pending`);
    const broken = at.repository.commit({ 'bank/b.yaml': 'kind: [' });
    await at.pass(POLL_MS * 1.2);
    const last = posted.at(-1)!;
    expect(last).toContain(`${broken.slice(0, 6)} symphony/default failure: bank: bank/b.yaml:`);
    await close();
  });
});
