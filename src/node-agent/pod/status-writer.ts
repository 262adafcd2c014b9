/**
 * Reports pod statuses: the newest per pod, one report at a time per pod. The control plane keeps
 * the conditions of other writers. It stops for a pod that is gone or replaced.
 */
import { type Clock, sleep } from '../../base/clock.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import { errorMessage, levelOf, TransientError } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { keyOf } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Pod, PodStatus } from '../../schemas/types.ts';
import type { ReportQueue } from '../node/report-queue.ts';
import type { StatusWriter } from '../ports.ts';

interface Entry {
  pod: Pod;
  status: PodStatus;
  written: PodStatus | undefined;
  running: Promise<void> | undefined;
}

const RETRY = { initialMs: 200, maxMs: 4_000, factor: 2 };
/** A control plane that was restarted is to hear within a second what happened meanwhile. */
const RETRY_UNREACHABLE = { ...RETRY, maxMs: 1_000 };
/** A pod that starts passes through several states; those that last shorter are not written. */
const SETTLE_MS = 50;

export function createStatusWriter(options: {
  readonly reports: ReportQueue;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): StatusWriter {
  const { reports, clock, signal } = options;
  const entries = new Map<string, Entry>();

  function kick(uid: string, entry: Entry): Promise<void> {
    entry.running ??= drain(uid, entry).finally(() => {
      entry.running = undefined;
    });
    return entry.running;
  }

  async function drain(uid: string, entry: Entry): Promise<void> {
    let failures = 0;
    while (!signal.aborted && entries.get(uid) === entry && entry.written !== entry.status) {
      try {
        entry.written = await write(entry);
        failures = 0;
      } catch (error) {
        failures += 1;
        options.logger[levelOf(error, 'info')](
          { pod: keyOf(entry.pod), error: errorMessage(error), failures },
          'Cannot write the status of a pod',
        );
        const retry = error instanceof TransientError ? RETRY_UNREACHABLE : RETRY;
        await sleep(clock, backoffDelayMs(retry, failures), signal);
      }
    }
  }

  /** The status that was written: the newest when the report left. */
  async function write(entry: Entry): Promise<PodStatus> {
    let { status } = entry;
    const reported = (): Pod => {
      const { apiVersion, kind, metadata } = entry.pod;
      const { namespace, name, uid } = metadata;
      status = entry.status;
      return { apiVersion, kind, metadata: { namespace, name, uid }, status } as Pod;
    };
    await reports.send(reported, SETTLE_MS).catch((error: unknown) => {
      if (!isStatusError(error, 'NotFound')) throw error;
    });
    return status;
  }

  return {
    submit(pod, status) {
      const uid = pod.metadata.uid ?? '';
      const entry = entries.get(uid) ?? { pod, status, written: undefined, running: undefined };
      if (Number(pod.metadata.resourceVersion ?? 0) >= Number(entry.pod.metadata.resourceVersion ?? 0)) {
        entry.pod = pod;
      }
      entry.status = status;
      entries.set(uid, entry);
      void kick(uid, entry);
    },
    async flush(uid) {
      const entry = entries.get(uid);
      if (entry && entry.written !== entry.status) await kick(uid, entry);
    },
    resubmitAll() {
      for (const [uid, entry] of entries) {
        entry.written = undefined;
        void kick(uid, entry);
      }
    },
    forget(uid) {
      entries.delete(uid);
    },
  };
}
