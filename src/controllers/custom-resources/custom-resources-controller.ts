/** Names, establishes and cleans up definitions. Keeps that of Applications as it is served. */
import { APPLICATION_DEFINITION } from '../../schemas/applications/application-definition.ts';
import { CLEANUP_FINALIZER, DEFINITION_RESOURCE, readDefinition } from '../../schemas/custom/index.ts';
import { isBuiltin, resourceIdOf } from '../../schemas/resource-kind.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Controller, Reconciler } from '../controller.ts';
import { isDeleting } from '../ownership.ts';
import { planApplicationDefinition } from './plan-application-definition.ts';
import { type DefinitionInput, planDefinition } from './plan-definition.ts';

type View = Pick<DefinitionInput, 'all' | 'objects'> & {
  readonly name: string;
  readonly definition: KubeObject | undefined;
};

export const customResourcesController: Controller = {
  name: 'custom-resources',
  async open({ caches, registry, mayAct }, scope): Promise<Reconciler<View>> {
    const definitions = await caches.open(DEFINITION_RESOURCE);
    const emptying = new Set<string>();
    scope.on(definitions, ({ type, key, object }) => {
      if (type === 'MODIFIED') return [key];
      // A name that became free, or was taken, may settle the conflict of another.
      const { group } = readDefinition(object);
      const rivals = definitions.list().filter((other) => readDefinition(other).group === group);
      return [key, ...rivals.map(({ metadata }) => metadata.name)];
    });

    /** The objects of the definition, complete as of now; undefined where they are not its own. */
    async function objectsOf(
      definition: KubeObject,
      signal: AbortSignal,
    ): Promise<readonly KubeObject[] | undefined> {
      const { group, names } = readDefinition(definition);
      const resource = resourceIdOf({ group, plural: names.plural });
      const served = registry.byId(resource);
      if (served && isBuiltin(served)) return undefined;
      const cache = await caches.open(resource);
      const { name } = definition.metadata;
      if (!emptying.has(resource)) {
        scope.on(cache, ({ type }) => {
          const current = definitions.get(name);
          return type === 'DELETED' && current && isDeleting(current) ? [name] : [];
        });
        emptying.add(resource);
      }
      await cache.refresh(signal);
      return cache.list();
    }

    return {
      keys: () =>
        new Set([APPLICATION_DEFINITION, ...definitions.list().map(({ metadata }) => metadata.name)]),
      async observe(name, signal) {
        const definition = definitions.get(name);
        const goes = definition !== undefined && isDeleting(definition);
        if (goes && !mayAct()) return undefined;
        const cleans = goes && definition.metadata.finalizers?.includes(CLEANUP_FINALIZER) === true;
        const objects = cleans ? await objectsOf(definition, signal) : undefined;
        return { name, definition, all: definitions.list(), objects };
      },
      plan({ name, definition, ...rest }, nowMs) {
        const writes = name === APPLICATION_DEFINITION ? planApplicationDefinition(definition) : [];
        if (writes.length > 0) return { writes };
        return definition && planDefinition({ definition, ...rest, nowMs });
      },
    };
  },
};
