/**
 * Invariant 3: a mutating call touches only containers that carry our cluster's and our node's
 * labels. Labels never change and ids are never reused, so each container is inspected once at
 * most. Containers that we created need no inspection.
 */
import { createBoundedMap } from '../../../base/bounded-map.ts';
import { labelKeys, RuntimeError } from '../types.ts';
import type { Engine } from './engine.ts';

/** The oldest id beyond this many is forgotten. Its container is inspected again. */
const REMEMBERED_LIMIT = 10_000;

export interface Ownership {
  readonly filters: { readonly label: readonly string[] };
  isOurs(labels: Readonly<Record<string, string>> | undefined): boolean;
  remember(id: string): void;
  forget(id: string): void;
  /** Throws `conflict` for a container of another owner, `not-found` for none. */
  assertOurs(id: string): Promise<void>;
}

export function createOwnership(engine: Engine, cluster: string, node: string): Ownership {
  const known = createBoundedMap<string, true>(REMEMBERED_LIMIT);
  const remember = (id: string): void => known.set(id, true);
  const isOurs: Ownership['isOurs'] = (labels) =>
    labels?.[labelKeys.cluster] === cluster && labels[labelKeys.node] === node;
  return {
    filters: { label: [`${labelKeys.cluster}=${cluster}`, `${labelKeys.node}=${node}`] },
    isOurs,
    remember,
    forget: (id) => known.delete(id),
    async assertOurs(id) {
      if (known.has(id)) return;
      const info = await engine.call(`look at container "${id}"`, (options) =>
        engine.docker.getContainer(id).inspect(options),
      );
      if (!isOurs(info.Config.Labels)) {
        throw new RuntimeError(
          'conflict',
          `Cannot touch container "${id}": it does not carry the labels of cluster "${cluster}", node "${node}"`,
        );
      }
      remember(info.Id);
    },
  };
}
