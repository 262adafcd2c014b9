/** Whether an image is used as it is, refused or pulled; kubelet's reasons and words. Pure. */
import { type BackoffPolicy, backoffDelayMs } from '../../base/backoff.ts';
import { goDuration } from '../../base/go-words.ts';
import type { ImageRecord } from '../runtime/types.ts';
import { parseImageReference } from './reference.ts';
import type { ImageEvent, ImageFailureReason, ImageResult, PullPolicy } from './types.ts';

/** Failed pulls of one image, with the same credentials. */
export interface PullFailure {
  readonly count: number;
  readonly atMs: number;
  readonly message: string;
}

/** An answer, and the event that tells it. */
export interface ImageAnswer {
  readonly result: ImageResult;
  readonly event: ImageEvent;
}

const PULL_BACKOFF: BackoffPolicy = { initialMs: 10_000, maxMs: 300_000, factor: 2 };
/** Failures are forgotten after this time without another one, as in client-go's flowcontrol. */
const FORGET_AFTER_MS = 2 * PULL_BACKOFF.maxMs;

/** kubernetes.io, "Images": `latest`, or no tag at all, is pulled each time. */
export function defaultPullPolicy(image: string): PullPolicy {
  const reference = parseImageReference(image);
  return reference && reference.digest === undefined && reference.tag === 'latest'
    ? 'Always'
    : 'IfNotPresent';
}

/** The answer without a pull; undefined if the image must be pulled. */
export function planImage(
  image: string,
  policy: PullPolicy,
  present: ImageRecord | undefined,
): ImageAnswer | undefined {
  if (present && policy !== 'Always') {
    const message = `Container image "${image}" already present on machine`;
    return { result: { ok: true, image: present }, event: { type: 'Normal', reason: 'Pulled', message } };
  }
  if (policy !== 'Never') return undefined;
  const message = `Container image "${image}" is not present with pull policy of Never`;
  return refused('ErrImageNeverPull', 'ErrImageNeverPull', message);
}

export function invalidName(image: string): ImageAnswer {
  const why = `couldn't parse image name "${image}": invalid reference format`;
  const message = `Failed to apply default image tag "${image}": ${why}`;
  return refused('InvalidImageName', 'InspectFailed', message);
}

export function inspectFailed(image: string, error: string): ImageAnswer {
  const message = `Failed to inspect image "${image}": ${error}`;
  return refused('ImageInspectError', 'InspectFailed', message, PULL_BACKOFF.initialMs);
}

/** The refusal of a pull that failed lately; undefined once it may be tried again. */
export function planBackoff(
  image: string,
  failure: PullFailure | undefined,
  nowMs: number,
): ImageAnswer | undefined {
  if (!failure) return undefined;
  const waitMs = failure.atMs + backoffDelayMs(PULL_BACKOFF, failure.count) - nowMs;
  if (waitMs <= 0) return undefined;
  const back = `Back-off pulling image "${image}"`;
  const { result } = refused(
    'ImagePullBackOff',
    'BackOff',
    `${back}: ErrImagePull: ${failure.message}`,
    waitMs,
  );
  return { result, event: { type: 'Normal', reason: 'BackOff', message: back } };
}

export function nextFailure(before: PullFailure | undefined, message: string, nowMs: number): PullFailure {
  const isOld = before !== undefined && nowMs - before.atMs > FORGET_AFTER_MS;
  return { count: (isOld ? 0 : (before?.count ?? 0)) + 1, atMs: nowMs, message };
}

export function pulled(image: string, record: ImageRecord, tookMs: number): ImageAnswer {
  const took = goDuration(tookMs);
  const message = `Successfully pulled image "${image}" in ${took} (${took} including waiting). Image size: ${record.sizeBytes} bytes.`;
  return { result: { ok: true, image: record }, event: { type: 'Normal', reason: 'Pulled', message } };
}

export function pullFailed(
  image: string,
  { message, count }: PullFailure,
  isUnavailable: boolean,
): ImageAnswer {
  const reason = isUnavailable ? 'RegistryUnavailable' : 'ErrImagePull';
  const { result } = refused(reason, 'Failed', message, backoffDelayMs(PULL_BACKOFF, count));
  const text = `Failed to pull image "${image}": ${message}`;
  return { result, event: { type: 'Warning', reason: 'Failed', message: text } };
}

function refused(
  reason: ImageFailureReason,
  eventReason: ImageEvent['reason'],
  message: string,
  retryAfterMs?: number,
): ImageAnswer {
  return {
    result: { ok: false, reason, message, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) },
    event: { type: 'Warning', reason: eventReason, message },
  };
}
