/** The stored kinds of `rbac.authorization.k8s.io/v1`, validated and with their defaults. */
import type { KubeObject } from './object.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';
export const RBAC_API_VERSION = `${RBAC_GROUP}/v1`;

/** Either about resources (`apiGroups`, `resources`) or about paths (`nonResourceURLs`). */
export interface PolicyRule {
  readonly verbs: readonly string[];
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
}

export interface Subject {
  readonly kind: string;
  readonly apiGroup?: string;
  readonly name: string;
  /** The namespace of a service account; absent: the one of the binding. */
  readonly namespace?: string;
}

export interface RoleRef {
  readonly apiGroup: string;
  readonly kind: string;
  readonly name: string;
}

export interface Role extends KubeObject {
  rules?: readonly PolicyRule[] | null;
}

export interface ClusterRole extends Role {
  aggregationRule?: { readonly clusterRoleSelectors?: readonly unknown[] };
}

/** A RoleBinding or a ClusterRoleBinding. */
export interface Binding extends KubeObject {
  subjects?: readonly Subject[];
  roleRef: RoleRef;
}
