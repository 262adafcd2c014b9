import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../src/base/logger.ts';
import { startWebhookServer } from '../../src/server/webhook-server.ts';
import { createFakeClock } from '../support/fake-clock.ts';

/** Twice as many may come at once. */
const RATE = 50;

describe('the webhook server', () => {
  const port = 20_000 + (process.pid % 20_000);
  const url = `http://127.0.0.1:${port}`;
  const received: { provider: string; body: string; event: unknown }[] = [];
  let server: AsyncDisposable;

  beforeEach(async () => {
    received.length = 0;
    server = await startWebhookServer(
      { host: '127.0.0.1', port },
      (provider, headers, body) => {
        received.push({ provider, body: body.toString(), event: headers['x-github-event'] });
        return { status: 202, message: 'accepted' };
      },
      silentLogger,
      createFakeClock(),
      RATE,
    );
  });
  afterEach(() => server[Symbol.asyncDispose]());

  it('hands the raw body and the headers to the handler', async () => {
    const response = await fetch(`${url}/webhooks/github?x=1`, {
      method: 'POST',
      body: '{"a": 1 }',
      headers: { 'x-github-event': 'push' },
    });
    expect([response.status, await response.text()]).toEqual([202, 'accepted\n']);
    expect(received).toEqual([{ provider: 'github', body: '{"a": 1 }', event: 'push' }]);
  });

  it.each(['/', '/api/v1/pods', '/webhooks/', '/webhooks/unknown', '/webhooks/github/more'])(
    'serves nothing at %s',
    async (path) => {
      expect((await fetch(url + path, { method: 'POST', body: '{}' })).status).toBe(404);
      expect(received).toEqual([]);
    },
  );

  it.each(['//', '//[', '*', 'http://[/'])('answers the target %j like any other path', async (path) => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      const call = request(url, { method: 'POST', path }, (response) => resolve(response.statusCode));
      call.on('error', reject);
      call.end('{}');
    });
    expect(status).toBe(404);
  });

  it('tells a flood to come later', async () => {
    const statuses: number[] = [];
    for (let delivery = 0; delivery < 110; delivery += 1)
      statuses.push((await fetch(`${url}/webhooks/github`, { method: 'POST', body: '{}' })).status);
    expect(statuses.filter((status) => status === 202)).toHaveLength(100);
    expect(statuses.filter((status) => status === 429)).toHaveLength(10);
  });

  it('refuses other methods', async () => {
    expect((await fetch(`${url}/webhooks/github`)).status).toBe(405);
    expect(received).toEqual([]);
  });

  it('refuses a body that is declared too large before reading it', async () => {
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      const call = request(`${url}/webhooks/github`, {
        method: 'POST',
        headers: { 'content-length': String(30 * 1024 * 1024) },
      });
      call.on('response', (response) => resolve(response.statusCode));
      call.on('error', reject);
      call.write('{');
    });
    expect(status).toBe(413);
    expect(received).toEqual([]);
  });
});
