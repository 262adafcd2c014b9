/**
 * Gives definitions their names, establishes them, and cleans up after those that are deleted. Keeps the definition of
 * Applications as the system serves them.
 */
import { APPLICATION_DEFINITION } from '../../schemas/applications/application-definition.ts';
import { CLEANUP_FINALIZER, DEFINITION_RESOURCE, readDefinition } from '../../schemas/custom/index.ts';
import { resourceIdOf } from '../../schemas/resource-kind.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceCache } from '../../store/cache/cache.ts';
import { applyAndWait, type ControllerContext, type Loop, startLoop } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { planApplicationDefinition } from './plan-application-definition.ts';
import { planDefinition } from './plan-definition.ts';

export async function startCustomResourcesController(context: ControllerContext): Promise<Loop> {
  const { clock, registry } = context;
  const definitions = await context.caches.open(DEFINITION_RESOURCE);
  /** Of resources whose definition is being deleted: the news that an object is gone. */
  const emptied = new Map<string, Disposable>();

  /** The objects of the definition, complete as of now; undefined where they are not its own. */
  async function objectsOf(
    definition: KubeObject,
    signal: AbortSignal,
  ): Promise<readonly KubeObject[] | undefined> {
    const { group, names } = readDefinition(definition);
    const resource = resourceIdOf({ group, plural: names.plural });
    const served = registry.byId(resource);
    if (served && !served.custom) return undefined;
    const cache: ResourceCache = await context.caches.open(resource);
    if (!emptied.has(resource)) {
      const { name } = definition.metadata;
      emptied.set(
        resource,
        cache.subscribe(({ type }) => {
          const current = definitions.get(name);
          if (type === 'DELETED' && current && isDeleting(current)) loop.queue.add(name);
        }),
      );
    }
    await cache.refresh(signal);
    return cache.list();
  }

  const loop: Loop = startLoop({
    name: 'custom-resources',
    context,
    keys: () => new Set([APPLICATION_DEFINITION, ...definitions.list().map(({ metadata }) => metadata.name)]),
    async reconcile(name, signal) {
      const definition = definitions.get(name);
      const own = name === APPLICATION_DEFINITION ? planApplicationDefinition(definition) : [];
      if (own.length > 0) {
        await applyAndWait(context, own, signal);
        return;
      }
      if (!definition) return;
      const cleaning = definition.metadata.finalizers?.includes(CLEANUP_FINALIZER) === true;
      if (isDeleting(definition) && !context.mayAct()) return;
      const plan = planDefinition({
        definition,
        all: definitions.list(),
        objects: isDeleting(definition) && cleaning ? await objectsOf(definition, signal) : undefined,
        nowMs: clock.now(),
      });
      if (plan.writes.length > 0) await applyAndWait(context, plan.writes, signal);
      return plan.again ? { requeueAfterMs: 0 } : undefined;
    },
  });

  const subscription = definitions.subscribe(({ type, key, object }) => {
    loop.queue.add(key);
    // A name that became free, or was taken, may settle the conflict of another.
    if (type === 'MODIFIED') return;
    const { group } = readDefinition(object);
    for (const other of definitions.list())
      if (readDefinition(other).group === group) loop.queue.add(other.metadata.name);
  });
  return {
    queue: loop.queue,
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      for (const watching of emptied.values()) watching[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}
