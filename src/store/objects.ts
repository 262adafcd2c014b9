/**
 * Writing objects with Kubernetes' rules: defaulting, validation, generation, finalizers and grace. The API server,
 * controllers and the sync worker write only through this; the rules themselves are pure (schemas/strategy.ts).
 */
import type { KubeObject } from '../schemas/object.ts';
import type { ResourceKind, Subresource } from '../schemas/resource-kind.ts';
import type { DeleteOptions } from '../schemas/strategy.ts';
import type { CommitOptions } from './types.ts';

/** One write of a plan. `object` carries the expected `metadata.resourceVersion` for updates. */
export type Write =
  | { readonly verb: 'create'; readonly object: KubeObject }
  | { readonly verb: 'update'; readonly object: KubeObject; readonly subresource?: Subresource }
  | { readonly verb: 'delete'; readonly object: KubeObject; readonly options?: DeleteOptions };

/** All methods throw StatusError with Kubernetes' reasons (NotFound, AlreadyExists, Conflict, Invalid). */
export interface Objects {
  get(kind: ResourceKind, key: string): Promise<KubeObject>;
  create(object: KubeObject, options?: CommitOptions): Promise<KubeObject>;
  /** Without `metadata.resourceVersion` the update is unconditional (retried on conflict). */
  update(
    object: KubeObject,
    options?: CommitOptions & { readonly subresource?: Subresource },
  ): Promise<KubeObject>;
  delete(kind: ResourceKind, key: string, options?: DeleteOptions & CommitOptions): Promise<KubeObject>;
  /** All writes in one commit, all or nothing; a no-op update is left out. The results are in order. */
  apply(writes: readonly Write[], options?: CommitOptions): Promise<readonly (KubeObject | undefined)[]>;
}
