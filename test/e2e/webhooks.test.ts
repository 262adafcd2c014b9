/**
 * Webhooks of the four forges, in the form in which they send them, against a system that otherwise
 * polls too rarely to matter.
 */
import { createHmac, randomUUID } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { freePort, startSymphony, type Symphony, writeTemporary } from '../support/symphony.ts';
import { configMap } from './manifests.ts';

const SECRET = 'a secret of eleven words that nobody else can possibly know';
const REPOSITORY = 'https://github.example/shop/manifests';

type Headers = Readonly<Record<string, string>>;
interface Delivery {
  readonly body: string;
  readonly headers: Headers;
}

const hmac = (body: string, secret: string): string =>
  createHmac('sha256', secret).update(body).digest('hex');

/**
 * A push event as GitHub sends it, with all that we do not read, and characters of more than one
 * byte.
 */
function githubPush(sha: string, secret = SECRET, id: string = randomUUID()): Delivery {
  const user = {
    name: 'octo',
    email: 'octo@github.example',
    login: 'octo',
    id: 1,
    type: 'User',
    site_admin: false,
  };
  const commit = {
    id: sha,
    tree_id: sha,
    distinct: true,
    message: 'Café ☕: ändere die Karte',
    timestamp: '2026-11-22T12:00:00+01:00',
    url: `${REPOSITORY}/commit/${sha}`,
    author: { name: 'Jürgen', email: 'j@github.example', username: 'j' },
    committer: { name: 'GitHub', email: 'noreply@github.example', username: 'web-flow' },
    added: [],
    removed: [],
    modified: ['web.yaml'],
  };
  const repository = {
    id: 186853002,
    node_id: 'MDEwOlJlcG9zaXRvcnkxODY4NTMwMDI=',
    name: 'manifests',
    full_name: 'shop/manifests',
    private: false,
    owner: user,
    html_url: REPOSITORY,
    description: null,
    fork: false,
    url: REPOSITORY,
    git_url: 'git://github.example/shop/manifests.git',
    ssh_url: 'git@github.example:shop/manifests.git',
    clone_url: `${REPOSITORY}.git`,
    default_branch: 'main',
    master_branch: 'main',
  };
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    before: '0000000000000000000000000000000000000000',
    after: sha,
    repository,
    pusher: { name: 'octo', email: 'octo@github.example' },
    sender: user,
    created: false,
    deleted: false,
    forced: false,
    base_ref: null,
    compare: `${REPOSITORY}/compare/000...${sha}`,
    commits: [commit],
    head_commit: commit,
  });
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'user-agent': 'GitHub-Hookshot/044aadd',
      'x-github-event': 'push',
      'x-github-delivery': id,
      'x-github-hook-id': '292430182',
      'x-hub-signature': `sha1=${createHmac('sha1', secret).update(body).digest('hex')}`,
      'x-hub-signature-256': `sha256=${hmac(body, secret)}`,
    },
  };
}

function gitlabPush(sha: string, secret = SECRET): Delivery {
  const body = JSON.stringify({
    object_kind: 'push',
    event_name: 'push',
    before: '95790bf891e76fee5e1747ab589903a6a1f80f22',
    after: sha,
    ref: 'refs/heads/main',
    checkout_sha: sha,
    user_name: 'Jürgen',
    project_id: 15,
    project: {
      id: 15,
      name: 'manifests',
      web_url: 'https://gitlab.example/shop/manifests',
      git_ssh_url: 'git@gitlab.example:shop/manifests.git',
      git_http_url: 'https://gitlab.example/shop/manifests.git',
      path_with_namespace: 'shop/manifests',
      default_branch: 'main',
    },
    commits: [{ id: sha, message: 'Change', modified: ['web.yaml'] }],
    total_commits_count: 1,
  });
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-gitlab-event': 'Push Hook',
      'x-gitlab-event-uuid': randomUUID(),
      'x-gitlab-token': secret,
    },
  };
}

function giteaPush(sha: string, secret = SECRET): Delivery {
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    before: '28e1879d029cb852e4844d9c718537df08844e03',
    after: sha,
    compare_url: '',
    commits: [{ id: sha, message: 'Change\n', url: 'http://gitea.example/shop/manifests/commit/x' }],
    repository: {
      id: 140,
      name: 'manifests',
      full_name: 'shop/manifests',
      html_url: 'http://gitea.example/shop/manifests',
      ssh_url: 'ssh://git@gitea.example/shop/manifests.git',
      clone_url: 'http://gitea.example/shop/manifests.git',
      default_branch: 'main',
    },
    pusher: { id: 1, login: 'gitea' },
    sender: { id: 1, login: 'gitea' },
  });
  return {
    body,
    headers: {
      'content-type': 'application/json',
      'x-gitea-event': 'push',
      'x-gitea-delivery': randomUUID(),
      'x-gitea-signature': hmac(body, secret),
    },
  };
}

function bitbucketPush(sha: string, secret = SECRET): Delivery {
  const branch = { type: 'branch', name: 'main', target: { type: 'commit', hash: sha } };
  const body = JSON.stringify({
    push: { changes: [{ new: branch, old: branch, created: false, closed: false, forced: false }] },
    repository: {
      type: 'repository',
      full_name: 'shop/manifests',
      name: 'manifests',
      links: { html: { href: 'https://bitbucket.example/shop/manifests' } },
    },
    actor: { type: 'user', display_name: 'Emma' },
  });
  return {
    body,
    headers: {
      'content-type': 'application/json; charset=UTF-8',
      'x-event-key': 'repo:push',
      'x-request-uuid': randomUUID(),
      'x-hub-signature': `sha256=${hmac(body, secret)}`,
    },
  };
}

const forges: Readonly<Record<string, (sha: string, secret?: string) => Delivery>> = {
  github: githubPush,
  gitlab: gitlabPush,
  gitea: giteaPush,
  bitbucket: bitbucketPush,
};

describe('webhooks', () => {
  let directory: string;
  let symphony: Symphony;
  let plainUrl: string;
  let round = 0;

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'symphony-webhooks-'));
    const secretFile = await writeTemporary(directory, 'secret', `${SECRET}\n`);
    const plainPort = await freePort();
    plainUrl = `http://127.0.0.1:${plainPort}`;
    symphony = await startSymphony({
      pollInterval: '1h',
      files: { 'a.json': configMap('a', { round: '0' }) },
      args: ['--webhook-secret-file', secretFile, '--webhook-listen', `127.0.0.1:${plainPort}`],
    });
    await symphony.untilNote((await symphony.repository.git('rev-parse', 'HEAD')).trim(), 'success');
  });
  afterAll(async () => {
    await symphony?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true, force: true });
  });
  beforeEach(() => symphony.explainFailure());

  const commit = (): Promise<string> => {
    round += 1;
    return symphony.repository.commit({ 'a.json': configMap('a', { round: String(round) }) });
  };
  const applied = (): Promise<string> =>
    symphony.kubectl('get', 'configmap', 'a', '-o', 'jsonpath={.data.round}');
  /**
   * A sync that a later, authentic webhook asks for ends after whatever an earlier one may have
   * begun.
   */
  const nothingHappened = async (shas: readonly string[]): Promise<void> => {
    expect(await applied()).not.toBe(String(round));
    for (const sha of shas) expect(await symphony.note(sha)).toBeUndefined();
  };

  for (const [forge, push] of Object.entries(forges)) {
    it(`of ${forge}: a signed push starts a sync, over HTTPS and on the plain port`, async () => {
      for (const base of [symphony.url, plainUrl]) {
        const sha = await commit();
        expect(await post(`${base}/webhooks/${forge}`, push(sha))).toEqual({
          status: 202,
          body: 'accepted: 1 application will sync: symphony-system/root\n',
        });
        await symphony.untilNote(sha, 'success');
        expect(await applied()).toBe(String(round));
      }
    });

    it(`of ${forge}: a wrong signature, and none, get 401 and do nothing`, async () => {
      const sha = await commit();
      const good = push(sha);
      const unsigned = Object.fromEntries(
        Object.entries(good.headers).filter(([name]) => !/signature|token/.test(name)),
      );
      for (const base of [symphony.url, plainUrl]) {
        const refused = { status: 401, body: 'signature mismatch\n' };
        expect(await post(`${base}/webhooks/${forge}`, push(sha, 'guessed'))).toEqual(refused);
        expect(await post(`${base}/webhooks/${forge}`, { ...good, headers: unsigned })).toEqual(refused);
        if (forge === 'gitlab') continue;
        // One byte more than was signed.
        expect(await post(`${base}/webhooks/${forge}`, { ...good, body: `${good.body} ` })).toEqual(refused);
      }
      await nothingHappened([sha]);
    });
  }

  it('sync again when the forge delivers one again', async () => {
    const delivery = githubPush(await commit());
    const deliver = async (): Promise<string> =>
      (await post(`${symphony.url}/webhooks/github`, delivery)).body;
    const accepted = 'accepted: 1 application will sync: symphony-system/root\n';
    expect(await deliver()).toBe(accepted);
    const second = await commit();
    await expect.poll(deliver).toBe(accepted);
    await symphony.untilNote(second, 'success');
  });

  it('that say nothing about commits, or say it badly, do nothing', async () => {
    const sha = await commit();
    const signed = (body: string, headers: Headers): Delivery => ({
      body,
      headers: {
        'content-type': 'application/json',
        'x-hub-signature-256': `sha256=${hmac(body, SECRET)}`,
        ...headers,
      },
    });
    const url = `${plainUrl}/webhooks/github`;
    expect(
      (await post(url, signed('{"zen":"Keep it logically awesome."}', { 'x-github-event': 'ping' }))).body,
    ).toBe('nothing to do\n');
    for (const body of [
      '',
      '{',
      '[]',
      'null',
      '{"ref":1}',
      '{"repository":"x"}',
      '{"repository":{"clone_url":{}}}',
    ]) {
      expect((await post(url, signed(body, { 'x-github-event': 'push' }))).status).toBe(400);
    }
    const elsewhere = githubPush(sha).body.replaceAll('refs/heads/main', 'refs/heads/x');
    expect((await post(`${plainUrl}/webhooks/sourcehut`, signed(elsewhere, {}))).status).toBe(404);
    await nothingHappened([sha]);
  });

  it('in a storm are one sync or two, not hundreds', async () => {
    const sha = await commit();
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => post(`${plainUrl}/webhooks/github`, githubPush(sha))),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
    await symphony.untilNote(sha, 'success');
    expect(await applied()).toBe(String(round));
  });
});

/** The test knows the server by its port; its certificate is looked at elsewhere. */
function post(
  url: string,
  { body, headers }: Delivery,
): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) } };
    const call = url.startsWith('https:')
      ? httpsRequest(url, { ...options, rejectUnauthorized: false })
      : httpRequest(url, options);
    call.once('error', reject);
    call.once('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => void (text += chunk));
      response.once('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
    });
    call.end(body);
  });
}
