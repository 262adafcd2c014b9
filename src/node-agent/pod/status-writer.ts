/**
 * Writes pod statuses to the API: the newest per pod, one write at a time per pod. After a conflict
 * it reads the pod again, and keeps the conditions of other writers. It stops for a pod that is
 * gone or replaced.
 */
import { type Clock, sleep } from '../../base/clock.ts';
import { backoffDelayMs } from '../../base/backoff.ts';
import { errorMessage, levelOf, TransientError } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import type { Logger } from '../../base/logger.ts';
import { type ApiClient, resources } from '../../client/types.ts';
import { keyOf } from '../../schemas/object.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Pod, PodStatus } from '../../schemas/types.ts';
import type { StatusWriter } from '../ports.ts';
import { OWN_CONDITIONS } from './plan-pod-status.ts';

interface Entry {
  pod: Pod;
  status: PodStatus;
  written: PodStatus | undefined;
  running: Promise<void> | undefined;
}

const RETRY = { initialMs: 200, maxMs: 4_000, factor: 2 };
/** A control plane that was restarted is to hear within a second what happened meanwhile. */
const RETRY_UNREACHABLE = { ...RETRY, maxMs: 1_000 };
/** A write that conflicts this often in a row is left to the next change. */
const MAX_CONFLICTS = 10;

export function createStatusWriter(options: {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): StatusWriter {
  const { client, clock, signal } = options;
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
      const target = entry.status;
      try {
        await write(entry, target).catch((error: unknown) => {
          if (!isStatusError(error, 'NotFound')) throw error;
        });
        entry.written = target;
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

  async function write(entry: Entry, status: PodStatus): Promise<void> {
    const { namespace, name, uid } = entry.pod.metadata;
    let current = entry.pod;
    for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts += 1) {
      if (current.metadata.uid !== uid) return;
      const merged = mergeStatus(status, current.status);
      if (jsonEqual(merged, current.status)) return;
      try {
        const answer = await client.update(resources.pods, { ...current, status: merged }, 'status');
        if (entry.pod.metadata.uid === answer.metadata.uid) entry.pod = answer;
        return;
      } catch (error) {
        if (!isStatusError(error, 'Conflict')) throw error;
      }
      current = await client.get<Pod>(resources.pods, namespace, name);
    }
    throw new Error('the pod keeps changing');
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

function mergeStatus(ours: PodStatus, theirs: PodStatus | undefined): PodStatus {
  const foreign = (theirs?.conditions ?? []).filter(({ type }) => !OWN_CONDITIONS.has(type));
  const isForeign = (type: string): boolean => foreign.some((condition) => condition.type === type);
  const own = (ours.conditions ?? []).filter(({ type }) => !isForeign(type));
  return { ...ours, conditions: [...own, ...foreign] };
}
