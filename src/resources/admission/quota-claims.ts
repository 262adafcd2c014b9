/**
 * Takes what a commit uses from the quotas of its namespaces, in the same commit: a compare-and-set
 * on the status of each quota. Writers of one process take turns per namespace. The quota's
 * controller gives back what is no longer used.
 */
import type { Clock } from '../../base/clock.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { Store, StoreOp } from '../../store/types.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import { type Claimed, type Claims, createTurns } from '../writing/claims.ts';
import { changeOf, type Planned } from '../writing/plan-write.ts';
import type { ObjectChange } from '../writing/write-plan.ts';
import { deny } from '../refusals.ts';
import { mayClaim, planQuota } from './plan-quota.ts';

const QUOTAS = { group: '', plural: 'resourcequotas' } as const;
const RESOURCE = 'resourcequotas';

export function createQuotaClaims(options: {
  readonly store: Store;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
}): Claims {
  const { store, snapshots, clock } = options;
  const turns = createTurns();

  async function quotasOf(namespace: string): Promise<readonly string[]> {
    const quotas = await snapshots.open(QUOTAS);
    await quotas.refresh();
    return quotas.list(namespace).map(keyOf);
  }

  async function claim(
    { planned, ops }: Claimed,
    keys: readonly string[],
    changes: readonly ObjectChange[],
  ): Promise<Claimed> {
    // The cache may lack what the writer before us has just stored.
    const quotas = (await store.getMany(RESOURCE, keys)).filter((quota) => quota !== undefined);
    const plan = planQuota(quotas, changes, clock.now());
    if ('refused' in plan) throw deny(plan.refused.kind, plan.refused.object, plan.why);
    // A quota that this very commit changes is counted anew afterwards.
    const written = new Set(planned.flatMap(({ op }) => (op?.resource === RESOURCE ? [op.key] : [])));
    const mine = plan.claimed.filter((quota) => !written.has(keyOf(quota)));
    return { planned, ops: [...ops, ...mine.map(opFor)] };
  }

  /** Takes namespaces in the order of their names, so that no two writers wait for each other. */
  async function takeEach<T>(
    pending: readonly (readonly [string, readonly ObjectChange[]])[],
    claimed: Claimed,
    next: (claimed: Claimed) => Promise<T>,
  ): Promise<T> {
    const [first, ...rest] = pending;
    if (!first) return next(claimed);
    const [namespace, changes] = first;
    const keys = await quotasOf(namespace);
    if (keys.length === 0) return takeEach(rest, claimed, next);
    return turns.take(namespace, async () => takeEach(rest, await claim(claimed, keys, changes), next));
  }

  return {
    take: (claimed, next) => takeEach([...byNamespace(claimed.planned)].sort(byName), claimed, next),
  };
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

/** The changes that a quota could count. */
function byNamespace(planned: readonly Planned[]): ReadonlyMap<string, readonly ObjectChange[]> {
  const found = new Map<string, ObjectChange[]>();
  for (const item of planned) {
    const change = changeOf({ ...item, object: item.result });
    if (!change || (item.op?.type !== 'create' && item.op?.type !== 'update') || !mayClaim(change)) continue;
    const namespace = item.result.metadata.namespace ?? '';
    const group = found.get(namespace);
    if (group) group.push(change);
    else found.set(namespace, [change]);
  }
  return found;
}

function opFor(quota: KubeObject): StoreOp {
  return {
    type: 'update',
    resource: RESOURCE,
    key: keyOf(quota),
    object: quota,
    expectedVersion: quota.metadata.resourceVersion ?? '',
  };
}
