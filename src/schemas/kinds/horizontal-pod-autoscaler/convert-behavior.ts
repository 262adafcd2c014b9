/** The behavior of `autoscaling/v2`, as an annotation of `autoscaling/v1` holds it; pure. */
import { isRecord } from '../../../base/json.ts';
import { asList, asRecord, asRecords, type Fields } from '../../json-access.ts';
import { some } from './convert-metrics.ts';

/** Upstream encodes its internal type here: names of members begin with a capital. */
const RULES = ['StabilizationWindowSeconds', 'SelectPolicy', 'Policies', 'Tolerance'];
const POLICY = ['Type', 'Value', 'PeriodSeconds'];

const memberName = (goName: string): string => goName.charAt(0).toLowerCase() + goName.slice(1);

/** Go reads members whatever the case of their names. */
function read(value: unknown, goName: string): unknown {
  const wanted = goName.toLowerCase();
  return Object.entries(asRecord(value)).find(([name]) => name.toLowerCase() === wanted)?.[1];
}

const goFields = (value: Fields, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, value[memberName(name)] ?? null]));

const ownFields = (value: unknown, names: readonly string[]): Record<string, unknown> =>
  some(Object.fromEntries(names.map((name) => [memberName(name), read(value, name)])));

export function behaviorToV1(behavior: Fields): unknown {
  const rules = (value: unknown): unknown =>
    isRecord(value)
      ? {
          ...goFields(value, RULES),
          Policies: asRecords(value['policies']).map((policy) => goFields(policy, POLICY)),
          Tolerance: value['tolerance'] ?? null,
        }
      : null;
  return { ScaleUp: rules(behavior['scaleUp']), ScaleDown: rules(behavior['scaleDown']) };
}

export function behaviorToV2(behavior: Fields): unknown {
  const rules = (value: unknown): unknown =>
    isRecord(value)
      ? {
          ...ownFields(value, RULES),
          policies: asList(read(value, 'Policies')).map((policy) => ownFields(policy, POLICY)),
        }
      : undefined;
  return some({ scaleUp: rules(read(behavior, 'ScaleUp')), scaleDown: rules(read(behavior, 'ScaleDown')) });
}
