/** The object that a create stores. */
import { toRfc3339 } from '../../base/clock.ts';
import { generatedName } from '../../base/rng.ts';
import { asString, omit } from '../json-access.ts';
import type { ObjectMeta } from '../object.ts';
import { isPod, withMarksOf } from '../pods/pod-marks.ts';
import { metadataOf } from './metadata.ts';
import type { PrepareCreate } from './types.ts';

/** The system's to set; a generation that nothing counts is the client's own. */
const SYSTEM_METADATA = ['resourceVersion', 'deletionTimestamp', 'deletionGracePeriodSeconds', 'selfLink'];

/**
 * The object as a create stores it: defaults, system-owned metadata, the kind's own preparation. It
 * does not check anything: validate what comes out.
 */
export const prepareCreate: PrepareCreate = (kind, input, context) => {
  const object = kind.withDefaults(input);
  const given = metadataOf(object);
  const prefix = asString(given.generateName);
  const metadata: ObjectMeta = {
    ...omit(given, ...SYSTEM_METADATA),
    name: given.name || (prefix === '' ? '' : generatedName(prefix, context.nameSuffix)),
    uid: context.uid,
    creationTimestamp: toRfc3339(context.nowMs),
    ...(kind.countsGeneration ? { generation: 1 } : {}),
  };
  if (!kind.namespaced) delete metadata.namespace;
  const prepared = kind.prepareForCreate({ ...object, metadata });
  return isPod(kind) ? withMarksOf(prepared) : prepared;
};
