import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/base/logger.ts';
import { rootApplication } from '../../../src/sync/root-application.ts';
import { createWebhookHandler, followsRef } from '../../../src/sync/forge/webhook-handler.ts';
import {
  type WebhookProvider,
  parseWebhook,
  verifyWebhook,
  webhookProviders,
} from '../../../src/sync/forge/webhook.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { createInlineQueues } from '../harness.ts';

const SECRET = 'a shared secret';
const hmac = (body: string | Buffer, secret = SECRET): string =>
  createHmac('sha256', secret).update(body).digest('hex');

const repository = {
  full_name: 'acme/shop',
  clone_url: 'https://github.com/acme/shop.git',
  ssh_url: 'git@github.com:acme/shop.git',
  html_url: 'https://github.com/acme/shop',
};
const PUSH = JSON.stringify({ ref: 'refs/heads/main', after: 'f'.repeat(40), repository });

function signed(provider: WebhookProvider, body: string, id = '1', secret = SECRET): Record<string, string> {
  switch (provider) {
    case 'github':
      return {
        'x-github-event': 'push',
        'x-github-delivery': id,
        'x-hub-signature-256': `sha256=${hmac(body, secret)}`,
      };
    case 'gitlab':
      return { 'x-gitlab-event': 'Push Hook', 'x-gitlab-event-uuid': id, 'x-gitlab-token': secret };
    case 'gitea':
      return { 'x-gitea-event': 'push', 'x-gitea-delivery': id, 'x-gitea-signature': hmac(body, secret) };
    case 'bitbucket':
      return {
        'x-event-key': 'repo:push',
        'x-request-uuid': id,
        'x-hub-signature': `sha256=${hmac(body, secret)}`,
      };
  }
}

function handlerFor(...repoURLs: string[]) {
  const clock = createFakeClock();
  const queues = createInlineQueues();
  const applications = repoURLs.map((repoURL, index) => {
    const root = rootApplication({ repoURL, targetRevision: 'main' });
    return { ...root, metadata: { ...root.metadata, name: `app-${index}` } };
  });
  const handler = createWebhookHandler({
    secret: SECRET,
    applications: () => applications,
    queues,
    clock,
    logger: silentLogger,
  });
  return { handler, queues, clock };
}

describe.each(webhookProviders)('the webhook of %s', (provider) => {
  it('is accepted with the right signature and asks the matching application to sync, after the answer', async () => {
    const { handler, queues, clock } = handlerFor(
      'git@github.com:acme/shop.git',
      'https://github.com/acme/other',
    );
    expect(handler.handle(provider, signed(provider, PUSH), Buffer.from(PUSH))).toMatchObject({
      status: 202,
    });
    expect(queues.added).toEqual([]);
    await clock.advance(50);
    expect(queues.added).toEqual([
      { name: 'sync', payload: { application: 'symphony-system/app-0', reason: 'webhook' } },
    ]);
  });

  it('gets 401 and does nothing with a wrong, missing or malformed signature', async () => {
    const { handler, queues, clock } = handlerFor('https://github.com/acme/shop');
    const right = signed(provider, PUSH);
    const name = Object.keys(right).at(-1)!;
    for (const bad of [
      '',
      'x',
      'sha256=',
      `sha256=${'0'.repeat(64)}`,
      'é'.repeat(64),
      '0'.repeat(64),
      'a'.repeat(5_000),
    ]) {
      expect(handler.handle(provider, { ...right, [name]: bad }, Buffer.from(PUSH)).status).toBe(401);
    }
    expect(handler.handle(provider, { ...right, [name]: undefined }, Buffer.from(PUSH)).status).toBe(401);
    expect(handler.handle(provider, { ...right, [name]: [right[name]!] }, Buffer.from(PUSH)).status).toBe(
      401,
    );
    expect(
      handler.handle(provider, signed(provider, PUSH, '1', 'another secret'), Buffer.from(PUSH)).status,
    ).toBe(401);
    await clock.advance(50);
    expect(queues.added).toEqual([]);
  });

  it('never crashes on a body, however malformed', () => {
    const { handler } = handlerFor('https://github.com/acme/shop');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc
            .jsonValue()
            .map((repo) => JSON.stringify({ ref: repo, repository: repo, project: repo, push: repo })),
        ),
        (body) => {
          const answer = handler.handle(provider, signed(provider, body, body), Buffer.from(body));
          expect([202, 400]).toContain(answer.status);
        },
      ),
    );
  });

  it('has no effect twice for one delivery', async () => {
    const { handler, queues, clock } = handlerFor('https://github.com/acme/shop');
    for (let round = 0; round < 5; round += 1) {
      expect(handler.handle(provider, signed(provider, PUSH), Buffer.from(PUSH)).status).toBe(202);
      await clock.advance(50);
    }
    expect(queues.added.length).toBe(1);
  });

  it('folds a storm of deliveries into one round', async () => {
    const { handler, queues, clock } = handlerFor('https://github.com/acme/shop');
    for (let id = 0; id < 2_000; id += 1) {
      expect(handler.handle(provider, signed(provider, PUSH, `${id}`), Buffer.from(PUSH)).status).toBe(202);
    }
    await clock.advance(50);
    expect(queues.added.length).toBe(1);
  });
});

describe('webhooks', () => {
  it('are refused without a secret', () => {
    expect(() =>
      createWebhookHandler({
        ...({} as object as Parameters<typeof createWebhookHandler>[0]),
        secret: '',
        logger: silentLogger,
      }),
    ).toThrow('no secret');
    expect(verifyWebhook('gitlab', { 'x-gitlab-token': '' }, Buffer.from(''), '')).toBe(false);
  });

  it('check the raw bytes, not what they decode to', () => {
    const raw = Buffer.from([0x7b, 0xff, 0x7d]);
    expect(verifyWebhook('github', { 'x-hub-signature-256': `sha256=${hmac(raw)}` }, raw, SECRET)).toBe(true);
    expect(
      verifyWebhook(
        'github',
        { 'x-hub-signature-256': `sha256=${hmac(raw)}` },
        Buffer.from('{\uFFFD}'),
        SECRET,
      ),
    ).toBe(false);
  });

  it('refuse a body that is too large', () => {
    const { handler } = handlerFor();
    expect(handler.handle('github', {}, Buffer.alloc(26 * 1024 * 1024)).status).toBe(413);
  });

  it('understand a ping and GitHub’s form encoding', () => {
    expect(parseWebhook('github', { 'x-github-event': 'ping' }, Buffer.from('{}')).type).toBe('ignored');
    const form = `payload=${encodeURIComponent(PUSH)}`;
    const headers = { 'x-github-event': 'push', 'content-type': 'application/x-www-form-urlencoded' };
    expect(parseWebhook('github', headers, Buffer.from(form))).toMatchObject({
      type: 'push',
      push: { refs: ['refs/heads/main'] },
    });
  });

  it.each([
    ['main', ['refs/heads/main'], true],
    ['main', ['refs/heads/dev'], false],
    ['HEAD', ['refs/heads/dev'], true],
    ['v1', ['refs/tags/v1'], true],
    ['main', [], true],
  ])('an application at %s looks at a push of %j: %s', (revision, refs, expected) => {
    expect(followsRef(revision, refs)).toBe(expected);
  });
});
