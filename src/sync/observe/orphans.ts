/** Objects that an application manages and Git does not hold. */
import { isHook } from '../../diff/annotations.ts';
import type { InventoryItem } from '../../diff/change-set.ts';
import { idOf } from '../../diff/desired-set.ts';
import { managingApplication } from '../../diff/tracking.ts';
import { keyOf } from '../../schemas/object.ts';
import type { ApplicationCache } from '../cache/application-cache.ts';
import type { ManagedResources } from './managed-resources.ts';

/** Call it right before the comparison, which takes the dirty marks off. */
export function refreshOrphans(
  application: string,
  state: ApplicationCache,
  managed: ManagedResources,
): void {
  const isKept = (id: string): boolean => state.desired.byId.has(id) || state.hooks.byId.has(id);
  if (state.allDirty) {
    state.orphans.clear();
    for (const { kind, object } of managed.inventory(application)) {
      const id = idOf(kind, keyOf(object));
      if (!isKept(id)) state.orphans.add(id);
    }
    return;
  }
  for (const id of state.dirty) {
    const live = isKept(id) ? undefined : managed.find(id);
    if (live && managingApplication(live.object) === application) state.orphans.add(id);
    else state.orphans.delete(id);
  }
}

export const orphansOf = (
  { orphans }: ApplicationCache,
  managed: ManagedResources,
): readonly InventoryItem[] => [...orphans].flatMap((id) => managed.find(id) ?? []);

/** Counts what the application manages, without hooks. */
export const managedCount = (application: string, managed: ManagedResources): number =>
  managed.inventory(application).filter(({ object }) => !isHook(object)).length;
