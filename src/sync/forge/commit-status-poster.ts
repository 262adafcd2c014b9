/**
 * The worker of the queue `notify`: brings what the forge shows for an application to what its status says.
 *
 * Contexts: `symphony/<environment>/<application>`, and where several applications share a repository, beside it
 * `symphony/<environment>` with the worst of them for each commit. An Application that a user made in a namespace speaks
 * as `symphony/<environment>/<namespace>/<application>`, at the hosts of the operator's own repositories only, and not
 * for the whole: the token is the operator's. What was posted last is kept in the store, so an
 * equal status is never posted twice, restarts included; posts of one application go out one after another. A commit
 * that another one overtakes while it is pending ends as `error`, "Superseded by …". A job only says "look": the
 * newest status is posted, not the one of the job.
 */
import { createHash } from 'node:crypto';
import { printable } from '../../base/printable.ts';
import type { Clock } from '../../base/clock.ts';
import { ConflictError, TerminalError, UserError, errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { createWorkQueue } from '../../base/work-queue.ts';
import type { NotifyJob, Queues } from '../../queue/types.ts';
import { mayUseOperatorsRepository } from '../../schemas/application-author.ts';
import { type KubeObject, keyOf, splitKey } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import type { CacheSet } from '../../store/cache.ts';
import { CommitRefused, type Store } from '../../store/types.ts';
import { commitStatusOf } from '../commit-status.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import { aggregateStatuses, supersededStatus } from '../status/aggregate-status.ts';
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

/** What the forge was told last: of an application one status, of a repository one for each commit. */
interface PostedRecord extends KubeObject {
  readonly repoURL?: string;
  /** Absent: true. */
  readonly asOperator?: boolean;
  readonly statuses: readonly CommitStatus[];
}

/** As what a status is posted, and where. */
interface Voice {
  readonly repoURL: string;
  readonly asOperator: boolean;
  readonly context: string;
}

const APPLICATIONS = 'applications.argoproj.io';
const POSTED = 'commitstatuses.symphony.dev';
/** Keys of the work queue that are about a repository, not an application. */
const REPOSITORY_KEY = 'repository ';
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

  /** True when the forge has it now. */
  async function offer(
    key: string,
    { repoURL, asOperator, context }: Voice,
    status: CommitStatus,
    signal: AbortSignal,
  ): Promise<boolean> {
    if (isSame(refused.get(key), status)) return false;
    try {
      await forge.post(
        { ...status, repoURL, asOperator, context, targetUrl: options.targetUrl?.(key) },
        signal,
      );
    } catch (error) {
      if (!(error instanceof TerminalError) && !(error instanceof UserError)) throw error;
      refused.set(key, status);
      logger.error(
        { application: key, sha: status.sha, error: errorMessage(error) },
        'Cannot post a commit status',
      );
      return false;
    }
    logger.info({ application: key, sha: status.sha, state: status.state }, 'Posted a commit status');
    return true;
  }

  /** Brings what was posted under one context to what is wanted; one status for each commit. */
  async function bring(
    key: string,
    recordKey: string,
    voice: Voice,
    wanted: readonly CommitStatus[],
    signal: AbortSignal,
  ): Promise<void> {
    const record = (await store.get(POSTED, recordKey)) as PostedRecord | undefined;
    const posted = record?.statuses ?? [];
    const newest = wanted.at(-1)?.sha;
    for (const before of posted) {
      if (wanted.some(({ sha }) => sha === before.sha)) continue;
      const end = supersededStatus(before, newest);
      if (end)
        await offer(
          `${key} ${before.sha}`,
          { ...voice, repoURL: record?.repoURL ?? voice.repoURL },
          end,
          signal,
        );
    }
    const now: CommitStatus[] = [];
    for (const status of wanted) {
      const before = posted.find(({ sha }) => sha === status.sha);
      if (before && isSame(before, status)) now.push(before);
      else if (await offer(key, voice, status, signal)) now.push(status);
      else if (before) now.push(before);
    }
    if (now.length !== posted.length || now.some((status, index) => !isSame(posted[index], status)))
      await remember(recordKey, voice, now, record);
  }

  async function post(key: string, signal: AbortSignal): Promise<void> {
    const application = applications.get(key);
    const record = application ? undefined : ((await store.get(POSTED, key)) as PostedRecord | undefined);
    const repoURL = application?.spec.source?.repoURL ?? record?.repoURL;
    const wanted = application && commitStatusOf(application);
    if (repoURL === undefined || forge.name === 'none' || (application && !wanted)) return;
    const asOperator = application ? mayUseOperatorsRepository(application) : record?.asOperator !== false;
    if (!asOperator && forge.name !== 'notes' && !isOperatorsHost(repoURL)) return;
    const context = `symphony/${options.environment}/${asOperator ? splitKey(key).name : key}`;
    await bring(key, key, { repoURL, asOperator, context }, wanted ? [pick(wanted)] : [], signal);
    work.add(`${REPOSITORY_KEY}${canonicalRepoUrl(repoURL)}`);
  }

  const own = (): readonly Application[] => applications.list().filter(mayUseOperatorsRepository);

  const isOperatorsHost = (repoURL: string): boolean =>
    own().some(({ spec }) => hostOf(spec.source?.repoURL ?? '') === hostOf(repoURL));

  async function postAggregate(key: string, signal: AbortSignal): Promise<void> {
    const repository = key.slice(REPOSITORY_KEY.length);
    const sharing = own()
      .filter(({ spec }) => canonicalRepoUrl(spec.source?.repoURL ?? '') === repository)
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const repoURL = sharing[0]?.spec.source?.repoURL;
    // One application is its own aggregate.
    if (repoURL === undefined || sharing.length < 2) return;
    const statuses = sharing.flatMap((application) => {
      const status = commitStatusOf(application);
      return status ? [{ ...status, application: application.metadata.name }] : [];
    });
    const hash = createHash('sha256').update(repository).digest('hex').slice(0, 16);
    const wanted = [...aggregateStatuses(statuses).values()];
    const voice = { repoURL, asOperator: true, context: `symphony/${options.environment}` };
    await bring(key, `repository-${hash}`, voice, wanted, signal);
  }

  async function remember(
    key: string,
    { repoURL, asOperator }: Voice,
    statuses: readonly CommitStatus[],
    before: PostedRecord | undefined,
  ): Promise<void> {
    const { namespace, name } = splitKey(key);
    const object: PostedRecord = {
      apiVersion: 'symphony.dev/v1',
      kind: 'CommitStatus',
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      repoURL,
      ...(asOperator ? {} : { asOperator }),
      statuses,
    };
    const version = before?.metadata.resourceVersion;
    const base = { resource: POSTED, key };
    try {
      await store.commit([
        version === undefined
          ? { type: 'create', ...base, object }
          : statuses.length === 0
            ? { type: 'delete', ...base, expectedVersion: version }
            : { type: 'update', ...base, object, expectedVersion: version },
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
      if (key.startsWith(REPOSITORY_KEY)) return postAggregate(key, signal);
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
  const deleted = applications.subscribe(({ type, key }) => {
    if (type === 'DELETED') work.add(key);
  });

  return {
    async [Symbol.asyncDispose]() {
      deleted[Symbol.dispose]();
      await worker[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

const hostOf = (repoURL: string): string => canonicalRepoUrl(repoURL).split('/')[0] ?? '';

/** What the forge is told of a status; whoever may write statuses may have written it. */
function pick({ sha, state, description }: CommitStatus): CommitStatus {
  return { sha, state, description: printable(description) };
}

function isSame(a: CommitStatus | undefined, b: CommitStatus): boolean {
  return a?.sha === b.sha && a.state === b.state && a.description === b.description;
}
