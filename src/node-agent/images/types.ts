/** The result of ensuring an image, and the events on the way. */
import type { ImageRecord } from '../runtime/types.ts';

export type PullPolicy = 'Always' | 'IfNotPresent' | 'Never';

export type ImageFailureReason =
  | 'ErrImagePull'
  | 'ImagePullBackOff'
  | 'ErrImageNeverPull'
  | 'InvalidImageName'
  | 'ImageInspectError'
  | 'RegistryUnavailable';

/** An event for the pod's user, with the container as the subject. */
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
      /** When a retry may succeed; absent if only a change of the pod helps. */
      readonly retryAfterMs?: number;
    };
