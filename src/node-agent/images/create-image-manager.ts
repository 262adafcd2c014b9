/**
 * Ensures that a container's image is there, by the pull policy. Identical pulls at the same time
 * are one pull. A failing image backs off for the same credentials only, so that a pod with the
 * right secret never waits for one without. Every answer is data; only a bug throws.
 */
import { createHash } from 'node:crypto';
import { createAbort } from '../../base/abort.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { setRecent } from '../../base/bounded-map.ts';
import { createSharedReads } from '../../base/shared-reads.ts';
import { failureWords } from '../pod/failure-words.ts';
import {
  type ContainerRuntime,
  type ImageRecord,
  type RegistryAuth,
  RuntimeError,
} from '../runtime/types.ts';
import {
  defaultPullPolicy,
  type ImageAnswer,
  inspectFailed,
  invalidName,
  nextFailure,
  planBackoff,
  planImage,
  type PullFailure,
  pulled,
  pullFailed,
} from './plan-image.ts';
import { planRegistryAuths, type RegistryCredentials } from './plan-registry-auth.ts';
import { familiarImageReference, parseImageReference } from './reference.ts';
import type { ImageEvent, ImageResult, PullPolicy } from './types.ts';

export interface EnsureImageRequest {
  readonly image: string;
  /** As defaulted by the API server; absent means the default for the tag. */
  readonly policy?: PullPolicy | undefined;
  /** The pod's parsed imagePullSecrets, in order. */
  readonly credentials: readonly RegistryCredentials[];
  readonly onEvent: (event: ImageEvent) => void;
}

export interface ImageManager extends AsyncDisposable {
  ensure(request: EnsureImageRequest): Promise<ImageResult>;
}

export interface ImageManagerOptions {
  readonly runtime: Pick<ContainerRuntime, 'findImage' | 'pullImage'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Failing images remembered. Beyond it the oldest is forgotten, and simply tried again. */
const REMEMBERED_LIMIT = 1_000;

export function createImageManager({ runtime, clock, logger }: ImageManagerOptions): ImageManager {
  const pulls = new Map<string, Promise<ImageRecord>>();
  const failures = new Map<string, PullFailure>();
  const shared = createSharedReads();
  const stop = createAbort();

  /** Credentials are tried in order; the anonymous way only if none fit. */
  async function pull(name: string, auths: readonly RegistryAuth[]): Promise<ImageRecord> {
    let failure: unknown;
    for (const auth of auths.length > 0 ? auths : [undefined]) {
      try {
        return await runtime.pullImage(name, auth, stop.signal);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  }

  /** A pull that fails is one failure, however many pods wait for it. */
  async function pullOnce(key: string, name: string, auths: readonly RegistryAuth[]): Promise<ImageRecord> {
    try {
      const record = await pull(name, auths);
      failures.delete(key);
      return record;
    } catch (error) {
      const failure = nextFailure(failures.get(key), failureWords(error), clock.now());
      setRecent(failures, key, failure, REMEMBERED_LIMIT);
      throw error;
    } finally {
      pulls.delete(key);
    }
  }

  async function pullShared(
    { image, onEvent }: EnsureImageRequest,
    name: string,
    auths: readonly RegistryAuth[],
  ): Promise<ImageAnswer> {
    const key = `${name} ${createHash('sha256').update(JSON.stringify(auths)).digest('hex')}`;
    const running = pulls.get(key);
    const refused = running ? undefined : planBackoff(image, failures.get(key), clock.now());
    if (refused) return refused;
    onEvent({ type: 'Normal', reason: 'Pulling', message: `Pulling image "${image}"` });
    const startedMs = clock.now();
    const pulling = running ?? pullOnce(key, name, auths);
    pulls.set(key, pulling);
    try {
      return pulled(image, await pulling, clock.now() - startedMs);
    } catch (error) {
      const message = failureWords(error);
      logger.info({ image, error: message }, 'image pull failed');
      const isUnavailable = error instanceof RuntimeError && error.code === 'unavailable';
      const failure = failures.get(key) ?? nextFailure(undefined, message, clock.now());
      return pullFailed(image, failure, isUnavailable);
    }
  }

  async function answer(request: EnsureImageRequest): Promise<ImageAnswer> {
    const { image, policy = defaultPullPolicy(image) } = request;
    const reference = parseImageReference(image);
    if (!reference) return invalidName(image);
    const name = familiarImageReference(reference);
    let present: ImageRecord | undefined;
    try {
      present = await shared.read(name, () => runtime.findImage(name));
    } catch (error) {
      return inspectFailed(image, failureWords(error));
    }
    const auths = planRegistryAuths(reference, request.credentials);
    return planImage(image, policy, present) ?? pullShared(request, name, auths);
  }

  return {
    async ensure(request) {
      const { result, event } = await answer(request);
      request.onEvent(event);
      // The container's waiting reason follows the cause, as kubelet has it.
      if (!result.ok)
        request.onEvent({ type: 'Warning', reason: 'Failed', message: `Error: ${result.reason}` });
      return result;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.allSettled(pulls.values());
    },
  };
}
