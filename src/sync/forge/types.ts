/** Where commit statuses go. One file a forge; each knows the names, limits and refusals of its API. */
import type { CommitState } from '../status/plan-commit-status.ts';

export interface StatusPost {
  /** URL of the repository as the Application names it. */
  readonly repoURL: string;
  readonly sha: string;
  readonly state: CommitState;
  /** At most 140 code points. */
  readonly description: string;
  /** Stable: `symphony/<environment>/<application>`. */
  readonly context: string;
  readonly targetUrl: string | undefined;
  /** Whether the operator's credentials and local path are the Application's to use. */
  readonly asOperator: boolean;
}

export interface Forge {
  readonly name: ForgeName;
  /** The host that a post to this repository asks, where not all go to one. Hosts wait apart from each other. */
  readonly hostOf?: (repoURL: string) => string;
  /**
   * Throws ForgeRefusal for an answer, TransientError where there is none, UserError where the repository has no name at the
   * forge. All are tried again.
   */
  post(status: StatusPost, signal: AbortSignal): Promise<void>;
}

export type ForgeName = 'github' | 'gitlab' | 'gitea' | 'bitbucket' | 'notes' | 'none';

export interface ForgeAccess {
  /** Root of the API where it is not the forge's public one. */
  readonly url?: string;
  /** Asked for each post: tokens are replaced while we run. */
  readonly token: () => Promise<string>;
  /** `owner/name` at the forge of a repository URL. */
  readonly repositoryOf: (repoURL: string) => string;
}
