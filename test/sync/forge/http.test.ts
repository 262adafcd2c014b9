/** The forges' HTTP client follows a project that moved, and takes the token nowhere else. */
import { type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { createHttpClient } from '../../../src/sync/forge/http.ts';

let server: Server;
let url: string;
let asked: string[];
let answers: Record<string, (response: ServerResponse) => void>;
beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const path = request.url ?? '';
      asked.push(`${request.method} ${path} ${request.headers.authorization} ${body}`);
      const answer = answers[path];
      if (answer) answer(response);
      else response.writeHead(201).end('made');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const redirect = (status: number, location: string) => (response: ServerResponse) =>
  void response.writeHead(status, { location }).end('moved');
const post = () =>
  createHttpClient(systemClock)(
    { url: `${url}/old`, headers: { authorization: 'Bearer t' }, json: { state: 'x' } },
    new AbortController().signal,
  );

it.each([301, 302, 307, 308])('asks the same of the new place after %i', async (status) => {
  answers = { '/old': redirect(status, '/repositories/7') };
  expect(await post()).toMatchObject({ status: 201, text: 'made' });
  expect(asked).toEqual(['POST /old Bearer t {"state":"x"}', 'POST /repositories/7 Bearer t {"state":"x"}']);
});

it.each([
  ['another host', (): string => 'http://localhost:1/x'],
  ['another port', (): string => 'http://127.0.0.1:1/x'],
  ['another scheme', (): string => url.replace('http:', 'https:')],
  ['nothing that is a URL', (): string => 'http://['],
])('does not follow to %s', async (_what, place) => {
  answers = { '/old': redirect(307, place()) };
  expect(await post()).toMatchObject({ status: 307 });
  expect(asked).toHaveLength(1);
});

it('does not follow a circle for long', async () => {
  answers = { '/old': redirect(307, '/old') };
  expect(await post()).toMatchObject({ status: 307 });
  expect(asked).toHaveLength(4);
});
