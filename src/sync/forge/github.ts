/** GitHub's commit statuses are append-only; the newest of a context counts. */
import type { Forge, ForgeAccess, ForgeKind } from './types.ts';
import { type HttpClient, checkAnswer } from './http.ts';

const PUBLIC_API = 'https://api.github.com';

export const github: ForgeKind = {
  create: createGitHub,
  webhook: {
    signature: 'sha256=',
    signatureHeader: 'x-hub-signature-256',
    eventHeader: 'x-github-event',
    deliveryHeader: 'x-github-delivery',
    pushEvents: ['push'],
  },
};

function createGitHub(http: HttpClient, access: ForgeAccess): Forge {
  const api = apiRoot(access.url);
  return {
    name: 'github',
    async post({ repoURL, sha, state, description, context, targetUrl }, signal) {
      const response = await http(
        {
          method: 'POST',
          url: `${api}/repos/${access.repositoryOf(repoURL).split('/').map(encodeURIComponent).join('/')}/statuses/${sha}`,
          headers: {
            accept: 'application/vnd.github+json',
            authorization: `Bearer ${await access.token()}`,
            'x-github-api-version': '2022-11-28',
          },
          json: {
            state,
            description,
            context,
            ...(targetUrl === undefined ? {} : { target_url: targetUrl }),
          },
        },
        signal,
      );
      checkAnswer('GitHub', response);
    },
  };
}

/** `--forge-url` is the root of the API (`https://ghe.example/api/v3`), or the public site. */
function apiRoot(url: string | undefined): string {
  const root = (url ?? PUBLIC_API).replace(/\/+$/, '');
  return root === 'https://github.com' ? PUBLIC_API : root;
}
