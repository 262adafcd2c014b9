/** Defaults of what containers and volumes both refer to: images and resources of a container. */
import { type Draft, dropZero, fill } from './draft.ts';

/** `latest`, said or implied, may move, so it is always pulled. */
export function defaultPullPolicy(image: unknown): string {
  if (typeof image !== 'string' || image.includes('@')) return 'IfNotPresent';
  const lastPart = image.slice(image.lastIndexOf('/') + 1);
  const colon = lastPart.indexOf(':');
  return colon < 0 || lastPart.slice(colon + 1) === 'latest' ? 'Always' : 'IfNotPresent';
}

export function defaultResourceField(selector: Draft | undefined): void {
  dropZero(selector, ['containerName']);
  fill(selector, { divisor: '0' });
}
