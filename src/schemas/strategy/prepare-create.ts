/** The object that a create stores. */
import { toRfc3339 } from '../../base/clock.ts';
import { asString, omit } from '../json-access.ts';
import type { ObjectMeta } from '../object.ts';
import { isPod, withMarksOf } from '../pods/pod-marks.ts';
import { metadataOf } from './metadata.ts';
import type { PrepareCreate } from './types.ts';

/** `metadata.name` for `generateName`: the prefix, cut so that the whole is a DNS label. */
const MAX_GENERATED_PREFIX = 58;

/** The system's to set; a generation that nothing counts is the client's own. */
const SYSTEM_METADATA = ['resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'];

/**
 * The object as a create stores it: defaults, system-owned metadata, the kind's own preparation. It
 * does not check anything: validate what comes out.
 */
export const prepareCreate: PrepareCreate = (kind, input, context) => {
  const object = kind.withDefaults(input);
  const given = metadataOf(object);
  const metadata: ObjectMeta = {
    ...omit(given, ...SYSTEM_METADATA),
    name: given.name || generatedName(given.generateName, context.nameSuffix),
    uid: context.uid,
    creationTimestamp: toRfc3339(context.nowMs),
    ...(kind.countsGeneration ? { generation: 1 } : {}),
  };
  if (!kind.namespaced) delete metadata.namespace;
  const prepared = kind.prepareForCreate({ ...object, metadata });
  return isPod(kind) ? withMarksOf(prepared) : prepared;
};

function generatedName(prefix: unknown, suffix: string): string {
  const base = asString(prefix);
  return base === '' ? '' : `${base.slice(0, MAX_GENERATED_PREFIX)}${suffix}`;
}
