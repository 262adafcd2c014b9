/** Which levels hold in a namespace: its labels, or the default of the cluster. Pure. */
import type { FieldError } from '../errors/field-error.ts';
import type { KubeObject } from '../object.ts';
import {
  POD_SECURITY_LEVELS,
  type PodSecurityLevel,
  type PodSecurityPolicy,
  type PodSecurityVersion,
} from './types.ts';

export const POD_SECURITY_LABEL = 'pod-security.kubernetes.io/';
export const ENFORCE_LABEL = `${POD_SECURITY_LABEL}enforce`;

/** Completes an advice that the default level, baseline, would refuse. */
export const IN_PRIVILEGED_NAMESPACE = `in a namespace with the label ${ENFORCE_LABEL}: privileged`;

const MODES = ['enforce', 'audit', 'warn'] as const;
type Mode = (typeof MODES)[number];

export type NamespacePolicy = Readonly<Record<Mode, PodSecurityPolicy>>;

/** The system's own namespaces are privileged, unless a label says otherwise. */
const SYSTEM_NAMESPACES: ReadonlySet<string> = new Set(['kube-system', 'symphony-system']);

/**
 * `audit` and `warn` follow `enforce` where they have no label of their own, so that whoever writes
 * a Deployment is told about pods that will be refused, and about no others. A label that cannot be
 * read counts as the strictest: validation keeps such labels out.
 */
export function namespacePolicy(
  namespace: string,
  labels: Readonly<Record<string, string>> | undefined,
  defaultLevel: PodSecurityLevel,
): NamespacePolicy {
  const fallback = SYSTEM_NAMESPACES.has(namespace) ? 'privileged' : defaultLevel;
  const read = (mode: Mode, otherwise: PodSecurityPolicy): PodSecurityPolicy => {
    const level = labels?.[`${POD_SECURITY_LABEL}${mode}`];
    const version = labels?.[`${POD_SECURITY_LABEL}${mode}-version`];
    if (level === undefined && version === undefined) return otherwise;
    return {
      level: level === undefined ? otherwise.level : (levelOf(level) ?? 'restricted'),
      version: version === undefined ? 'latest' : (versionOf(version) ?? 'latest'),
    };
  };
  const enforce = read('enforce', { level: fallback, version: 'latest' });
  return { enforce, audit: read('audit', enforce), warn: read('warn', enforce) };
}

/** Whether the namespace is exempt from the cluster's level: the system's, without labels. */
export function isExempt(namespace: string, labels: Readonly<Record<string, string>> | undefined): boolean {
  const hasLabel = Object.keys(labels ?? {}).some((label) => label.startsWith(POD_SECURITY_LABEL));
  return SYSTEM_NAMESPACES.has(namespace) && !hasLabel;
}

function levelOf(text: string): PodSecurityLevel | undefined {
  return POD_SECURITY_LEVELS.find((level) => level === text);
}

function versionOf(text: string): PodSecurityVersion | undefined {
  if (text === 'latest') return 'latest';
  const match = /^v1\.(0|[1-9]\d{0,2})$/.exec(text);
  return match ? Number(match[1]) : undefined;
}

/** The errors of the Pod Security labels of a namespace. */
export function podSecurityLabelErrors({ metadata }: KubeObject): readonly FieldError[] {
  return MODES.flatMap((mode) => {
    const errors: FieldError[] = [];
    const complain = (label: string, value: string, detail: string): void => {
      errors.push({ type: 'FieldValueInvalid', path: `metadata.labels[${label}]`, value, detail });
    };
    const label = `${POD_SECURITY_LABEL}${mode}`;
    const level = metadata.labels?.[label];
    if (level !== undefined && levelOf(level) === undefined)
      complain(label, level, `must be one of ${POD_SECURITY_LEVELS.join(', ')}`);
    const version = metadata.labels?.[`${label}-version`];
    if (version !== undefined && versionOf(version) === undefined)
      complain(`${label}-version`, version, 'must be "latest" or "v1.x"');
    return errors;
  });
}

/** Whether `a` allows less than `b`, or might. */
export function isStricter(a: PodSecurityPolicy, b: PodSecurityPolicy): boolean {
  const rank = ({ level }: PodSecurityPolicy): number => POD_SECURITY_LEVELS.indexOf(level);
  if (rank(a) !== rank(b)) return rank(a) > rank(b);
  return a.version !== b.version && a.level !== 'privileged';
}
