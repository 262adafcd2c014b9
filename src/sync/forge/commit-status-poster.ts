/**
 * The worker of the queue `notify`: brings what the forge shows for an application to what its status says.
 *
 * What was posted last is kept in the store, so an equal status is never posted twice, restarts included; posts of one
 * application go out one after another. A job only says "look": the newest status is posted, not the one of the job.
 */
import type { Clock } from '../../base/clock.ts';
import { ConflictError, TerminalError, UserError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createWorkQueue } from '../../base/work-queue.ts';
import type { NotifyJob, Queues } from '../../queue/types.ts';
import { type KubeObject, keyOf, splitKey } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import type { CacheSet } from '../../store/cache.ts';
import { CommitRefused, type Store } from '../../store/types.ts';
import { commitStatusOf } from '../commit-status.ts';
import type { CommitStatus } from '../status/plan-commit-status.ts';
import type { Forge } from './types.ts';

export interface CommitStatusPosterOptions {
  readonly store: Store;
  readonly caches: CacheSet;
  readonly queues: Queues;
  readonly forge: Forge;
  /** Tells the statuses of several clusters on one commit apart. */
  readonly environment: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly targetUrl?: (application: string) => string;
}

interface PostedRecord extends KubeObject {
  readonly sha: string;
  readonly state: CommitStatus['state'];
  readonly description: string;
}

const APPLICATIONS = 'applications.argoproj.io';
const POSTED = 'commitstatuses.symphony.dev';
const CONCURRENCY = 4;
/** Lost jobs are made up for this often. */
const RESYNC_MS = 60_000;
/** A forge that is away is asked again after 1 s, doubling up to five minutes. */
const BACKOFF = { initialMs: 1_000, maxMs: 300_000, factor: 2 };

export async function createCommitStatusPoster(options: CommitStatusPosterOptions): Promise<AsyncDisposable> {
  const { store, forge, clock } = options;
  const logger = options.logger.child({ component: 'commit-status', forge: forge.name });
  const applications = await options.caches.open<Application>(APPLICATIONS);
  /** Statuses that the forge will never take, so that they are not offered again and again. */
  const refused = new Map<string, CommitStatus>();

  async function post(key: string, signal: AbortSignal): Promise<void> {
    const application = applications.get(key);
    const wanted = application && commitStatusOf(application);
    const repoURL = application?.spec.source?.repoURL;
    if (!wanted || repoURL === undefined || forge.name === 'none') return;
    const posted = (await store.get(POSTED, key)) as PostedRecord | undefined;
    if ((posted && isSame(posted, wanted)) || isSame(refused.get(key), wanted)) return;
    const context = `symphony/${options.environment}/${splitKey(key).name}`;
    try {
      await forge.post({ ...wanted, repoURL, context, targetUrl: options.targetUrl?.(key) }, signal);
    } catch (error) {
      if (!(error instanceof TerminalError) && !(error instanceof UserError)) throw error;
      refused.set(key, wanted);
      logger.error(
        { application: key, sha: wanted.sha, error: errorMessage(error) },
        'Cannot post a commit status',
      );
      return;
    }
    logger.info({ application: key, sha: wanted.sha, state: wanted.state }, 'Posted a commit status');
    await remember(key, wanted, posted);
  }

  async function remember(
    key: string,
    status: CommitStatus,
    posted: PostedRecord | undefined,
  ): Promise<void> {
    const { namespace, name } = splitKey(key);
    const object: PostedRecord = {
      apiVersion: 'symphony.dev/v1',
      kind: 'CommitStatus',
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      sha: status.sha,
      state: status.state,
      description: status.description,
    };
    const version = posted?.metadata.resourceVersion;
    const base = { resource: POSTED, key, object };
    try {
      await store.commit([
        version === undefined
          ? { type: 'create', ...base }
          : { type: 'update', ...base, expectedVersion: version },
      ]);
    } catch (error) {
      if (error instanceof CommitRefused) throw new ConflictError(error.message, { cause: error });
      throw error;
    }
  }

  const work = createWorkQueue({
    clock,
    concurrency: CONCURRENCY,
    backoff: BACKOFF,
    async process(key, signal) {
      await post(key, signal);
      return applications.get(key) ? { requeueAfterMs: RESYNC_MS } : void refused.delete(key);
    },
    onError(application, error, retryInMs) {
      logger.warn(
        { application, retryInMs, error: errorMessage(error) },
        'Cannot post a commit status; trying again',
      );
    },
  });
  const worker = options.queues.work<NotifyJob>('notify', {
    concurrency: CONCURRENCY,
    process: async ({ application }) => work.add(application),
  });
  for (const application of applications.list()) work.add(keyOf(application));

  return {
    async [Symbol.asyncDispose]() {
      await worker[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

function isSame(a: CommitStatus | undefined, b: CommitStatus): boolean {
  return a?.sha === b.sha && a.state === b.state && a.description === b.description;
}
