/** The health of an application's objects, and the causes of those that are not healthy. */
import { jsonEqual } from '../../base/json.ts';
import { ignoresHealth, isHook } from '../../diff/annotations.ts';
import type { InventoryItem } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import { type Cause, type Health, assess, explain, isWorse, weightOf, worstOf } from '../../health/index.ts';
import { healthy } from '../../health/types.ts';
import { keyOf } from '../../schemas/object.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ManagedResources } from './managed-resources.ts';
import type { SyncOutcome } from '../plan/sync-outcome.ts';

export interface ApplicationHealth {
  readonly worst: Health;
  /** By id of the object; the most telling one first. */
  readonly causes: ReadonlyMap<string, NamedCause>;
  /** Counts unhealthy objects, also those that were not examined. */
  readonly unhealthyCount: number;
}

export interface NamedCause extends Cause {
  /** With the object: `deployment/web: container api exited 1`. */
  readonly line: string;
}

/** Examine at most this many: the pods of more workloads say the same. */
const MAX_EXAMINED = 20;

/** `application` is its key. */
export function refreshHealth(application: string, state: ApplicationCache, managed: ManagedResources): void {
  // Without a render, only the objects that an earlier process applied are known.
  if (!state.render) return refreshFromLive(application, state, managed);
  const items = state.allHealthDirty
    ? [...state.desired.byId]
    : [...state.healthDirty].map((id) => [id, state.desired.byId.get(id)] as const);
  for (const [id, item] of items) {
    const live = item && managed.live(resourceIdOf(item.kind), keyOf(item.object));
    const isSpent = item && !live && jsonEqual(state.spent.get(id)?.object, item.object);
    const health = item && !isSpent && !ignoresHealth(item.object) ? assess(live) : undefined;
    if (!health || health.status === 'Healthy') state.unhealthy.delete(id);
    else state.unhealthy.set(id, health);
  }
  state.allHealthDirty = false;
  state.healthDirty.clear();
}

function refreshFromLive(application: string, state: ApplicationCache, managed: ManagedResources): void {
  state.unhealthy.clear();
  for (const { kind, object } of managed.inventory(application)) {
    const health = isHook(object) || ignoresHealth(object) ? healthy : assess(object);
    if (health.status !== 'Healthy') state.unhealthy.set(idOf(kind, keyOf(object)), health);
  }
  state.allHealthDirty = true;
}

/** As in Argo CD: without a render nothing is known, unless an earlier sync has left objects. */
const notRendered = ({ problems, obstacle = 'Git has not been read yet' }: SyncOutcome): Health => ({
  status: 'Unknown',
  message: `Nothing is applied: ${problems[0] ?? obstacle}`,
});

export function assessApplication(
  application: string,
  state: ApplicationCache,
  outcome: SyncOutcome,
  managed: ManagedResources,
): ApplicationHealth {
  if (!state.render && managed.inventory(application).length === 0)
    return { worst: notRendered(outcome), causes: new Map(), unhealthyCount: 0 };
  const worst = worstOf(state.unhealthy.values());
  const unhealthy: { readonly id: string; readonly item: InventoryItem; readonly health: Health }[] = [];
  for (const [id, health] of state.unhealthy) {
    const item = health.status === 'Suspended' ? undefined : (state.desired.byId.get(id) ?? managed.find(id));
    if (item) unhealthy.push({ id, item, health });
  }
  unhealthy.sort((a, b) => {
    if (a.health.status !== b.health.status) return isWorse(a.health.status, b.health.status) ? -1 : 1;
    return a.id < b.id ? -1 : 1;
  });
  const examined = unhealthy.slice(0, MAX_EXAMINED);
  const names = examined.map(({ item }) => nameOf(item));
  const causes = examined.map(({ id, item, health }, index) => {
    const { kind, object } = item;
    const name = nameOf(item);
    // The namespace tells objects of one name apart.
    const isTwice = names.some((other, at) => other === name && at !== index);
    const where = isTwice ? ` in ${object.metadata.namespace ?? ''}` : '';
    const live = managed.live(resourceIdOf(kind), keyOf(object));
    const cause = live ? explain(live, health, managed) : NOT_THERE;
    const line = `${name}${where}: ${cause.text}`;
    return [id, { ...cause, line }] as const;
  });
  causes.sort(([, a], [, b]) => weightOf(a) - weightOf(b));
  return { worst, causes: new Map(causes), unhealthyCount: unhealthy.length };
}

const nameOf = ({ kind, object }: InventoryItem): string =>
  `${kind.kind.toLowerCase()}/${object.metadata.name}`;

/** It has not been applied, or somebody has deleted it. */
const NOT_THERE: Cause = { severity: 'waiting', text: 'Missing', vague: true };
