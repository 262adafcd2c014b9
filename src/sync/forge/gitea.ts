/** Gitea's and Forgejo's commit statuses: a row for each post, the newest of a context counts. */
import type { Forge, ForgeAccess, ForgeKind } from './types.ts';
import { type HttpClient, checkAnswer } from './http.ts';

export const gitea: ForgeKind = {
  create: createGitea,
  webhook: {
    signature: 'hex',
    signatureHeader: 'x-gitea-signature',
    eventHeader: 'x-gitea-event',
    deliveryHeader: 'x-gitea-delivery',
    pushEvents: ['push'],
  },
};

function createGitea(http: HttpClient, access: ForgeAccess): Forge {
  const root = (access.url ?? 'https://gitea.com').replace(/\/+$/, '').replace(/\/api\/v1$/, '');
  return {
    name: 'gitea',
    async post({ repoURL, sha, state, description, context, targetUrl }, signal) {
      const repository = access.repositoryOf(repoURL).split('/').map(encodeURIComponent).join('/');
      const response = await http(
        {
          method: 'POST',
          url: `${root}/api/v1/repos/${repository}/statuses/${sha}`,
          headers: { authorization: `token ${await access.token()}` },
          json: {
            state,
            description,
            context,
            ...(targetUrl === undefined ? {} : { target_url: targetUrl }),
          },
        },
        signal,
      );
      checkAnswer('Gitea', response);
    },
  };
}
