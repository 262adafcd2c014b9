/**
 * The amounts that changes take from the quotas of a namespace, or their refusal. Pure; the texts
 * are upstream's.
 *
 * A quota holds only for what its status says: until its controller has counted for the first time,
 * it limits nothing.
 */
import { ownMember } from '../../base/json.ts';
import { asRecord, asRecords, type Fields } from '../../schemas/json-access.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { type Quantities, quantitiesOf } from '../../schemas/pods/pod-quantities.ts';
import {
  addQuantities,
  compareQuantities,
  formatQuantity,
  type Quantity,
} from '../../schemas/values/quantity.ts';
import { isInScope } from '../../schemas/quota/scopes.ts';
import { isCountedBy, usageOf } from '../../schemas/quota/usage.ts';
import { type ResourceKind, resourceIdOf } from '../../schemas/resource-kind.ts';
import type { ObjectChange } from '../writing/write-plan.ts';

export type QuotaPlan =
  /** The quotas with their new `status.used`; those that nothing is taken from are left out. */
  { readonly claimed: readonly KubeObject[] } | { readonly refused: ObjectChange; readonly why: string };

/** Resources of which an update can take more than before. */
const GROWING = new Set(['services', 'persistentvolumeclaims']);

/** Whether any quota could count the change. */
export function mayClaim({ kind, operation, subresource }: ObjectChange): boolean {
  if (!kind.namespaced) return false;
  const resource = resourceIdOf(kind);
  // Events come in numbers and by themselves; upstream leaves them out, too.
  if (kind.kind === 'Event') return false;
  if (operation === 'create') return true;
  return GROWING.has(resource) ? subresource === undefined : resource === 'pods' && subresource === 'resize';
}

/** `quotas` are those of the namespace that all `changes` are in. */
export function planQuota(
  quotas: readonly KubeObject[],
  changes: readonly ObjectChange[],
  nowMs: number,
): QuotaPlan {
  const used = new Map(quotas.map((quota) => [quota, quantitiesOf(asRecord(quota['status'])['used'])]));
  const touched = new Set<KubeObject>();
  const ordered = [...quotas].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  for (const change of changes) {
    const { kind, object } = change;
    const interested = ordered.filter((quota) => isInScope(quota, kind, object));
    for (const quota of interested) {
      const why = missingRequests(quota, kind, object);
      if (why !== undefined) return { refused: change, why: `failed quota: ${quota.metadata.name}: ${why}` };
      const unknown = unknownUsage(quota, kind);
      if (unknown.length > 0)
        return {
          refused: change,
          why: `status unknown for quota: ${quota.metadata.name}, resources: ${unknown.join(',')}`,
        };
    }
    const delta = growth(change, nowMs);
    if (delta.size === 0) continue;
    for (const quota of interested) {
      const before = used.get(quota) ?? new Map<string, Quantity>();
      const hard = quantitiesOf(asRecord(quota['status'])['hard']);
      const taken = new Map([...delta].filter(([name]) => hard.has(name)));
      if (taken.size === 0) continue;
      const exceeded = [...taken].filter(([name, amount]) => {
        const limit = hard.get(name);
        const total = add(before.get(name), amount);
        return limit !== undefined && compareQuantities(total, limit) > 0;
      });
      if (exceeded.length > 0) {
        const names = exceeded.map(([name]) => name);
        const why = `exceeded quota: ${quota.metadata.name}, requested: ${listed(names, taken)}, used: ${listed(names, before)}, limited: ${listed(names, hard)}`;
        return { refused: change, why };
      }
      const after = new Map(before);
      for (const [name, amount] of taken) after.set(name, add(before.get(name), amount));
      used.set(quota, after);
      touched.add(quota);
    }
  }
  return { claimed: ordered.filter((quota) => touched.has(quota)).map((quota) => withUsed(quota, used)) };
}

const add = (a: Quantity | undefined, b: Quantity): Quantity => (a ? addQuantities(a, b) : b);

/** The growth of usage by the change. Only the controller gives something back. */
function growth({ kind, object, current }: ObjectChange, nowMs: number): Quantities {
  const before = current ? usageOf(kind, current, nowMs) : new Map<string, Quantity>();
  const more = new Map<string, Quantity>();
  for (const [name, amount] of usageOf(kind, object, nowMs)) {
    const nanos = amount.nanos - (before.get(name)?.nanos ?? 0n);
    if (nanos > 0n) more.set(name, { nanos, format: amount.format });
  }
  return more;
}

function withUsed(quota: KubeObject, used: ReadonlyMap<KubeObject, Quantities>): KubeObject {
  const mine: Quantities = used.get(quota) ?? new Map<string, Quantity>();
  const amounts = [...mine].map(([name, amount]) => [name, formatQuantity(amount)] as const);
  return { ...quota, status: { ...asRecord(quota['status']), used: Object.fromEntries(amounts) } };
}

/** `cpu=1,pods=2`, in the order of the names. */
function listed(names: readonly string[], amounts: Quantities): string {
  const text = (name: string): string => {
    const amount = amounts.get(name);
    return `${name}=${amount ? formatQuantity(amount) : '0'}`;
  };
  return [...names].sort().map(text).join(',');
}

/** Limits of this quota for the resource whose use is not known. */
function unknownUsage(quota: KubeObject, kind: ResourceKind): readonly string[] {
  const { hard, used } = asRecord(quota['status']);
  return Object.keys(asRecord(hard))
    .filter((name) => isCountedBy(kind, name) && !(name in asRecord(used)))
    .sort();
}

/** Where one of these is limited, every container must say what it wants. */
const MUST_BE_SAID: Readonly<Record<string, readonly ['requests' | 'limits', string]>> = {
  cpu: ['requests', 'cpu'],
  memory: ['requests', 'memory'],
  'requests.cpu': ['requests', 'cpu'],
  'requests.memory': ['requests', 'memory'],
  'limits.cpu': ['limits', 'cpu'],
  'limits.memory': ['limits', 'memory'],
};

function missingRequests(quota: KubeObject, kind: ResourceKind, object: KubeObject): string | undefined {
  if (resourceIdOf(kind) !== 'pods') return undefined;
  const spec = asRecord(object['spec']);
  const containers = [...asRecords(spec['containers']), ...asRecords(spec['initContainers'])];
  const says = (owner: Fields, side: string, resource: string): boolean =>
    Object.hasOwn(asRecord(asRecord(owner['resources'])[side]), resource);
  const missing = Object.keys(asRecord(asRecord(quota['status'])['hard']))
    .sort()
    .flatMap((name) => {
      const wanted = ownMember(MUST_BE_SAID, name);
      if (!wanted || says(spec, ...wanted)) return [];
      const silent = containers.filter((container) => !says(container, ...wanted));
      const names = [...new Set(silent.map((container) => String(container['name'])))].sort();
      return names.length === 0 ? [] : [`${name} for: ${names.join(',')}`];
    });
  return missing.length === 0 ? undefined : `must specify ${missing.join('; ')}`;
}
