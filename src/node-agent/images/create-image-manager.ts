/**
 * Makes sure that a container's image is there, by the pull policy and in the kubelet's words. Identical pulls at the same
 * time are one pull; a failing image backs off from 10 s to 300 s, for the same credentials only, so that a pod with the
 * right secret never waits for one without. Every answer is data; nothing throws but a bug.
 */
import { createHash } from 'node:crypto';
import { createAbort } from '../../base/abort.ts';
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import type { Clock } from '../../base/clock.ts';
import { goDuration } from '../../base/go-words.ts';
import type { Logger } from '../../base/logger.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import { failureWords } from '../pod/failure-words.ts';
import {
  type ContainerRuntime,
  type ImageRecord,
  type PullProgress,
  type RegistryAuth,
  RuntimeError,
} from '../runtime/types.ts';
import type { RegistryCredentials } from './plan-registry-auth.ts';
import { planRegistryAuths } from './plan-registry-auth.ts';
import { familiarImageReference, parseImageReference } from './reference.ts';

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export type ImageFailureReason =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'RegistryUnavailable';

/** What the pod's user is told, as events with the container as the subject. */
export interface ImageEvent {
  readonly type: 'Normal' | 'Warning';
  readonly reason:
    | 'Pulling'
    | 'Pulled'
    | 'Failed'
    | 'BackOff'
    | 'ErrImageNeverPull'
    | 'InspectFailed'
    | 'FailedToRetrieveImagePullSecret';
  readonly message: string;
}

export type ImageResult =
  | { readonly ok: true; readonly image: ImageRecord }
  | {
      readonly ok: false;
      readonly reason: ImageFailureReason;
      readonly message: string;
      /** When a next try can have another answer; absent when only a change of the pod can. */
      readonly retryAfterMs?: number;
    };

export interface EnsureImageRequest {
  readonly image: string;
  /** As defaulted by the API server; absent means the default for the tag. */
  readonly policy?: PullPolicy | undefined;
  /** Parsed imagePullSecrets (see plan-registry-auth.ts), in order. */
  readonly credentials: readonly RegistryCredentials[];
  readonly onEvent: (event: ImageEvent) => void;
  readonly onProgress?: (progress: PullProgress) => void;
}

export interface ImageManager extends AsyncDisposable {
  ensure(request: EnsureImageRequest): Promise<ImageResult>;
}

export interface ImageManagerOptions {
  readonly runtime: Pick<ContainerRuntime, 'findImage' | 'pullImage'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const PULL_BACKOFF: BackoffPolicy = { initialMs: 10_000, maxMs: 300_000, factor: 2 };
/** A record of failures is forgotten when so much time passed without one, as in client-go's flowcontrol. */
const FORGET_AFTER_MS = 2 * PULL_BACKOFF.maxMs;
/** Failing images remembered; beyond it the oldest goes, and is simply tried again. */
const REMEMBERED_LIMIT = 1_000;

interface Failure {
  readonly count: number;
  readonly atMs: number;
  readonly message: string;
}

interface Pull {
  readonly done: Promise<ImageRecord>;
  readonly listeners: Set<(progress: PullProgress) => void>;
}

/** kubernetes.io, "Images": `latest`, or no tag at all, is pulled each time. */
export function defaultPullPolicy(image: string): PullPolicy {
  const reference = parseImageReference(image);
  return reference && reference.digest === undefined && reference.tag === 'latest'
    ? 'Always'
    : 'IfNotPresent';
}

export function createImageManager({ runtime, clock, logger }: ImageManagerOptions): ImageManager {
  const pulls = new Map<string, Pull>();
  const failures = new Map<string, Failure>();
  const looks = createSharedReads();
  const stop = createAbort();

  function keyOf(name: string, auths: readonly RegistryAuth[]): string {
    return `${name} ${createHash('sha256').update(JSON.stringify(auths)).digest('hex')}`;
  }

  function remember(key: string, message: string): void {
    const count = (failures.get(key)?.count ?? 0) + 1;
    failures.delete(key);
    if (failures.size >= REMEMBERED_LIMIT) {
      const oldest = failures.keys().next();
      if (!oldest.done) failures.delete(oldest.value);
    }
    failures.set(key, { count, atMs: clock.now(), message });
  }

  /** Credentials are tried in order; the anonymous way only where none fit. */
  async function pullWithAny(
    name: string,
    auths: readonly RegistryAuth[],
    onProgress: (progress: PullProgress) => void,
  ): Promise<ImageRecord> {
    let failure: unknown;
    for (const auth of auths.length > 0 ? auths : [undefined]) {
      try {
        return await runtime.pullImage(name, auth, onProgress, stop.signal);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  function pull(key: string, name: string, auths: readonly RegistryAuth[]): Pull {
    const running = pulls.get(key);
    if (running) return running;
    const listeners = new Set<(progress: PullProgress) => void>();
    const onProgress = (progress: PullProgress): void => {
      for (const listener of listeners) listener(progress);
    };
    const done = pullWithAny(name, auths, onProgress).finally(() => pulls.delete(key));
    const started = { done, listeners };
    pulls.set(key, started);
    return started;
  }

  async function ensure(request: EnsureImageRequest): Promise<ImageResult> {
    const { image, onEvent } = request;
    const reference = parseImageReference(image);
    if (!reference) {
      const message = `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`;
      onEvent({ type: 'Warning', reason: 'InspectFailed', message });
      return { ok: false, reason: 'InvalidImageName', message };
    }
    const name = familiarImageReference(reference);
    const policy = request.policy ?? defaultPullPolicy(image);
    let present: ImageRecord | undefined;
    try {
      present = await looks.read(name, () => runtime.findImage(name));
    } catch (error) {
      const message = `Failed to inspect image "${image}": ${failureWords(error)}`;
      onEvent({ type: 'Warning', reason: 'InspectFailed', message });
      return { ok: false, reason: 'ImageInspectError', message, retryAfterMs: PULL_BACKOFF.initialMs };
    }
    if (present && policy !== 'Always') {
      const message = `Container image "${image}" already present on machine`;
      onEvent({ type: 'Normal', reason: 'Pulled', message });
      return { ok: true, image: present };
    }
    if (policy === 'Never') {
      const message = `Container image "${image}" is not present with pull policy of Never`;
      onEvent({ type: 'Warning', reason: 'ErrImageNeverPull', message });
      return { ok: false, reason: 'ErrImageNeverPull', message };
    }
    const auths = planRegistryAuths(reference, request.credentials);
    const key = keyOf(name, auths);
    return backingOff(key, image, onEvent) ?? (await pullNow(key, name, auths, request));
  }

  function backingOff(
    key: string,
    image: string,
    onEvent: (event: ImageEvent) => void,
  ): ImageResult | undefined {
    const failure = failures.get(key);
    if (!failure || pulls.has(key)) return undefined;
    const sinceMs = clock.now() - failure.atMs;
    if (sinceMs > FORGET_AFTER_MS) {
      failures.delete(key);
      return undefined;
    }
    const waitMs = backoffDelayMs(PULL_BACKOFF, failure.count) - sinceMs;
    if (waitMs <= 0) return undefined;
    const message = `Back-off pulling image "${image}"`;
    onEvent({ type: 'Normal', reason: 'BackOff', message });
    return {
      ok: false,
      reason: 'ImagePullBackOff',
      message: `${message}: ErrImagePull: ${failure.message}`,
      retryAfterMs: waitMs,
    };
  }

  async function pullNow(
    key: string,
    name: string,
    auths: readonly RegistryAuth[],
    { image, onEvent, onProgress }: EnsureImageRequest,
  ): Promise<ImageResult> {
    onEvent({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"` });
    const startedMs = clock.now();
    const first = !pulls.has(key);
    const running = pull(key, name, auths);
    if (onProgress) running.listeners.add(onProgress);
    try {
      const pulled = await running.done;
      failures.delete(key);
      const took = goDuration(clock.now() - startedMs);
      const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${pulled.sizeBytes} bytes.`;
      onEvent({ type: 'Normal', reason: 'Pulled', message });
      return { ok: true, image: pulled };
    } catch (error) {
      const message = failureWords(error);
      // One failed pull is one failure, however many pods were waiting for it.
      if (first) remember(key, message);
      logger.info({ image, error: message }, 'image pull failed');
      onEvent({ type: 'Warning', reason: 'Failed', message: `Failed to pull image "${image}": ${message}` });
      const unavailable = error instanceof RuntimeError && error.code === 'unavailable';
      return {
        ok: false,
        reason: unavailable ? 'RegistryUnavailable' : 'ErrImagePull',
        message,
        retryAfterMs: backoffDelayMs(PULL_BACKOFF, failures.get(key)?.count ?? 1),
      };
    } finally {
      if (onProgress) running.listeners.delete(onProgress);
    }
  }

  return {
    async ensure(request) {
      const result = await ensure(request);
      // The container's waiting reason follows the cause, as kubelet has it.
      if (!result.ok)
        request.onEvent({ type: 'Warning', reason: 'Failed', message: `Error: ${result.reason}` });
      return result;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.allSettled([...pulls.values()].map(({ done }) => done));
    },
  };
}
