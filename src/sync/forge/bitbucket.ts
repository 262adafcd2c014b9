/** Bitbucket Cloud's build statuses. A key has 40 characters at most, and a URL is required. */
import { createHash } from 'node:crypto';
import type { CommitState } from '../status/plan-commit-status.ts';
import type { ForgeKind } from './types.ts';

const MAX_KEY = 40;

const STATES: Readonly<Record<CommitState, string>> = {
  pending: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  // Another commit has overtaken it.
  error: 'STOPPED',
};

export const bitbucket: ForgeKind = {
  title: 'Bitbucket',
  api: 'https://api.bitbucket.org',
  suffix: /\/2\.0$/,
  headers: (token) => ({ authorization: `Bearer ${token}` }),
  path: ({ encoded }, sha) => `/2.0/repositories/${encoded}/commit/${sha}/statuses/build`,
  body: ({ sha, state, description, context }, { name }) => ({
    key: bitbucketKey(context),
    state: STATES[state],
    name: context,
    description,
    url: `https://bitbucket.org/${name}/commits/${sha}`,
  }),
  webhook: {
    signature: 'sha256=',
    signatureHeader: 'x-hub-signature',
    eventHeader: 'x-event-key',
    deliveryHeader: 'x-request-uuid',
    pushEvents: ['repo:push'],
  },
};

/** The context itself, or its beginning and a hash where it is too long: stable and distinct. */
export function bitbucketKey(context: string): string {
  if (context.length <= MAX_KEY) return context;
  const hash = createHash('sha256').update(context).digest('hex').slice(0, 10);
  return `${context.slice(0, MAX_KEY - hash.length - 1)}-${hash}`;
}
