/**
 * A resource that the store does not keep: reviews are answered at once, metrics come from agents.
 * It is routed, authorised, listed in discovery and described in OpenAPI like any other.
 */
import type { KubeObject } from '../../schemas/object.ts';
import type { ServedResource } from '../../schemas/resource-kind.ts';
import type { Verb } from '../../resources/authz/types.ts';
import type { ObjectPage, RequestContext, WriteOptions } from '../../resources/types.ts';

export interface VirtualRef {
  readonly namespace: string | undefined;
  readonly name: string;
}

export interface VirtualQuery {
  readonly namespace: string | undefined;
  readonly labelSelector: string | undefined;
  readonly fieldSelector: string | undefined;
}

export interface VirtualResource extends ServedResource {
  /** The verbs whose methods are present. */
  readonly verbs: readonly Verb[];
  /** `body` is parsed, not checked. The answer carries 201. */
  create?(
    body: unknown,
    namespace: string | undefined,
    options: WriteOptions,
    context: RequestContext,
  ): Promise<KubeObject>;
  get?(ref: VirtualRef, context: RequestContext): Promise<KubeObject>;
  list?(query: VirtualQuery, context: RequestContext): Promise<ObjectPage>;
}
