/** What a request wants to do, and whether it may. */
import type { UserInfo } from '../core/types.ts';

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export interface ResourceAttributes {
  readonly verb: Verb;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** Of lists and watches. */
  readonly fieldSelector: string | undefined;
}

export interface Decision {
  readonly allowed: boolean;
  readonly reason?: string;
}

export interface Authorizer {
  authorize(user: UserInfo, attributes: ResourceAttributes): Promise<Decision>;
  /** Paths that are no resources: discovery, metrics. */
  authorizePath(user: UserInfo, verb: string, path: string): Promise<Decision>;
}

/** The message of a 403: `User "x" cannot list resource "pods" in API group "" in the namespace "y"`. */
export function denialText(user: UserInfo, attributes: ResourceAttributes): string {
  const { verb, group, namespace } = attributes;
  const resource = attributes.subresource
    ? `${attributes.resource}/${attributes.subresource}`
    : attributes.resource;
  const scope = namespace ? `in the namespace "${namespace}"` : 'at the cluster scope';
  return `User "${user.name}" cannot ${verb} resource "${resource}" in API group "${group}" ${scope}`;
}
