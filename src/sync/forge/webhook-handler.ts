/**
 * Answers a webhook at once with the names of the applications, and queues their jobs a moment
 * later. Deliveries that come together are one round; a later redelivery syncs again.
 */
import type { Clock, Timer } from '../../base/clock.ts';
import { UserError, errorMessage } from '../../base/errors.ts';
import type { LogFields, Logger } from '../../base/logger.ts';
import { printable } from '../../base/printable.ts';
import { createBoundedMap } from '../../base/bounded-map.ts';
import { counted, cutMiddle, listNames } from '../../base/text.ts';
import type { Queues, SyncJob } from '../../queue/types.ts';
import { keyOf } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import { type RepositoryAlias, type WebhookMatch, matchPush } from './plan-webhook-match.ts';
import {
  type Delivery,
  type WebhookHeaders,
  type WebhookProvider,
  type WebhookPush,
  deliveryOf,
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
  readonly alias?: RepositoryAlias;
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
/** The same delivery twice within this time is a proxy's retry. */
const REPEAT_MS = 1_000;
/** Delivery ids that are remembered. */
const MAX_DELIVERIES = 10_000;
/** Pushes of one moment become one round of jobs. */
const COALESCE_MS = 5;
/** Distinct pushes of one round; beyond them every application syncs. */
const MAX_PENDING = 1_000;
/** Name at most this many applications in an answer or a line of the log. */
const MAX_NAMED = 10;
/** Texts from outside are cut to this length in the log. */
const MAX_LOGGED = 200;

interface Pending {
  readonly match: WebhookMatch;
  readonly fields: LogFields;
  deliveries: number;
}

export function createWebhookHandler(options: WebhookHandlerOptions): WebhookHandler {
  if (options.secret.length === 0)
    throw new UserError('Cannot accept webhooks: no secret; set --webhook-secret-file');
  const { clock } = options;
  const logger = options.logger.child({ component: 'webhook' });
  const rounds = createRounds(options, logger);
  const deliveries = createBoundedMap<string, number>(MAX_DELIVERIES);

  /** Whether the same delivery came a moment ago. */
  function isRepeated(id: string | undefined): boolean {
    if (id === undefined) return false;
    const before = deliveries.get(id);
    if (before !== undefined && clock.now() - before < REPEAT_MS) return true;
    deliveries.set(id, clock.now());
    return false;
  }

  return {
    handle(provider, headers, rawBody) {
      const refused = (status: WebhookAnswer['status'], message: string): WebhookAnswer => {
        const said = { ...deliveryFields(provider, deliveryOf(provider, headers)), why: message };
        if (status === 202) logger.info(said, 'Ignored a webhook');
        else logger.warn(said, 'Refused a webhook');
        return { status, message };
      };
      if (rawBody.length > MAX_WEBHOOK_BODY_BYTES) return refused(413, 'body too large');
      if (!verifyWebhook(provider, headers, rawBody, options.secret))
        return refused(401, 'signature mismatch');
      const event = parseWebhook(provider, headers, rawBody);
      if (event.type === 'malformed') return refused(400, 'malformed payload');
      if (event.type === 'ignored') return refused(202, 'nothing to do');
      const id = event.deliveryId === undefined ? undefined : `${provider} ${event.deliveryId}`;
      if (isRepeated(id)) return refused(202, 'duplicate delivery');
      const match = rounds.add(event.push, deliveryFields(provider, event));
      return { status: 202, message: answerText(match) };
    },
    [Symbol.dispose]: () => rounds[Symbol.dispose](),
  };
}

function createRounds({ applications, alias, clock, queues }: WebhookHandlerOptions, logger: Logger) {
  const canonical = createBoundedMap<string, string>(MAX_DELIVERIES);
  const canonicalOf = (url: string): string => canonical.remember(url, () => canonicalRepoUrl(url));
  let pending = new Map<string, Pending>();
  let timer: Timer | undefined;

  async function flush(): Promise<void> {
    timer = undefined;
    const pushes = [...pending.values()];
    pending = new Map();
    for (const push of pushes) logPush(logger, push);
    const queue = queues.queue<SyncJob>('sync');
    const keys = new Set(pushes.flatMap(({ match }) => match.applications));
    const jobs = [...keys].map((key) => queue.add({ application: key, reason: 'webhook' }, { key }));
    for (const result of await Promise.allSettled(jobs)) {
      if (result.status === 'rejected')
        logger.error({ error: errorMessage(result.reason) }, 'Cannot queue a sync; the poll makes up for it');
    }
  }

  return {
    /** Adds a push to the next round of jobs. */
    add(push: WebhookPush, fields: LogFields): WebhookMatch {
      const isFull = pending.size >= MAX_PENDING;
      const key = isFull ? '' : JSON.stringify([push.repositoryUrls, push.refs]);
      const known = pending.get(key);
      if (known) {
        known.deliveries += 1;
        return known.match;
      }
      const match = isFull
        ? { applications: applications().map(keyOf).sort(), why: undefined }
        : matchPush(push, applications(), alias, canonicalOf);
      pending.set(key, { match, fields: { ...fields, ...pushFields(push) }, deliveries: 1 });
      timer ??= clock.setTimer(() => void flush(), COALESCE_MS);
      return match;
    },
    [Symbol.dispose](): void {
      timer?.cancel();
      timer = undefined;
    },
  };
}

function logPush(logger: Logger, { match, fields, deliveries }: Pending): void {
  const said = { ...fields, ...(deliveries > 1 ? { deliveries } : {}) };
  const { applications, why } = match;
  const named = { matched: applications.length, applications: applications.slice(0, MAX_NAMED) };
  if (why === undefined) logger.info({ ...said, ...named }, 'A webhook asks for syncs');
  else logger.info({ ...said, matched: 0, why: bounded(why) }, 'A webhook matches no application');
}

function answerText({ applications, why }: WebhookMatch): string {
  if (why !== undefined) return `accepted: no application will sync: ${bounded(why)}`;
  const count = counted(applications.length, 'application');
  return `accepted: ${count} will sync: ${listNames(applications, MAX_NAMED)}`;
}

/** Texts of forges are bounded and hold nothing that could forge a line. */
const bounded = (text: string): string => cutMiddle(printable(text), MAX_LOGGED);

function deliveryFields(forge: WebhookProvider, { event, deliveryId }: Delivery): LogFields {
  return {
    forge,
    ...(event === undefined ? {} : { event: bounded(event) }),
    ...(deliveryId === undefined ? {} : { delivery: bounded(deliveryId) }),
  };
}

function pushFields({ repositoryUrls, refs, commit }: WebhookPush): LogFields {
  return {
    repository: bounded(canonicalRepoUrl(repositoryUrls[0] ?? '')),
    ...(refs.length === 0 ? {} : { revision: bounded(refs.join(' ')) }),
    ...(commit === undefined ? {} : { commit }),
  };
}
