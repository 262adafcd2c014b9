/**
 * Writes the Application itself: its status, its finalizers, and the requests that are taken off
 * it. Queues the jobs that follow from a status. Writes nothing when nothing changes.
 */
import { errorMessage } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import type { NotifyJob, Queues } from '../../queue/types.ts';
import { asRecords, omit } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Application } from '../../schemas/types.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import type { BoundWriter } from '../../resources/writing/write-plan.ts';
import type { CommitOptions } from '../../store/types.ts';
import {
  type ApplicationObservation,
  nextConditions,
  planApplicationStatus,
} from '../plan/plan-application-status.ts';
import { conditionOf } from '../plan/plan-conditions.ts';
import { type CommitStatus, commitStatusOf } from '../status/plan-commit-status.ts';
import type { RecordPlan } from '../types.ts';
import { asConflict } from './apply-changes.ts';

export interface ApplicationWriterOptions {
  readonly apps: ResourceCache<Application>;
  readonly writer: BoundWriter;
  readonly queues: Queues;
  readonly logger: Logger;
  readonly commitOptions: () => CommitOptions;
  readonly nowMs: () => number;
}

export type ApplicationWriter = ReturnType<typeof createApplicationWriter>;

export const REFRESH_ANNOTATION = 'argocd.argoproj.io/refresh';
const DELETION_ERROR = 'DeletionError';

/**
 * Each write is for the very Application that was reconciled: one that was made anew under its name
 * begins without the records of the old one. Resolves when the cache shows the write. A lost race
 * is a ConflictError: reconcile again.
 */
export function createApplicationWriter(options: ApplicationWriterOptions) {
  const { apps, logger, nowMs } = options;

  /** The Application as it is now; undefined where it is gone. */
  function currentOf(application: Application): Application | undefined {
    const current = apps.get(keyOf(application));
    return current?.metadata.uid === application.metadata.uid ? current : undefined;
  }

  /** Gone means that nothing is left to do. */
  async function update(object: Application, subresource?: 'status'): Promise<KubeObject | undefined> {
    const plan = { writes: [{ verb: 'update', object, subresource }] } as const;
    try {
      const [updated] = await options.writer.write(plan, options.commitOptions());
      return updated;
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw asConflict(error);
    }
  }

  async function writeStatus(
    application: Application,
    next: (current: Record<string, unknown>, application: Application) => Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<void> {
    const current = currentOf(application);
    if (!current) return;
    const status = next(current.status ?? {}, current);
    if (jsonEqual(status, current.status ?? {})) return;
    const version = (await update({ ...current, status }, 'status'))?.metadata.resourceVersion;
    if (version !== undefined) await apps.waitFor(version, signal);
  }

  /** The log is read first when a control plane starts. An error is logged once. */
  function tell(key: string, before: Application, { conditions }: ApplicationObservation): void {
    const known = asRecords(before.status?.['conditions']);
    for (const { type, message } of conditions) {
      if (!type.endsWith('Error')) continue;
      if (known.some((one) => one['type'] === type && one['message'] === message)) continue;
      // A condition is bounded already.
      const errors = message.split('\n');
      logger.error({ application: key, condition: type, errors }, 'An application is not as Git says');
    }
  }

  /** Asks for the commit status to be posted. */
  async function notify(application: string, sha: string): Promise<void> {
    try {
      await options.queues.queue<NotifyJob>('notify').add({ application, sha }, { key: application });
    } catch (error) {
      const fields = { application, error: errorMessage(error) };
      logger.error(fields, 'Cannot queue a commit status; the resync posts it');
    }
  }

  return {
    /** The status that an observation comes to. */
    async writeObservation(application: Application, observed: ApplicationObservation, signal: AbortSignal) {
      const before = currentOf(application);
      if (!before) return;
      const next = (_: unknown, current: Application) => planApplicationStatus(current, observed, nowMs());
      await writeStatus(application, next, signal);
      tell(keyOf(application), before, observed);
    },
    /** One record that decides what happens next. */
    record: (application: Application, { field, value }: RecordPlan, signal: AbortSignal): Promise<void> =>
      writeStatus(application, (current) => ({ ...current, [field]: value }), signal),
    /** Why the deletion of the Application cannot go on. */
    recordDeletionError(application: Application, errors: readonly string[], signal: AbortSignal) {
      const next = (current: Record<string, unknown>): Record<string, unknown> => {
        const others = asRecords(current['conditions']).filter(({ type }) => type !== DELETION_ERROR);
        const added = nextConditions(current['conditions'], conditionOf(DELETION_ERROR, errors), nowMs());
        return { ...current, conditions: [...others, ...added] };
      };
      return writeStatus(application, next, signal);
    },
    /** Tells the forge that work on a commit begins, unless it was told before. */
    async announce(application: Application, sha: string, signal: AbortSignal): Promise<void> {
      const current = currentOf(application);
      // After a restart the same commit is no news.
      if (!current || commitStatusOf(current)?.sha === sha) return;
      const pending: CommitStatus = { sha, state: 'pending', description: 'Applying the commit' };
      await writeStatus(application, (status) => ({ ...status, commitStatus: pending }), signal);
      await notify(keyOf(application), sha);
    },
    /** Takes the refresh annotation and the operation off, as they were in `application`. */
    async takeOff(application: Application): Promise<void> {
      const current = currentOf(application);
      if (!current) return;
      const annotations = omit(current.metadata.annotations ?? {}, REFRESH_ANNOTATION);
      const metadata = { ...current.metadata, annotations: annotations };
      // An operation that was asked for meanwhile stays for the next reconcile.
      const isTaken = jsonEqual(current.operation, application.operation);
      await update({ ...(isTaken ? omit(current, 'operation') : current), metadata });
    },
    async keepFinalizers(application: Application, finalizers: readonly string[]): Promise<void> {
      await update({ ...application, metadata: { ...application.metadata, finalizers: [...finalizers] } });
    },
    notify,
  };
}
