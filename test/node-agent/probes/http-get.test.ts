import { expect, it } from 'vitest';
import { httpGet } from '../../../src/node-agent/probes/http-get.ts';
import type { HttpAnswer, HttpRequest, ProbeIo } from '../../../src/node-agent/probes/probe-io.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const request: HttpRequest = {
  scheme: 'http',
  host: '10.244.1.9',
  port: 8080,
  path: '/start',
  headers: { 'x-probe': 'yes' },
  timeoutMs: 1_000,
};

/** Follows with `answers` by what was asked for; answers what was asked for and what came back. */
async function follow(answers: Readonly<Record<string, HttpAnswer>>, first: HttpRequest = request) {
  const asked: string[] = [];
  const io: ProbeIo = {
    http: async ({ scheme, host, port, path, headers }) => {
      expect(headers).toEqual(request.headers);
      const url = `${scheme}://${host}:${port}${path}`;
      asked.push(url);
      return answers[path] ?? { status: 404, body: '' };
    },
    tcp: async () => undefined,
    grpcHealth: async () => 1,
  };
  const answer = await httpGet(io, createFakeClock(), first);
  return { asked, status: answer.status };
}
const to = (location: string, status = 302): HttpAnswer => ({ status, body: '', location });

it('goes where a redirect within the host leads, also to another port', async () => {
  const answers = {
    '/start': to('/next?a=1'),
    '/next?a=1': to('https://10.244.1.9/end', 307),
    '/end': { status: 500, body: '' },
  };
  expect(await follow(answers)).toEqual({
    asked: ['http://10.244.1.9:8080/start', 'http://10.244.1.9:8080/next?a=1', 'https://10.244.1.9:443/end'],
    status: 500,
  });
});

it.each([
  ['another host', to('http://0.0.0.0/')],
  ['nowhere', { status: 302, body: '' }],
  ['something that is not HTTP', to('file:///etc/passwd')],
  ['no address at all', to('http://[')],
  ['what an answer that is no redirect names', to('/next', 304)],
])('does not go to %s', async (_, answer) => {
  const { asked, status } = await follow({ '/start': answer });
  expect(asked).toHaveLength(1);
  expect(status).toBe(answer.status);
});

it('gives up on a server that only redirects', async () => {
  const location = 'http://10.244.1.9:8080/start';
  await expect(follow({ '/start': to(location) })).rejects.toThrow(
    `Get "${location}": stopped after 10 redirects`,
  );
});

it('knows its own host by an IPv6 address', async () => {
  const host = 'fd00::9';
  const answers = { '/start': to('http://[fd00::9]:8080/end'), '/end': { status: 200, body: '' } };
  expect((await follow(answers, { ...request, host })).status).toBe(200);
});
