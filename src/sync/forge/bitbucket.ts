/** Bitbucket Cloud's build statuses. A key has 40 characters at most, and a URL is required. */
import { createHash } from 'node:crypto';
import type { CommitState } from '../status/plan-commit-status.ts';
import type { Forge, ForgeAccess, ForgeKind } from './types.ts';
import { type HttpClient, checkAnswer } from './http.ts';

const MAX_KEY = 40;

const STATES: Readonly<Record<CommitState, string>> = {
  pending: 'INPROGRESS',
  success: 'SUCCESSFUL',
  failure: 'FAILED',
  // Another commit has overtaken it.
  error: 'STOPPED',
};

export const bitbucket: ForgeKind = {
  create: createBitbucket,
  webhook: {
    signature: 'sha256=',
    signatureHeader: 'x-hub-signature',
    eventHeader: 'x-event-key',
    deliveryHeader: 'x-request-uuid',
    pushEvents: ['repo:push'],
  },
};

function createBitbucket(http: HttpClient, access: ForgeAccess): Forge {
  const root = (access.url ?? 'https://api.bitbucket.org').replace(/\/+$/, '').replace(/\/2\.0$/, '');
  return {
    name: 'bitbucket',
    async post({ repoURL, sha, state, description, context, targetUrl }, signal) {
      const repository = access.repositoryOf(repoURL);
      const response = await http(
        {
          method: 'POST',
          url: `${root}/2.0/repositories/${repository.split('/').map(encodeURIComponent).join('/')}/commit/${sha}/statuses/build`,
          headers: { authorization: `Bearer ${await access.token()}` },
          json: {
            key: bitbucketKey(context),
            state: STATES[state],
            name: context,
            description,
            url: targetUrl ?? `https://bitbucket.org/${repository}/commits/${sha}`,
          },
        },
        signal,
      );
      checkAnswer('Bitbucket', response);
    },
  };
}

/** The context itself, or its beginning and a hash where it is too long: stable and distinct. */
export function bitbucketKey(context: string): string {
  if (context.length <= MAX_KEY) return context;
  const hash = createHash('sha256').update(context).digest('hex').slice(0, 10);
  return `${context.slice(0, MAX_KEY - hash.length - 1)}-${hash}`;
}
