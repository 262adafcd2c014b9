/** Questions to the authorizer, and its answers. */
import type { Eventually } from '../../base/eventually.ts';
import type { PolicyRule } from '../../schemas/rbac.ts';
import type { UserInfo } from '../types.ts';

/** The verbs of requests about resources. Rules know more, such as escalate, bind and sign. */
export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface ResourceAttributes {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** Set for lists and watches. */
  readonly fieldSelector: string | undefined;
  /** Set for lists and watches. */
  readonly labelSelector?: string | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  /** Why, where there is something to say beyond "no rule allows it". */
  readonly reason?: string;
}

/** The rights of a user in a namespace, as far as rules can express them. */
export interface GrantedRules {
  readonly rules: readonly PolicyRule[];
  /** Why there may be more, or less, than the rules say. */
  readonly errors: readonly string[];
}

export interface Authorizer {
  authorize(user: UserInfo, attributes: ResourceAttributes): Eventually<Decision>;
  /** Paths that are no resources: discovery, metrics. */
  authorizePath(user: UserInfo, verb: string, path: string): Eventually<Decision>;
  rulesFor(user: UserInfo, namespace: string | undefined): Promise<GrantedRules>;
}

/** The message of a 403: `User "x" cannot list resource "pods" in API group "" in …`. */
export function denialText(user: UserInfo, attributes: ResourceAttributes): string {
  const { verb, group, namespace } = attributes;
  const resource = attributes.subresource
    ? `${attributes.resource}/${attributes.subresource}`
    : attributes.resource;
  const scope = namespace ? `in the namespace "${namespace}"` : 'at the cluster scope';
  return `User "${user.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`;
}
