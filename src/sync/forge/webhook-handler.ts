/**
 * What a webhook comes to: an answer at once, and a little later jobs on the queue `sync`.
 *
 * A delivery only means "go and look": its payload chooses which applications look, nothing else of it is used. Nothing
 * is done before the answer; deliveries that come together are folded into one round; a delivery id counts once.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { UserError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { Queues, SyncJob } from '../../queue/types.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import { revisionCandidates } from '../git/revision.ts';
import {
  type WebhookHeaders,
  type WebhookProvider,
  type WebhookPush,
  parseWebhook,
  verifyWebhook,
} from './webhook.ts';

export interface WebhookHandlerOptions {
  /** Shared with the forge; webhooks are refused without one. */
  readonly secret: string;
  /** The present applications (from a cache). */
  readonly applications: () => readonly Application[];
  readonly queues: Queues;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `owner/name` at the forge of a repository whose URL does not say it. */
  readonly alias?: { readonly fullName: string; readonly repoURL: string };
}

export interface WebhookAnswer {
  readonly status: 202 | 400 | 401 | 413;
  readonly message: string;
}

export interface WebhookHandler extends Disposable {
  handle(provider: WebhookProvider, headers: WebhookHeaders, rawBody: Uint8Array): WebhookAnswer;
}

/** GitHub sends at most 25 MB; the route refuses a larger body before it buffers it. */
export const MAX_WEBHOOK_BODY_BYTES = 25 * 1024 * 1024;
/** Delivery ids that are remembered; a forge retries within hours. */
const MAX_DELIVERIES = 10_000;
/** Pushes of one moment become one round of jobs. */
const COALESCE_MS = 5;
/** Distinct pushes of one round; beyond them every application looks. */
const MAX_PENDING = 1_000;

export function createWebhookHandler(options: WebhookHandlerOptions): WebhookHandler {
  if (options.secret.length === 0)
    throw new UserError('Cannot accept webhooks: no secret; set --webhook-secret-file');
  const logger = options.logger.child({ component: 'webhook' });
  const deliveries = new Set<string>();
  const canonical = new Map<string, string>();
  let pending = new Map<string, WebhookPush>();
  let everything = false;
  let timer: Timer | undefined;

  function schedule(push: WebhookPush): void {
    if (pending.size >= MAX_PENDING) everything = true;
    else pending.set(JSON.stringify([push.repositoryUrls, push.refs]), push);
    timer ??= options.clock.setTimer(() => {
      timer = undefined;
      void flush();
    }, COALESCE_MS);
  }

  async function flush(): Promise<void> {
    const pushes = [...pending.values()];
    const all = everything;
    pending = new Map();
    everything = false;
    const queue = options.queues.queue<SyncJob>('sync');
    const matching = options
      .applications()
      .filter((application) => all || pushes.some((push) => concerns(push, application)));
    logger.debug({ pushes: pushes.length, applications: matching.length }, 'Webhooks ask for syncs');
    const jobs = matching.map((application) => {
      const key = keyOf(application);
      return queue.add({ application: key, reason: 'webhook' }, { key });
    });
    for (const result of await Promise.allSettled(jobs)) {
      if (result.status === 'rejected')
        logger.warn({ error: errorMessage(result.reason) }, 'Cannot queue a sync; the poll makes up for it');
    }
  }

  function concerns(push: WebhookPush, application: Application): boolean {
    const { source } = application.spec;
    if (!source || !followsRef(source.targetRevision, push.refs)) return false;
    const { alias } = options;
    if (
      alias &&
      push.fullName?.toLowerCase() === alias.fullName.toLowerCase() &&
      source.repoURL === alias.repoURL
    )
      return true;
    // A local path has no URL at a forge: any authentic push may be about it, and looking is cheap.
    if (source.repoURL.startsWith('/') || source.repoURL.startsWith('file:')) return true;
    const own = canonicalOf(source.repoURL);
    return push.repositoryUrls.some((url) => canonicalOf(url) === own);
  }

  function canonicalOf(url: string): string {
    const known = canonical.get(url);
    if (known !== undefined) return known;
    if (canonical.size >= MAX_DELIVERIES) canonical.clear();
    const text = canonicalRepoUrl(url);
    canonical.set(url, text);
    return text;
  }

  return {
    handle(provider, headers, rawBody) {
      if (rawBody.length > MAX_WEBHOOK_BODY_BYTES) return { status: 413, message: 'body too large' };
      if (!verifyWebhook(provider, headers, rawBody, options.secret)) {
        logger.warn({ provider }, 'Refused a webhook with a wrong signature');
        return { status: 401, message: 'signature mismatch' };
      }
      const event = parseWebhook(provider, headers, rawBody);
      if (event.type === 'malformed') return { status: 400, message: 'malformed payload' };
      const id = event.deliveryId === undefined ? undefined : `${provider} ${event.deliveryId}`;
      if (id !== undefined && deliveries.has(id)) return { status: 202, message: 'duplicate delivery' };
      if (id !== undefined) {
        deliveries.add(id);
        const oldest = deliveries.size > MAX_DELIVERIES ? deliveries.values().next().value : undefined;
        if (oldest !== undefined) deliveries.delete(oldest);
      }
      if (event.type === 'ignored') return { status: 202, message: 'nothing to do' };
      schedule(event.push);
      return { status: 202, message: 'accepted' };
    },
    [Symbol.dispose]() {
      timer?.cancel();
      timer = undefined;
    },
  };
}

/** Whether a push to these refs can move what the application follows. Any push may bring a commit that has an id. */
export function followsRef(targetRevision: string | undefined, refs: readonly string[]): boolean {
  if (refs.length === 0 || targetRevision === undefined) return true;
  let candidates: readonly string[];
  try {
    candidates = revisionCandidates(targetRevision);
  } catch {
    return false;
  }
  return candidates.some((name) => !name.startsWith('refs/') || refs.includes(name));
}
