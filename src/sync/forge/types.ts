/** The forges that take commit statuses. Each file knows the names and limits of one API. */
import type { JsonValue } from '../../base/json.ts';
import type { CommitState } from '../status/plan-commit-status.ts';
import type { HttpResponse } from './http.ts';

export interface StatusPost {
  /** URL of the repository as the Application names it. */
  readonly repoURL: string;
  readonly sha: string;
  readonly state: CommitState;
  /** At most 140 code points. */
  readonly description: string;
  /** Stable: `symphony/<environment>/<application>`. */
  readonly context: string;
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

/** All that is known of one kind of forge. */
export interface ForgeKind {
  /** As people write it. */
  readonly title: string;
  /** The root of the API, unless `--forge-url` names another. */
  readonly api: string;
  /** The end of a root that users may write and that is left out; `path` brings it. */
  readonly suffix?: RegExp;
  readonly headers: (token: string) => Readonly<Record<string, string>>;
  readonly path: (repository: Repository, sha: string) => string;
  readonly body: (post: StatusPost, repository: Repository) => JsonValue;
  /** A refusal that says that the status is there already. */
  readonly isKnown?: (response: HttpResponse) => boolean;
  readonly webhook: WebhookFormat;
}

export interface Repository {
  /** `owner/name`. */
  readonly name: string;
  /** The same as segments of a path. */
  readonly encoded: string;
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
