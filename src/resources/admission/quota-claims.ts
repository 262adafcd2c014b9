/**
 * Takes what a commit uses from the quotas of its namespaces, in the same commit: the claim is a compare-and-set on each
 * quota's status, so that no two writers can both take the last of it, and a commit that fails has claimed nothing.
 *
 * Writers of one process take turns per namespace; against other processes the compare-and-set decides, and the loser
 * plans again from what is stored. What is no longer used is given back by the quota's controller.
 */
import type { Clock } from '../../base/clock.ts';
import { type KubeObject, keyOf } from '../../schemas/object.ts';
import type { ObjectChange, WriteAdmission } from '../writing/write-admission.ts';
import type { Store, StoreOp } from '../../store/types.ts';
import type { Snapshots } from '../reading/snapshots.ts';
import { deny } from './deny.ts';
import { mayClaim, planQuota } from './plan-quota.ts';

export interface QuotaClaims {
  readonly claim: WriteAdmission['claim'];
}

const QUOTAS = { group: '', plural: 'resourcequotas' } as const;
const RESOURCE = 'resourcequotas';

export function createQuotaClaims(options: {
  readonly store: Store;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
}): QuotaClaims {
  const { store, snapshots, clock } = options;
  /** The last of the writers that wait for a namespace. */
  const turns = new Map<string, Promise<unknown>>();

  /** Claims for the changes of one namespace after the other; ends with `commit`. */
  async function claimAll<T>(
    pending: readonly (readonly [string, readonly ObjectChange[]])[],
    written: ReadonlySet<string>,
    claims: readonly StoreOp[],
    commit: (claims: readonly StoreOp[]) => Promise<T>,
  ): Promise<T> {
    const [next, ...rest] = pending;
    if (!next) return commit(claims);
    const [namespace, changes] = next;
    const keys = await quotasOf(namespace);
    if (keys.length === 0) return claimAll(rest, written, claims, commit);
    return inTurn(namespace, async () => {
      // What is stored, not what is cached: the writer before us has just changed it.
      const quotas = (await store.getMany(RESOURCE, keys)).filter((quota) => quota !== undefined);
      const plan = planQuota(quotas, changes, clock.now());
      if ('refused' in plan) throw deny(plan.refused.kind, plan.refused.object, plan.why);
      // A quota that this very commit changes is counted anew afterwards.
      const mine = plan.claimed.filter((quota) => !written.has(`${RESOURCE} ${keyOf(quota)}`));
      return claimAll(rest, written, [...claims, ...mine.map(opFor)], commit);
    });
  }

  async function quotasOf(namespace: string): Promise<readonly string[]> {
    const { hub, refresh } = await snapshots.open(QUOTAS);
    await refresh();
    return hub.cache.list(namespace).map(keyOf);
  }

  async function inTurn<T>(namespace: string, task: () => Promise<T>): Promise<T> {
    const before = turns.get(namespace) ?? Promise.resolve();
    const mine = before.then(task, task);
    const settled = mine.catch(() => undefined);
    turns.set(namespace, settled);
    try {
      return await mine;
    } finally {
      if (turns.get(namespace) === settled) turns.delete(namespace);
    }
  }

  return {
    async claim(changes, written, commit) {
      const byNamespace = new Map<string, ObjectChange[]>();
      for (const change of changes) {
        if (!mayClaim(change)) continue;
        const namespace = change.object.metadata.namespace ?? '';
        const group = byNamespace.get(namespace);
        if (group) group.push(change);
        else byNamespace.set(namespace, [change]);
      }
      // In order of their names: two writers that want the turns of the same namespaces do not wait for each other.
      const ordered = [...byNamespace].sort(([a], [b]) => (a < b ? -1 : 1));
      return claimAll(ordered, written, [], commit);
    },
  };
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
