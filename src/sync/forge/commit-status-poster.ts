/**
 * The worker of the queue `notify`: brings what the forge shows for an application to what its status says.
 *
 * Contexts: `symphony/<environment>/<application>`, and where several applications share a repository, beside it
 * `symphony/<environment>` with the worst of them for each commit. An Application that a user made in a namespace speaks
 * as `symphony/<environment>/<namespace>/<application>`, at the hosts of the operator's own repositories only, and not
 * for the whole: the token is the operator's. What was posted last and what is still due is kept in the store, so an equal
 * status is never posted twice and none is forgotten, restarts included; posts of one application go out one after
 * another. A commit that another one overtakes while it is pending ends as `error`, "Superseded by …". A job only says
 * "look": the newest status is posted, not the one of the job.
 */
import { createHash } from 'node:crypto';
import { printable } from '../../base/printable.ts';
import type { Clock } from '../../base/clock.ts';
import { ConflictError, errorMessage } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { createWorkQueue } from '../../base/work-queue.ts';
import type { NotifyJob, Queues } from '../../queue/types.ts';
import { mayUseOperatorsRepository } from '../../schemas/applications/application-author.ts';
import { type KubeObject, keyOf, splitKey } from '../../schemas/object.ts';
import type { Application } from '../../schemas/types.ts';
import type { CacheSet } from '../../store/cache/cache.ts';
import { keepRecord } from '../../store/records.ts';
import type { Store } from '../../store/types.ts';
import { commitStatusOf } from '../commit-status.ts';
import { canonicalRepoUrl } from '../git/git-url.ts';
import { aggregateStatuses } from '../status/aggregate-status.ts';
import type { CommitStatus } from '../status/plan-commit-status.ts';
import {
  type RepositoryStatus,
  type StatusLedger,
  isSameStatus,
  planDueStatuses,
  recordPosted,
  rewordWaitMs,
} from '../status/plan-due-statuses.ts';
import { createHostWaits } from './host-waits.ts';
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

/** What the forge was told last, and what it is still to be told: of an application, or of a repository's aggregate. */
interface PostedRecord extends KubeObject {
  /** Of statuses that name none (written by earlier versions). */
  readonly repoURL?: string;
  readonly statuses: readonly (CommitStatus & { readonly repoURL?: string })[];
  readonly due?: readonly RepositoryStatus[];
}

const APPLICATIONS = 'applications.argoproj.io';
const POSTED = 'commitstatuses.symphony.dev';
/** Keys of the work queue that are about a repository, not an application. */
const REPOSITORY_KEY = 'repository ';
/** Nearly all of them wait for their host's turn. */
const CONCURRENCY = 32;
/** Lost jobs are made up for this often. */
const RESYNC_MS = 60_000;
/** For what fails on our side: the store, a lost race. */
const BACKOFF = { initialMs: 1_000, maxMs: 300_000, factor: 2 };

/** Commits whose posts are counted; beyond it, those that were posted longest ago count anew. */
const MAX_COUNTED = 10_000;

/** A status that the forge refused for itself. */
interface Refused {
  readonly status: RepositoryStatus;
  readonly failures: number;
  readonly retryAtMs: number;
}

export async function createCommitStatusPoster(options: CommitStatusPosterOptions): Promise<AsyncDisposable> {
  const { store, forge, clock } = options;
  const logger = options.logger.child({ component: 'commit-status', forge: forge.name });
  const applications = await options.caches.open<Application>(APPLICATIONS);
  const hosts = createHostWaits(store, POSTED, clock);
  /** By record: it is replaced by each pass, and goes with the last refusal. */
  const refused = new Map<string, readonly Refused[]>();
  /** By context and commit. */
  const posts = new Map<string, { readonly count: number; readonly atMs: number }>();
  /** Ends of commits that were overtaken before they were seen here, by application. */
  const overtaken = new Map<string, RepositoryStatus[]>();

  function notePost(key: string, count: number): void {
    posts.delete(key);
    posts.set(key, { count, atMs: clock.now() });
    const [oldest] = posts.keys();
    if (posts.size > MAX_COUNTED && oldest !== undefined) posts.delete(oldest);
  }

  /** Posts what is due under one context, and keeps the rest. Gives when to come back. */
  async function bring(
    recordKey: string,
    context: string,
    wanted: readonly RepositoryStatus[],
    signal: AbortSignal,
  ): Promise<number> {
    const record = (await store.get(POSTED, recordKey)) as PostedRecord | undefined;
    const before = ledgerOf(record);
    const ends = overtaken.get(recordKey) ?? [];
    overtaken.delete(recordKey);
    let ledger = planDueStatuses({ ...before, due: [...before.due.filter(isNotIn(ends)), ...ends] }, wanted);
    let waitMs = RESYNC_MS;
    const stillRefused: Refused[] = [];
    try {
      for (const status of ledger.due) {
        const earlier = refused.get(recordKey)?.find((one) => isSameStatus(one.status, status));
        const isReworded = ledger.posted.find(isSameCommit(status))?.state === status.state;
        const { count, atMs } = posts.get(`${context} ${status.sha}`) ?? { count: 0, atMs: 0 };
        const rewordAtMs = isReworded ? atMs + rewordWaitMs(count) : 0;
        const restMs = Math.max(earlier?.retryAtMs ?? 0, rewordAtMs) - clock.now();
        if (restMs > 0) {
          if (earlier) stillRefused.push(earlier);
          waitMs = Math.min(waitMs, restMs);
          continue;
        }
        const host = forge.hostOf?.(status.repoURL) ?? forge.name;
        const targetUrl = options.targetUrl?.(recordKey);
        const answer = await hosts.ask(host, earlier?.failures ?? 0, signal, () =>
          forge.post({ ...status, asOperator: status.asOperator !== false, context, targetUrl }, signal),
        );
        if (answer.type === 'done') {
          logger.info(
            { application: recordKey, commit: status.sha, state: status.state },
            'Posted a commit status',
          );
          ledger = recordPosted(ledger, status, wanted.some(isSameCommit(status)));
          notePost(`${context} ${status.sha}`, count + 1);
          continue;
        }
        if (answer.type === 'failed') {
          logger.warn(
            {
              application: recordKey,
              commit: status.sha,
              retryInMs: answer.waitMs,
              error: errorMessage(answer.error),
            },
            'Cannot post a commit status; trying again',
          );
        }
        waitMs = Math.min(waitMs, answer.waitMs);
        if (answer.type === 'failed' && answer.scope === 'status') {
          const failures = (earlier?.failures ?? 0) + 1;
          stillRefused.push({ status, failures, retryAtMs: clock.now() + answer.waitMs });
        }
      }
    } finally {
      if (stillRefused.length > 0) refused.set(recordKey, stillRefused);
      else refused.delete(recordKey);
      if (!jsonEqual(before, ledger)) await remember(recordKey, ledger, record);
    }
    return waitMs;
  }

  async function post(key: string, signal: AbortSignal): Promise<number | undefined> {
    if (forge.name === 'none') return undefined;
    const application = applications.get(key);
    const said = application && commitStatusOf(application);
    const repoURL = application?.spec.source?.repoURL;
    if (application && (!said || repoURL === undefined)) return RESYNC_MS;
    const asOperator = application
      ? mayUseOperatorsRepository(application)
      : isOperators((await store.get(POSTED, key)) as PostedRecord | undefined);
    if (!asOperator && repoURL !== undefined && forge.name !== 'notes' && !isOperatorsHost(repoURL))
      return RESYNC_MS;
    const voice = asOperator ? {} : { asOperator };
    const wanted = said && repoURL !== undefined ? [{ ...pick(said), repoURL, ...voice }] : [];
    const context = `symphony/${options.environment}/${asOperator ? splitKey(key).name : key}`;
    const waitMs = await bring(key, context, wanted, signal);
    if (repoURL !== undefined) work.add(`${REPOSITORY_KEY}${canonicalRepoUrl(repoURL)}`);
    // Nothing is wanted of an application that is gone; what was due keeps its key until it is posted.
    return application || (await store.get(POSTED, key)) ? waitMs : undefined;
  }

  const own = (): readonly Application[] => applications.list().filter(mayUseOperatorsRepository);

  const isOperatorsHost = (repoURL: string): boolean =>
    own().some(({ spec }) => hostOf(spec.source?.repoURL ?? '') === hostOf(repoURL));

  async function postAggregate(key: string, signal: AbortSignal): Promise<number | undefined> {
    const repository = key.slice(REPOSITORY_KEY.length);
    const sharing = own()
      .filter(({ spec }) => canonicalRepoUrl(spec.source?.repoURL ?? '') === repository)
      .sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
    const hash = createHash('sha256').update(repository).digest('hex').slice(0, 16);
    const recordKey = `repository-${hash}`;
    // One application is its own aggregate, unless the forge still shows one.
    if (sharing.length < 2 && !(await store.get(POSTED, recordKey))) return undefined;
    const repoURL = sharing[0]?.spec.source?.repoURL ?? '';
    const statuses = sharing.flatMap((application) => {
      const status = commitStatusOf(application);
      return status ? [{ ...status, application: application.metadata.name }] : [];
    });
    const wanted = [...aggregateStatuses(statuses).values()].map((status) => ({ ...status, repoURL }));
    return bring(recordKey, `symphony/${options.environment}`, wanted, signal);
  }

  async function remember(
    key: string,
    { posted, due }: StatusLedger,
    before: PostedRecord | undefined,
  ): Promise<void> {
    const { namespace, name } = splitKey(key);
    const object: PostedRecord = {
      apiVersion: 'symphony.dev/v1',
      kind: 'CommitStatus',
      metadata: { name, ...(namespace === undefined ? {} : { namespace }) },
      statuses: posted,
      ...(due.length === 0 ? {} : { due }),
    };
    const isOver = before !== undefined && posted.length + due.length === 0;
    if (!(await keepRecord(store, { resource: POSTED, key }, before, isOver ? undefined : object)))
      throw new ConflictError(`The record of commit statuses "${key}" has changed`);
  }

  const work = createWorkQueue({
    clock,
    concurrency: CONCURRENCY,
    backoff: BACKOFF,
    async process(key, signal) {
      const requeueAfterMs = key.startsWith(REPOSITORY_KEY)
        ? await postAggregate(key, signal)
        : await post(key, signal);
      return requeueAfterMs === undefined ? undefined : { requeueAfterMs };
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
  for (const key of await keysWithDue(store)) work.add(key);
  const changes = applications.subscribe(({ type, key, object, previous }) => {
    const [before, now] = [previous, type === 'DELETED' ? undefined : object].map(
      (application) => application && commitStatusOf(application),
    );
    const repoURL = previous?.spec.source?.repoURL;
    if (before && before.sha !== now?.sha && before.state !== 'pending' && repoURL !== undefined) {
      const ends = [...(overtaken.get(key) ?? []), { ...pick(before), repoURL }];
      overtaken.set(key, ends.slice(-MAX_OVERTAKEN));
      work.add(key);
    }
    // The job that tells of it may be lost, or wait for the lock of one whose worker was killed.
    if (type === 'DELETED' || !jsonEqual(before, now)) work.add(key);
  });

  return {
    async [Symbol.asyncDispose]() {
      changes[Symbol.dispose]();
      await worker[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
    },
  };
}

/** Commits of one application that end between two looks, which follow within milliseconds. */
const MAX_OVERTAKEN = 10;

/** Applications that are gone are in no cache; what they still owe is in the store. */
async function keysWithDue(store: Store): Promise<readonly string[]> {
  const { objects } = await store.list(POSTED);
  return objects.flatMap((item) => {
    const { due, repoURL, statuses } = item as PostedRecord;
    if (item.metadata.namespace !== undefined) return due || statuses?.length ? [keyOf(item)] : [];
    const known = due?.[0]?.repoURL ?? statuses?.[0]?.repoURL ?? repoURL;
    return known === undefined ? [] : [`${REPOSITORY_KEY}${canonicalRepoUrl(known)}`];
  });
}

function ledgerOf(record: PostedRecord | undefined): StatusLedger {
  const fallback = record?.repoURL ?? '';
  return {
    posted: (record?.statuses ?? []).map((status) => ({ ...status, repoURL: status.repoURL ?? fallback })),
    due: record?.due ?? [],
  };
}

const isSameCommit =
  (a: RepositoryStatus) =>
  (b: RepositoryStatus): boolean =>
    a.sha === b.sha && a.repoURL === b.repoURL;

const isNotIn =
  (list: readonly RepositoryStatus[]) =>
  (status: RepositoryStatus): boolean =>
    !list.some(isSameCommit(status));

const hostOf = (repoURL: string): string => canonicalRepoUrl(repoURL).split('/')[0] ?? '';

/** Whether an application that is gone was the operator's. */
const isOperators = (record: PostedRecord | undefined): boolean =>
  [...(record?.due ?? []), ...ledgerOf(record).posted].every(({ asOperator }) => asOperator !== false);

/** The members of a status that the forge is told. A user who may write statuses may have written it. */
function pick({ sha, state, description }: CommitStatus): CommitStatus {
  return { sha, state, description: printable(description) };
}
