/**
 * Reading without asking (ADR 11). Nobody but this process writes to the embedded Redis, so the
 * newest versions are those that this process was last told of. Elsewhere every read without a
 * version asks Redis.
 *
 * Redis is asked again for each resource once a second, which notices lost data as soon as
 * server/history does. It is also asked while a commit of this process is pending (others may see
 * the commit before its answer is here), and after a commit of unknown outcome. A change by another
 * writer, which nobody is meant to be, ends the trust in what is known for a minute.
 */
import { stopwatchMs } from '../../base/clock.ts';
import { andThen } from '../../base/eventually.ts';
import type { Logger } from '../../base/logger.ts';
import type { ResourceId } from '../../schemas/resource-kind.ts';
import {
  CommitRefused,
  type CommitResult,
  EpochChanged,
  FenceLost,
  type Store,
  type StoreOp,
  StoreUnavailable,
  type Versions,
} from '../types.ts';

/** The version of a resource is trusted this long after Redis was asked for it. */
export const TRUST_MS = 1_000;
/** Nothing is trusted for this long after a change of somebody else. */
export const DISTRUST_MS = 60_000;

interface Known {
  readonly version: number;
  readonly trustedUntilMs: number;
}

export interface SoleWriterOptions {
  readonly logger: Logger;
  /** Only goes forward. */
  readonly ticksMs?: () => number;
}

/** The store, with `versions` answered at once where the answer is known. */
export function asSoleWriter(store: Store, { logger, ticksMs = stopwatchMs }: SoleWriterOptions): Store {
  const known = new Map<ResourceId, Known>();
  let newest = 0;
  let pending = 0;
  /** Grows with everything that makes an answer on its way one of the past. */
  let era = 0;
  let distrustedUntilMs = 0;

  function forget(): void {
    known.clear();
    era += 1;
  }

  function learn(resource: ResourceId, answer: Versions, askedAtMs: number): void {
    const version = Number(answer.resource);
    const before = known.get(resource);
    // A later commit of this process hides the version of another writer, but not its resource.
    if ((before && version > before.version) || (known.size > 0 && Number(answer.store) > newest)) {
      logger.warn({ resource }, 'Another process writes to the embedded Redis; reads ask Redis for a while');
      forget();
      distrustedUntilMs = askedAtMs + DISTRUST_MS;
    }
    newest = Math.max(newest, Number(answer.store));
    if (askedAtMs < distrustedUntilMs) return;
    known.set(resource, { version, trustedUntilMs: askedAtMs + TRUST_MS });
  }

  function committed(ops: readonly StoreOp[], result: CommitResult): void {
    newest = Math.max(newest, Number(result.version));
    ops.forEach(({ type, resource }, index) => {
      const before = known.get(resource);
      if (type === 'check' || before === undefined) return;
      // The version of a deletion is not known where the last state cannot be read.
      const version = result.objects[index]?.metadata.resourceVersion;
      if (version === undefined) known.delete(resource);
      else known.set(resource, { ...before, version: Math.max(before.version, Number(version)) });
    });
  }

  return Object.assign(Object.create(store) as Store, {
    versions(resource: ResourceId) {
      const own = known.get(resource);
      if (own && pending === 0 && ticksMs() < own.trustedUntilMs)
        return { resource: String(own.version), store: String(newest) };
      const [askedAtMs, askedIn, alone] = [ticksMs(), era, pending === 0];
      return andThen(store.versions(resource), (answer) => {
        if (alone && askedIn === era) learn(resource, answer, askedAtMs);
        return answer;
      });
    },
    async commit(...[ops, options]: Parameters<Store['commit']>) {
      pending += 1;
      era += 1;
      try {
        const result = await store.commit(ops, options);
        committed(ops, result);
        return result;
      } catch (error) {
        if (!changedNothing(error)) forget();
        throw error;
      } finally {
        pending -= 1;
        era += 1;
      }
    },
    async setClusterState(...[next, expected]: Parameters<Store['setClusterState']>) {
      forget();
      const isSet = await store.setClusterState(next, expected);
      forget();
      return isSet;
    },
  });
}

const changedNothing = (error: unknown): boolean =>
  error instanceof CommitRefused ||
  error instanceof FenceLost ||
  error instanceof EpochChanged ||
  (error instanceof StoreUnavailable && !error.isUnanswered);
