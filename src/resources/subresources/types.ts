/** Actions by POST to a subresource of an object: `serviceaccounts/token`, `pods/eviction`. */
import type { KubeObject } from '../../schemas/object.ts';
import type { ResourceId, Subresource } from '../../schemas/resource-kind.ts';
import type { ObjectRef, RequestContext, WriteOptions } from '../types.ts';

export interface ObjectAction {
  readonly resource: ResourceId;
  readonly subresource: Subresource;
  /** `body` is parsed, not checked. The answer is this object, or undefined for `Success`. */
  create(
    ref: ObjectRef,
    body: unknown,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject | undefined>;
}
