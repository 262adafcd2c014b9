/** Holds a pod against a level of the Pod Security Standards. Pure; API and agent use it. */
import type { ObjectMeta } from '../object.ts';
import type { PodSpec } from '../types.ts';
import { baselineChecks } from './baseline.ts';
import { restrictedChecks } from './restricted.ts';
import type { PodSecurityCheck, PodSecurityPolicy, PodSecurityVersion, Violation } from './types.ts';

const minorOf = (version: PodSecurityVersion): number =>
  version === 'latest' ? Number.POSITIVE_INFINITY : version;

function checksFor({ level, version }: PodSecurityPolicy): readonly PodSecurityCheck[] {
  if (level === 'privileged') return [];
  const known = (check: PodSecurityCheck): boolean => (check.since ?? 0) <= minorOf(version);
  const baseline = baselineChecks.filter(known);
  if (level === 'baseline') return baseline;
  const restricted = restrictedChecks.filter(known);
  const ids = new Set(restricted.map(({ id }) => id));
  return [
    ...baseline.filter(({ overriddenBy }) => overriddenBy === undefined || !ids.has(overriddenBy)),
    ...restricted,
  ];
}

/** Everything that is wrong with the pod at this level; empty when it may be. */
export function evaluatePodSecurity(
  policy: PodSecurityPolicy,
  spec: PodSpec,
  metadata: Pick<ObjectMeta, 'annotations'> = {},
): readonly Violation[] {
  const minor = minorOf(policy.version);
  return checksFor(policy).flatMap((check) => check.check(spec, metadata, minor) ?? []);
}

/** `privileged (container "a" must not set …), hostPort (…)`. */
export const violationText = (violations: readonly Violation[]): string =>
  violations.map(({ reason, detail }) => (detail === '' ? reason : `${reason} (${detail})`)).join(', ');

/** `baseline:latest`, `restricted:v1.30`. */
export const policyText = ({ level, version }: PodSecurityPolicy): string =>
  `${level}:${version === 'latest' ? version : `v1.${version}`}`;
