import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLogger, silentLogger } from '../../../src/base/logger.ts';
import { rootApplication } from '../../../src/sync/root-application.ts';
import { followsRef } from '../../../src/sync/forge/plan-webhook-match.ts';
import { createWebhookHandler } from '../../../src/sync/forge/webhook-handler.ts';
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
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => void lines.push(JSON.parse(line) as Record<string, unknown>);
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
    logger: createLogger({ level: 'info', destination: { write }, nowMs: () => clock.now() }),
  });
  return { handler, queues, clock, lines };
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

  it('syncs once for one delivery that comes twice at once, and again when somebody delivers it again', async () => {
    const { handler, queues, clock } = handlerFor('https://github.com/acme/shop');
    for (let round = 0; round < 5; round += 1) {
      expect(handler.handle(provider, signed(provider, PUSH), Buffer.from(PUSH)).status).toBe(202);
      await clock.advance(50);
    }
    expect(queues.added.length).toBe(1);
    await clock.advance(2_000);
    expect(handler.handle(provider, signed(provider, PUSH), Buffer.from(PUSH)).message).toContain(
      '1 application will sync: symphony-system/app-0',
    );
    await clock.advance(50);
    expect(queues.added.length).toBe(2);
  });

  it('leaves one line in the log, which names forge, event, repository, revision, delivery and applications', async () => {
    const { handler, clock, lines } = handlerFor(
      'https://github.com/acme/shop',
      'git@github.com:acme/shop.git',
    );
    const { message } = handler.handle(provider, signed(provider, PUSH, 'd-1'), Buffer.from(PUSH));
    const applications = ['symphony-system/app-0', 'symphony-system/app-1'];
    expect(message).toBe(`accepted: 2 applications will sync: ${applications.join(', ')}`);
    await clock.advance(50);
    expect(lines).toMatchObject([
      {
        component: 'webhook',
        forge: provider,
        event: expect.stringMatching(/push/i),
        delivery: 'd-1',
        repository: 'github.com/acme/shop',
        ...(provider === 'bitbucket' ? {} : { revision: 'refs/heads/main' }),
        commit: 'f'.repeat(40),
        matched: 2,
        applications,
        msg: 'A webhook asks for syncs',
      },
    ]);
  });

  it('logs wrong signatures at once, and then with back-off and their number', async () => {
    const { handler, clock, lines } = handlerFor('https://github.com/acme/shop');
    const headers = signed(provider, PUSH, 'id', 'guessed');
    for (let second = 0; second < 60; second += 1) {
      handler.handle(provider, headers, Buffer.from(PUSH));
      await clock.advance(1_000);
    }
    expect(lines.map(({ msg, why, times }) => [msg, why, times])).toEqual([
      ['Refused a webhook', 'signature mismatch', undefined],
      ['Refused a webhook', 'signature mismatch', 10],
      ['Refused a webhook', 'signature mismatch', 20],
    ]);
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

describe('a webhook that matches no application', () => {
  const pushOf = (url: string, ref = 'refs/heads/main'): string =>
    JSON.stringify({ ref, repository: { clone_url: url } });
  it.each<readonly [string, string, string, RegExp]>([
    [
      'another revision',
      'https://github.com/acme/shop.git',
      'refs/heads/dev',
      /application symphony-system\/app-0 follows revision "main", not refs\/heads\/dev$/,
    ],
    [
      'a misspelt repository',
      'https://github.com/acme/shops',
      'refs/heads/main',
      /no application follows github.com\/acme\/shops; the nearest is github.com\/acme\/shop of application symphony-system\/app-0$/,
    ],
    [
      'another host',
      'https://git.internal/mirrors/shop.git',
      'refs/heads/main',
      /; the nearest is github.com\/acme\/shop of/,
    ],
    ['a text that forges a line', 'https://x/a\n\u001b[2J\u202e', 'refs/heads/main', /^[\x20-\x7e]*$/],
  ])('says why and names the nearest: %s', async (_what, url, ref, expected) => {
    const { handler, queues, clock, lines } = handlerFor('https://github.com/acme/shop');
    const body = pushOf(url, ref);
    const { message } = handler.handle('github', signed('github', body), Buffer.from(body));
    expect(message).toMatch(/^accepted: no application will sync: /);
    expect(message).toMatch(expected);
    await clock.advance(50);
    expect(queues.added).toEqual([]);
    expect(lines).toMatchObject([{ msg: 'A webhook matches no application', matched: 0 }]);
    expect(message).toContain(lines[0]?.['why']);
  });

  it('says that there are no applications', () => {
    const { handler } = handlerFor();
    expect(handler.handle('github', signed('github', PUSH), Buffer.from(PUSH)).message).toMatch(
      /there are no applications$/,
    );
  });

  it('leaves lines of bounded length, whatever the forge sends', async () => {
    const { handler, clock, lines } = handlerFor('https://github.com/acme/shop');
    const changes = Array.from({ length: 90 }, (_, index) => ({
      new: { type: 'branch', name: `${index}`.repeat(500) },
    }));
    const body = JSON.stringify({ push: { changes }, repository: { url: `https://x/${'y'.repeat(2_000)}` } });
    handler.handle('bitbucket', signed('bitbucket', body, 'z'.repeat(1_000)), Buffer.from(body));
    await clock.advance(50);
    expect(JSON.stringify(lines).length).toBeLessThan(1_500);
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
