/** GitLab's commit statuses. Posting the present state again answers 400 and counts as done. */
import type { CommitState } from '../status/plan-commit-status.ts';
import type { Forge, ForgeAccess, ForgeKind } from './types.ts';
import { type HttpClient, checkAnswer } from './http.ts';

const STATES: Readonly<Record<CommitState, string>> = {
  pending: 'pending',
  success: 'success',
  failure: 'failed',
  // Another commit has overtaken it.
  error: 'canceled',
};

export const gitlab: ForgeKind = {
  create: createGitLab,
  webhook: {
    signature: 'token',
    signatureHeader: 'x-gitlab-token',
    eventHeader: 'x-gitlab-event',
    deliveryHeader: 'x-gitlab-event-uuid',
    pushEvents: ['Push Hook', 'Tag Push Hook', 'System Hook'],
  },
};

function createGitLab(http: HttpClient, access: ForgeAccess): Forge {
  const root = (access.url ?? 'https://gitlab.com').replace(/\/+$/, '').replace(/\/api\/v4$/, '');
  return {
    name: 'gitlab',
    async post({ repoURL, sha, state, description, context, targetUrl }, signal) {
      const project = encodeURIComponent(access.repositoryOf(repoURL));
      const response = await http(
        {
          method: 'POST',
          url: `${root}/api/v4/projects/${project}/statuses/${sha}`,
          headers: { 'private-token': await access.token() },
          json: {
            state: STATES[state],
            name: context,
            description,
            ...(targetUrl === undefined ? {} : { target_url: targetUrl }),
          },
        },
        signal,
      );
      if (response.status === 400 && /cannot transition status/i.test(response.text)) return;
      checkAnswer('GitLab', response);
    },
  };
}
