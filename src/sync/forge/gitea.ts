/** Gitea's and Forgejo's commit statuses: a row for each post, the newest of a context counts. */
import { github } from './github.ts';
import type { ForgeKind } from './types.ts';

export const gitea: ForgeKind = {
  title: 'Gitea',
  api: 'https://gitea.com',
  suffix: /\/api\/v1$/,
  headers: (token) => ({ authorization: `token ${token}` }),
  path: ({ encoded }, sha) => `/api/v1/repos/${encoded}/statuses/${sha}`,
  // The members are GitHub's.
  body: github.body,
  webhook: {
    signature: 'hex',
    signatureHeader: 'x-gitea-signature',
    eventHeader: 'x-gitea-event',
    deliveryHeader: 'x-gitea-delivery',
    pushEvents: ['push'],
  },
};
