/** Health of an application's objects, kept up to date by what changed, and the cause of what is not healthy. */
import type { DesiredObject } from '../diff/desired-set.ts';
import { type Cause, type Health, assess, findCause, isWorse, worstOf } from '../health/index.ts';
import { keyOf } from '../schemas/object.ts';
import { resourceIdOf } from '../schemas/resource-kind.ts';
import type { ApplicationState } from './application-state.ts';
import type { ManagedResources } from './managed-resources.ts';

export interface ApplicationHealth {
  readonly worst: Health;
  /** What is wrong, with the object: `deployment/web: container api exited 1`. */
  readonly cause: Cause | undefined;
}

/** Looking into the pods of more workloads would say nothing that the first ones do not. */
const MAX_EXAMINED = 20;

export function refreshHealth(state: ApplicationState, managed: ManagedResources): void {
  const items = state.allHealthDirty
    ? [...state.desired.byId]
    : [...state.healthDirty].map((id) => [id, state.desired.byId.get(id)] as const);
  for (const [id, item] of items) {
    const health = item && assess(managed.live(resourceIdOf(item.kind), keyOf(item.object)));
    if (!health || health.status === 'Healthy') state.unhealthy.delete(id);
    else state.unhealthy.set(id, health);
  }
  state.allHealthDirty = false;
  state.healthDirty.clear();
}

export function assessApplication(state: ApplicationState, managed: ManagedResources): ApplicationHealth {
  const worst = worstOf(state.unhealthy.values());
  const unhealthy: { readonly id: string; readonly item: DesiredObject; readonly health: Health }[] = [];
  for (const [id, health] of state.unhealthy) {
    const item = health.status === 'Suspended' ? undefined : state.desired.byId.get(id);
    if (item) unhealthy.push({ id, item, health });
  }
  unhealthy.sort((a, b) => {
    if (a.health.status !== b.health.status) return isWorse(a.health.status, b.health.status) ? -1 : 1;
    return a.id < b.id ? -1 : 1;
  });
  const causes = unhealthy.slice(0, MAX_EXAMINED).map(({ item, health }) => causeOf(item, health, managed));
  return { worst, cause: causes.find(({ severity }) => severity === 'failing') ?? causes[0] };
}

function causeOf({ kind, object }: DesiredObject, health: Health, managed: ManagedResources): Cause {
  const subject = `${kind.kind.toLowerCase()}/${object.metadata.name}`;
  const live = managed.live(resourceIdOf(kind), keyOf(object));
  const found = live && kind.kind !== 'Application' ? findCause(managed.podsOf(live)) : undefined;
  const failing = health.status === 'Degraded' || found?.severity === 'failing';
  const text = found?.text ?? (health.message === '' ? health.status : health.message);
  return { severity: failing ? 'failing' : 'waiting', text: `${subject}: ${text}` };
}
