import { describe, expect, it } from 'vitest';
import {
  isOpenPath,
  maxBodyBytesOf,
  type OtherRequestsOptions,
  serveOther,
} from '../../../src/api/http/other-requests.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import { isStatusError } from '../../../src/schemas/errors/status.ts';

const options: OtherRequestsOptions = {
  registry: builtinRegistry,
  virtual: [],
  openapi: () => Promise.reject(new Error('not asked for')),
  nowMs: () => 0,
};

async function codeOf(method: string, path: string): Promise<number> {
  const url = new URL(`https://localhost${path}`);
  try {
    const { code } = await serveOther(options, { url, method, headers: {}, body: undefined });
    return code;
  } catch (error) {
    if (!isStatusError(error)) throw error;
    return error.status.code ?? 0;
  }
}

describe('requests that are about no resource', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s finds what is not there as little as GET does',
    async (method) => {
      for (const path of [
        '/apis/none.example.com/v1/namespaces/x/jobs',
        '/apis/policy/v1beta1/x',
        '/nowhere',
      ])
        expect(await codeOf(method, path)).toBe(404);
      for (const path of ['/version', '/api', '/apis/apps', '/apis/apps/v1'])
        expect(await codeOf(method, path)).toBe(405);
    },
  );

  it('a check of health can be asked for on its own', async () => {
    const readinessChecks = [
      { name: 'store', check: () => Promise.reject(new Error('away')) },
      { name: 'caches', check: () => undefined },
    ];
    const ask = async (path: string): Promise<unknown> => {
      const url = new URL(`https://localhost${path}`);
      const request = { url, method: 'GET', headers: {}, body: undefined };
      const { code, body } = await serveOther({ ...options, readinessChecks }, request);
      return [code, body];
    };
    expect(await ask('/livez/ping')).toEqual([200, 'ok']);
    expect(await ask('/readyz/caches')).toEqual([200, 'ok']);
    expect(await ask('/readyz/store')).toEqual([500, 'internal server error: away\n']);
    expect(await ask('/livez/store')).toEqual([404, '404 page not found\n']);
    expect(await ask('/readyz')).toEqual([500, expect.stringContaining('[-]store failed: away\n')]);
  });

  it('only webhooks of a forge are open to anybody and may be long', () => {
    const at = (path: string): unknown => {
      const url = new URL(`https://localhost${path}`);
      return [isOpenPath(url), maxBodyBytesOf(url)];
    };
    for (const path of ['/webhooks/github', '/webhooks/gitea/']) expect(at(path)).toEqual([true, 26_214_400]);
    for (const path of [
      '/webhooks',
      '/webhooks/',
      '/webhooks/other',
      '/webhooks/github/x',
      '/webhooks/GitHub',
    ])
      expect(at(path)).toEqual([false, undefined]);
  });

  it('the version names a commit, as clients expect of one', async () => {
    const url = new URL('https://localhost/version');
    const answer = await serveOther(options, { url, method: 'GET', headers: {}, body: undefined });
    const { gitVersion, gitCommit } = JSON.parse(answer.body as string) as Record<string, string>;
    expect(gitVersion).toMatch(/^v\d\.\d+\.[\w.+-]+$/);
    expect(gitCommit).toMatch(/^[0-9a-f]{40}$/);
  });
});
