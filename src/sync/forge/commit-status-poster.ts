/**
 * The worker of the queue `notify`: brings the forge to what the statuses of the applications say.
 *
 * Contexts: `symphony/<environment>/<application>`, and where several applications share a
 * repository, `symphony/<environment>` with the worst of them for each commit. An Application that
 * a user made in a namespace speaks as `symphony/<environment>/<namespace>/<application>`, at the
 * hosts of the operator's own repositories only, and never in the aggregate: the token is the
 * operator's.
 *
 * The store keeps the posted and the due statuses, so that none is repeated or forgotten after a
 * restart. Two leaders for an instant may repeat one. A job only says that there is news: the
 * newest status is posted.
 */
import { createHash } from 'node:crypto';
import type { Clock } from '../../base/clock.ts';
import { type Scope, openScope } from '../../base/scope.ts';
import { errorMessage } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { printable } from '../../base/printable.ts';
import { createWorkQueue } from '../../base/work-queue.ts';
import type { NotifyJob, Queues } from '../../queue/types.ts';
import { mayUseOperatorsRepository } from '../../schemas/applications/application-author.ts';
import { keyOf, splitKey } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import type { CacheEvent, CacheSet, ResourceCache } from '../../store/cache/cache.ts';
import type { Store } from '../../store/types.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import { aggregateStatuses } from '../status/aggregate-status.ts';
import { type CommitStatus, commitStatusOf } from '../status/plan-commit-status.ts';
import { createHostWaits } from './host-waits.ts';
import { type PostMemory, type Posting, RESYNC_MS, postStatuses } from './post-statuses.ts';
import { type Records, createRecords, isOperators, repositoryOf } from './records.ts';
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
}

const APPLICATIONS = 'applications.argoproj.io';
/** Keys of the work queue that are about a repository, not an application. */
const REPOSITORY_KEY = 'repository ';
/** Nearly all posts wait for their host's turn. */
const CONCURRENCY = 32;
/** For failures on our side: the store, a lost race. */
const BACKOFF = { initialMs: 1_000, maxMs: 300_000, factor: 2 };
/** Commits of one application that end between two passes, which follow within milliseconds. */
const MAX_OVERTAKEN = 10;

interface Poster extends Posting {
  readonly applications: ResourceCache<Application>;
  readonly environment: string;
}

export function createCommitStatusPoster(options: CommitStatusPosterOptions): Promise<AsyncDisposable> {
  return openScope((started) => startPoster(options, started));
}

async function startPoster(options: CommitStatusPosterOptions, started: Scope): Promise<object> {
  const { store, forge, clock, environment } = options;
  const logger = options.logger.child({ component: 'commit-status', forge: forge.name });
  const applications = await options.caches.open<Application>(APPLICATIONS);
  const records = createRecords(store);
  const memory: PostMemory = { refused: new Map(), posts: new Map(), overtaken: new Map() };
  const hosts = createHostWaits(records, clock);
  const poster = { records, forge, hosts, clock, logger, memory, applications, environment };
  const work = started.use(
    createWorkQueue({
      clock,
      concurrency: CONCURRENCY,
      backoff: BACKOFF,
      async process(key, signal) {
        const waitMs = await post(poster, key, (other) => work.add(other), signal);
        return waitMs === undefined ? undefined : { requeueAfterMs: waitMs };
      },
      onError(application, error, retryInMs) {
        const fields = { application, retryInMs, error: errorMessage(error) };
        logger.warn(fields, 'Cannot post a commit status; trying again');
      },
    }),
  );
  started.use(
    options.queues.work<NotifyJob>('notify', {
      concurrency: CONCURRENCY,
      process: async ({ application }) => work.add(application),
    }),
  );
  for (const application of applications.list()) work.add(keyOf(application));
  for (const key of await keysWithDue(records)) work.add(key);
  started.use(
    applications.subscribe((event) => {
      if (noteChange(memory, event)) work.add(event.key);
    }),
  );
  return {};
}

/** Gives when to come back; undefined where nothing is owed. */
async function post(
  poster: Poster,
  key: string,
  add: (key: string) => void,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (key.startsWith(REPOSITORY_KEY)) return postAggregate(poster, key.slice(REPOSITORY_KEY.length), signal);
  const { forge, applications, records, environment } = poster;
  if (forge.name === 'none') return undefined;
  const application = applications.get(key);
  const said = application && commitStatusOf(application);
  const repoURL = application?.spec.source?.repoURL;
  if (application && (!said || repoURL === undefined)) return RESYNC_MS;
  const asOperator = application
    ? mayUseOperatorsRepository(application)
    : isOperators(await records.get(key));
  if (!asOperator && repoURL !== undefined && forge.name !== 'notes' && !isOperatorsHost(poster, repoURL))
    return RESYNC_MS;
  const rights = asOperator ? {} : { asOperator };
  const statuses = said && repoURL !== undefined ? [{ ...pick(said), repoURL, ...rights }] : [];
  const context = `symphony/${environment}/${asOperator ? splitKey(key).name : key}`;
  const waitMs = await postStatuses(poster, { recordKey: key, context, statuses }, signal);
  if (repoURL !== undefined) add(`${REPOSITORY_KEY}${canonicalRepoUrl(repoURL)}`);
  // A due status of an application that is gone keeps its key until it is posted.
  return application || (await records.get(key)) ? waitMs : undefined;
}

async function postAggregate(
  poster: Poster,
  repository: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const sharing = operatorsOwn(poster)
    .filter(({ spec }) => canonicalRepoUrl(spec.source?.repoURL ?? '') === repository)
    .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  const hash = createHash('sha256').update(repository).digest('hex').slice(0, 16);
  const recordKey = `repository-${hash}`;
  // One application is its own aggregate, unless the forge still shows one.
  if (sharing.length < 2 && !(await poster.records.get(recordKey))) return undefined;
  const repoURL = sharing[0]?.spec.source?.repoURL ?? '';
  const named = sharing.flatMap((application) => {
    const status = commitStatusOf(application);
    return status ? [{ ...status, application: application.metadata.name }] : [];
  });
  const statuses = [...aggregateStatuses(named).values()].map((status) => ({ ...status, repoURL }));
  return postStatuses(poster, { recordKey, context: `symphony/${poster.environment}`, statuses }, signal);
}

const operatorsOwn = ({ applications }: Poster): Application[] =>
  applications.list().filter(mayUseOperatorsRepository);

const isOperatorsHost = (poster: Poster, repoURL: string): boolean =>
  operatorsOwn(poster).some(({ spec }) => hostOf(spec.source?.repoURL ?? '') === hostOf(repoURL));

const hostOf = (repoURL: string): string => canonicalRepoUrl(repoURL).split('/')[0] ?? '';

/**
 * Whether the change is news. The job that tells of it may be lost, or wait for the lock of one
 * whose worker was killed.
 */
function noteChange({ overtaken }: PostMemory, event: CacheEvent<Application>): boolean {
  const { type, key, object, previous } = event;
  const before = previous && commitStatusOf(previous);
  const now = type === 'DELETED' ? undefined : commitStatusOf(object);
  const repoURL = previous?.spec.source?.repoURL;
  if (before && before.sha !== now?.sha && before.state !== 'pending' && repoURL !== undefined) {
    const ends = [...(overtaken.get(key) ?? []), { ...pick(before), repoURL }];
    overtaken.set(key, ends.slice(-MAX_OVERTAKEN));
  }
  return type === 'DELETED' || !jsonEqual(before, now);
}

/** Deleted applications are in no cache; the statuses that they still owe are in the store. */
async function keysWithDue(records: Records): Promise<readonly string[]> {
  return (await records.list()).flatMap((record) => {
    if (record.metadata.namespace !== undefined)
      return record.due || record.statuses?.length ? [keyOf(record)] : [];
    const repository = repositoryOf(record);
    return repository === undefined ? [] : [`${REPOSITORY_KEY}${repository}`];
  });
}

/** The posted members of a status. A user who may write statuses may have written it. */
function pick({ sha, state, description }: CommitStatus): CommitStatus {
  return { sha, state, description: printable(description) };
}
