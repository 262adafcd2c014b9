/**
 * Whether this node accepts a pod that was bound to it: the scheduler's view may have been old, or
 * nodeName was set by hand. Pure; kubelet's reasons and words.
 */
import { evaluatePodSecurity, policyText, violationText } from '../../schemas/pod-security/evaluate.ts';
import type { PodSecurityLevel } from '../../schemas/pod-security/types.ts';
import { unimplementedIn } from '../../schemas/profile/index.ts';
import { parseAmounts, podRequests } from '../../schemas/pods/pod-resources.ts';
import { dottedSysctl, safeSysctls, sysctlNamespace } from '../../schemas/values/sysctls.ts';
import type { Pod } from '../../schemas/types.ts';
import type { PodVerdict } from '../pod/pod-view.ts';

export interface AdmissionInput {
  readonly pod: Pod;
  /** The pods that hold resources here. */
  readonly others: readonly Pod[];
  /** Undefined until the node has reported its resources. */
  readonly allocatable: Readonly<Record<string, string>> | undefined;
  /** The highest level that this node accepts, whatever the control plane allows. */
  readonly maxPodSecurity: PodSecurityLevel;
  /** Further namespaced kernel settings that pods may have; a trailing `*` matches any rest. */
  readonly allowedUnsafeSysctls?: readonly string[];
}

export function planAdmission(input: AdmissionInput): PodVerdict | undefined {
  const { allocatable } = input;
  const refused = planImplemented(input) ?? planSecurity(input) ?? planSysctls(input);
  if (refused || !allocatable) return refused;
  return planResources(input, allocatable) ?? planPorts(input);
}

/** The scheduler lets such pods wait; this one was bound by hand. */
function planImplemented({ pod }: AdmissionInput): PodVerdict | undefined {
  const missing = unimplementedIn(pod);
  return missing === undefined
    ? undefined
    : { reason: 'NotImplemented', message: `Pod was rejected: ${missing}` };
}

/**
 * The owner of a host may forbid privileged pods on it. The agent does not know the levels of
 * namespaces, and a level stamped on the pod would prove nothing: a writer of pods past the API's
 * admission can write the stamp, too. So the level is the node's own.
 */
function planSecurity({ pod, maxPodSecurity: level }: AdmissionInput): PodVerdict | undefined {
  const policy = { level, version: 'latest' } as const;
  const violations = evaluatePodSecurity(policy, pod.spec, pod.metadata);
  if (violations.length === 0) return undefined;
  const why = `violates PodSecurity "${policyText(policy)}": ${violationText(violations)}`;
  return {
    reason: 'PodSecurity',
    message: `Pod was rejected: ${why}; this node takes no more (--max-pod-security)`,
  };
}

/** Refuses kernel settings that could hurt other pods, or that the pod shares with the host. */
function planSysctls({ pod, allowedUnsafeSysctls = [] }: AdmissionInput): PodVerdict | undefined {
  for (const sysctl of pod.spec.securityContext?.sysctls ?? []) {
    const name = dottedSysctl(sysctl.name);
    const why = sysctlComplaint(name, pod, allowedUnsafeSysctls);
    if (why !== undefined) {
      const message = `Pod was rejected: forbidden sysctl: ${JSON.stringify(name)} ${why}`;
      return { reason: 'SysctlForbidden', message };
    }
  }
  return undefined;
}

function sysctlComplaint(name: string, { spec }: Pod, allowed: readonly string[]): string | undefined {
  const namespace = sysctlNamespace(name);
  const matches = (pattern: string): boolean =>
    pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
  if (namespace === undefined || !(safeSysctls.has(name) || allowed.some(matches))) return 'not allowlisted';
  const shared = namespace === 'IPC' ? spec.hostIPC : spec.hostNetwork;
  return shared === true ? `not allowed with host ${namespace} enabled` : undefined;
}

function planResources(
  { pod, others }: AdmissionInput,
  allocatable: Readonly<Record<string, string>>,
): PodVerdict | undefined {
  const capacities = parseAmounts(allocatable);
  const podLimit = capacities.get('pods') ?? 0;
  if (podLimit > 0 && others.length + 1 > podLimit) return outOf('pods', 1, others.length, podLimit);
  const used = new Map<string, number>();
  for (const other of others) {
    for (const [name, amount] of podRequests(other.spec)) used.set(name, (used.get(name) ?? 0) + amount);
  }
  for (const [name, requested] of podRequests(pod.spec)) {
    const capacity = capacities.get(name) ?? 0;
    const inUse = used.get(name) ?? 0;
    if (requested > 0 && inUse + requested > capacity) return outOf(name, requested, inUse, capacity);
  }
  return undefined;
}

function outOf(resource: string, requested: number, used: number, capacity: number): PodVerdict {
  return {
    reason: `OutOf${resource}`,
    message: `Pod was rejected: Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function planPorts({ pod, others }: AdmissionInput): PodVerdict | undefined {
  const taken = others.flatMap(hostPortsOf);
  const clash = hostPortsOf(pod).some((wanted) =>
    taken.some(
      (held) =>
        held.port === wanted.port &&
        held.protocol === wanted.protocol &&
        (held.ip === wanted.ip || held.ip === ANY || wanted.ip === ANY),
    ),
  );
  if (!clash) return undefined;
  const why = "node(s) didn't have free ports for the requested pod ports";
  return { reason: 'NodePorts', message: `Pod was rejected: Predicate NodePorts failed: ${why}` };
}

const ANY = '0.0.0.0';

interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

function hostPortsOf(pod: Pod): readonly HostPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((init) => init.restartPolicy === 'Always');
  return [...pod.spec.containers, ...sidecars].flatMap((container) =>
    (container.ports ?? []).flatMap((port) =>
      port.hostPort === undefined || port.hostPort === 0
        ? []
        : [{ ip: port.hostIP || ANY, protocol: port.protocol ?? 'TCP', port: port.hostPort }],
    ),
  );
}
