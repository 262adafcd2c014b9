/** The forges that take commit statuses. Each file knows the names and limits of one API. */
import type { CommitState } from '../status/plan-commit-status.ts';
import type { HttpClient } from './http.ts';

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
  readonly name: string;
  /** The host of this repository, where posts go to several. Each host has its own waits. */
  readonly hostOf?: (repoURL: string) => string;
  /**
   * Throws ForgeRefusal for an answer, TransientError without an answer, UserError where the
   * repository has no name at the forge. All are tried again.
   */
  post(status: StatusPost, signal: AbortSignal): Promise<void>;
}

export interface ForgeAccess {
  /** Root of the API where it is not the forge's public one. */
  readonly url?: string;
  /** Asked for each post: tokens are replaced while we run. */
  readonly token: () => Promise<string>;
  /** `owner/name` at the forge of a repository URL. */
  readonly repositoryOf: (repoURL: string) => string;
}

/** All that is known of one kind of forge. */
export interface ForgeKind {
  readonly create: (http: HttpClient, access: ForgeAccess) => Forge;
  readonly webhook: WebhookFormat;
}

/** Names of headers are in lower case, as Node gives them. */
export interface WebhookFormat {
  /** The proof of the secret: its HMAC in hexadecimal (perhaps with a prefix), or the secret. */
  readonly signature: 'hex' | 'sha256=' | 'token';
  readonly signatureHeader: string;
  readonly eventHeader: string;
  readonly deliveryHeader: string;
  readonly pushEvents: readonly string[];
}
