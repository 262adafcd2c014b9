/** GitHub's commit statuses are append-only; the newest of a context counts. */
import type { ForgeKind } from './types.ts';

export const github: ForgeKind = {
  title: 'GitHub',
  api: 'https://api.github.com',
  // The public site is no API, and an enterprise's is `https://ghe.example/api/v3`.
  suffix: /^https:\/\/github\.com$/,
  headers: (token) => ({
    accept: 'application/vnd.github+json',
    authorization: `Bearer ${token}`,
    'x-github-api-version': '2022-11-28',
  }),
  path: ({ encoded }, sha) => `/repos/${encoded}/statuses/${sha}`,
  body: ({ state, description, context }) => ({ state, description, context }),
  webhook: {
    signature: 'sha256=',
    signatureHeader: 'x-hub-signature-256',
    eventHeader: 'x-github-event',
    deliveryHeader: 'x-github-delivery',
    pushEvents: ['push'],
  },
};
