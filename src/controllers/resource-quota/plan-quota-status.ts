/** The status of a ResourceQuota: its limits, and the usage of its namespace. Pure. */
import { jsonEqual } from '../../base/json.ts';
import { asRecord } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { type Quantities, sumQuantities } from '../../schemas/pods/pod-quantities.ts';
import { formatQuantity } from '../../schemas/values/quantity.ts';
import { isInScope } from '../../schemas/quota/scopes.ts';
import { countOf, usageOf } from '../../schemas/quota/usage.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';

export interface Counted {
  readonly kind: Pick<ResourceKind, 'group' | 'plural'>;
  /** All of the namespace. */
  readonly objects: readonly KubeObject[];
}

/** The quota with its status as it should be; undefined when it is. */
export function planQuotaStatus(
  quota: KubeObject,
  counted: readonly Counted[],
  nowMs: number,
): KubeObject | undefined {
  const hard = asRecord(asRecord(quota['spec'])['hard']);
  let total: Quantities = new Map();
  for (const { kind, objects } of counted) {
    for (const object of objects)
      if (isInScope(quota, kind, object)) total = sumQuantities(total, usageOf(kind, object, nowMs));
  }
  const used = Object.fromEntries(
    Object.keys(hard)
      .sort()
      .map((name) => [name, formatQuantity(total.get(name) ?? countOf(0))]),
  );
  const status = { hard, used };
  return jsonEqual(status, quota['status']) ? undefined : { ...quota, status };
}
