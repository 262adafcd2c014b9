/** GitLab's commit statuses. Posting the present state again answers 400 and counts as done. */
import type { CommitState } from '../status/plan-commit-status.ts';
import type { ForgeKind } from './types.ts';

const STATES: Readonly<Record<CommitState, string>> = {
  pending: 'pending',
  success: 'success',
  failure: 'failed',
  // Another commit has overtaken it.
  error: 'canceled',
};

export const gitlab: ForgeKind = {
  title: 'GitLab',
  api: 'https://gitlab.com',
  suffix: /\/api\/v4$/,
  headers: (token) => ({ 'private-token': token }),
  path: ({ name }, sha) => `/api/v4/projects/${encodeURIComponent(name)}/statuses/${sha}`,
  body: ({ state, description, context }) => ({ state: STATES[state], name: context, description }),
  isKnown: ({ status, text }) => status === 400 && /cannot transition status/i.test(text),
  webhook: {
    signature: 'token',
    signatureHeader: 'x-gitlab-token',
    eventHeader: 'x-gitlab-event',
    deliveryHeader: 'x-gitlab-event-uuid',
    pushEvents: ['Push Hook', 'Tag Push Hook', 'System Hook'],
  },
};
