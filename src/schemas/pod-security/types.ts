/** Vocabulary of https://kubernetes.io/docs/concepts/security/pod-security-standards/. */
import type { ObjectMeta } from '../object.ts';
import type { PodSpec } from '../types.ts';

/** From the loosest to the strictest. */
export const POD_SECURITY_LEVELS = ['privileged', 'baseline', 'restricted'] as const;
export type PodSecurityLevel = (typeof POD_SECURITY_LEVELS)[number];

/** A version of the standards: the minor of a Kubernetes release, or whatever is newest. */
export type PodSecurityVersion = number | 'latest';

export interface PodSecurityPolicy {
  readonly level: PodSecurityLevel;
  readonly version: PodSecurityVersion;
}

/** A violation: `privileged`, `container "a" must not set securityContext.privileged=true`. */
export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

export interface PodSecurityCheck {
  readonly id: string;
  /** The first minor of Kubernetes that has it; absent: all have. */
  readonly since?: number;
  /** Only of baseline checks: the stricter restricted check of the same fields. */
  readonly overriddenBy?: string;
  check(spec: PodSpec, metadata: Pick<ObjectMeta, 'annotations'>, minor: number): Violation | undefined;
}
