/**
 * Jobs with `ttlSecondsAfterFinished` go when they are done. Git still has their manifest; to make
 * them again would run them over and over. So a Job that is gone counts as done while its manifest
 * is the same. Pure.
 */
import type { DesiredObject, DesiredSet } from '../../diff/desired-set.ts';
import { conditionOf } from '../../health/fields.ts';
import { asNumber, getPath } from '../../schemas/json-access.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { LiveLookup } from '../../diff/change-set.ts';

const expires = ({ apiVersion, kind, spec }: KubeObject): boolean =>
  apiVersion === 'batch/v1' &&
  kind === 'Job' &&
  asNumber(getPath(spec, 'ttlSecondsAfterFinished')) !== undefined;

/** The last state of an object that was deleted. */
export const isSpent = (object: KubeObject): boolean =>
  expires(object) &&
  ['Complete', 'Failed'].some((type) => conditionOf(object.status, type)?.['status'] === 'True');

/**
 * Further Jobs that are done. A process that has just started has not seen them go: when there is
 * drift to heal only, the Jobs of the commit have run before.
 */
export function missingJobs(
  desired: DesiredSet,
  ids: Iterable<string>,
  live: LiveLookup,
): readonly (readonly [string, DesiredObject])[] {
  return [...ids].flatMap((id) => {
    const item = desired.byId.get(id);
    if (!item || !expires(item.object) || live(resourceIdOf(item.kind), keyOf(item.object))) return [];
    return [[id, item] as const];
  });
}
