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
import { commitStatusOf } from '../plan/commit-status.ts';
import { type ApplicationObservation, planApplicationStatus } from '../plan/plan-application-status.ts';
import type { CommitStatus } from '../status/plan-commit-status.ts';
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

/** Resolves when the cache shows the write. A lost race is a ConflictError: reconcile again. */
export interface ApplicationWriter {
  /** The status that an observation comes to. */
  writeObservation(key: string, observed: ApplicationObservation, signal: AbortSignal): Promise<void>;
  writeStatus(
    key: string,
    next: (current: Record<string, unknown>) => Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<void>;
  /** One record that decides what happens next. */
  record(key: string, record: Pick<RecordPlan, 'field' | 'value'>, signal: AbortSignal): Promise<void>;
  /** Tells the forge that work on a commit begins, unless it was told before. */
  announce(key: string, sha: string, signal: AbortSignal): Promise<void>;
  /** Takes the refresh annotation and the operation off, as they were in `application`. */
  takeOff(application: Application): Promise<void>;
  keepFinalizers(application: Application, finalizers: readonly string[]): Promise<void>;
  /** Asks for the commit status to be posted. */
  notify(application: string, sha: string): Promise<void>;
}

export const REFRESH_ANNOTATION = 'argocd.argoproj.io/refresh';

export function createApplicationWriter(options: ApplicationWriterOptions): ApplicationWriter {
  const { apps, logger, commitOptions } = options;

  async function update(object: Application, subresource?: 'status'): Promise<KubeObject | undefined> {
    const plan = { writes: [{ verb: 'update', object, subresource }] } as const;
    const [updated] = await options.writer.write(plan, commitOptions());
    return updated;
  }

  async function writeStatus(...[key, next, signal]: Parameters<ApplicationWriter['writeStatus']>) {
    const application = apps.get(key);
    if (!application) return;
    const status = next(application.status ?? {});
    if (jsonEqual(status, application.status ?? {})) return;
    const written = await write(() => update({ ...application, status }, 'status'));
    const version = written?.metadata.resourceVersion;
    if (version !== undefined) await apps.waitFor(version, signal);
  }

  /** Gone means that nothing is left to do. */
  async function write<T>(action: () => Promise<T>): Promise<T | undefined> {
    try {
      return await action();
    } catch (error) {
      if (isStatusError(error, 'NotFound')) return undefined;
      throw asConflict(error);
    }
  }

  /** The log is read first when a control plane starts. An error is logged once. */
  function tell(key: string, application: Application, { conditions }: ApplicationObservation): void {
    const before = asRecords(application.status?.['conditions']);
    for (const { type, message } of conditions) {
      if (!type.endsWith('Error')) continue;
      if (before.some((known) => known['type'] === type && known['message'] === message)) continue;
      // A condition is bounded already.
      const errors = message.split('\n');
      logger.error({ application: key, condition: type, errors }, 'An application is not as Git says');
    }
  }

  async function notify(application: string, sha: string): Promise<void> {
    try {
      await options.queues.queue<NotifyJob>('notify').add({ application, sha }, { key: application });
    } catch (error) {
      logger.error(
        { application, error: errorMessage(error) },
        'Cannot queue a commit status; the resync posts it',
      );
    }
  }

  return {
    writeStatus,
    async writeObservation(key, observed, signal) {
      const application = apps.get(key);
      if (!application) return;
      await writeStatus(key, () => planApplicationStatus(application, observed, options.nowMs()), signal);
      tell(key, application, observed);
    },
    record: (key, { field, value }, signal) =>
      writeStatus(key, (current) => ({ ...current, [field]: value }), signal),
    async announce(key, sha, signal) {
      const current = apps.get(key);
      // After a restart the same commit is no news.
      if (!current || commitStatusOf(current)?.sha === sha) return;
      const pending: CommitStatus = { sha, state: 'pending', description: 'Applying the commit' };
      await writeStatus(key, (status) => ({ ...status, commitStatus: pending }), signal);
      await notify(key, sha);
    },
    async takeOff(application) {
      const { operation } = application;
      const current = apps.get(keyOf(application)) ?? application;
      const annotations = omit(current.metadata.annotations ?? {}, REFRESH_ANNOTATION);
      const metadata = { ...current.metadata, annotations: annotations as Record<string, string> };
      // An operation that was asked for meanwhile stays for the next reconcile.
      const rest = jsonEqual(current.operation, operation) ? omit(current, 'operation') : current;
      await write(() => update({ ...rest, metadata } as Application));
    },
    async keepFinalizers(application, finalizers) {
      const metadata = { ...application.metadata, finalizers: [...finalizers] };
      await write(() => update({ ...application, metadata }));
    },
    notify,
  };
}
