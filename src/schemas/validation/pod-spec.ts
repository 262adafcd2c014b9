/** Pod specs of pods and templates; the order of checks is upstream's order of causes. */
import { asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { type PodContext, validateContainers, validateHostNetworkPorts } from './containers.ts';
import { validateFileVolumes } from './environment.ts';
import { validateLabels } from './metadata.ts';
import { dns1123Label, dns1123Subdomain, type NameRule, qualifiedName } from './names.ts';
import { positiveInt32 } from './numbers.ts';
import { validateDnsConfig, validateHostAliases } from './pod-dns.ts';
import { claimNamesOf, validatePodLevelResources, validateResourceClaims } from './pod-level-resources.ts';
import { validateOs } from './pod-os.ts';
import { byteLength, append, duplicate, type FieldErrors, forbidden, invalidAll, tooLong } from './report.ts';
import { optionalText, requiredWord } from './texts.ts';
import { validateOverhead } from './resources.ts';
import { validateAffinity, validateSpread, validateTolerations } from './scheduling.ts';
import { validatePodSecurityContext } from './security-context.ts';
import { validateVolumes } from './volumes.ts';
import { validateHostProcess } from './windows-options.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];
const DEFAULT_GRACE_SECONDS = 30;
/** The length of a host name that the kernel takes. */
const MAX_HOST_NAME_BYTES = 64;

/** `podName` is given for pods only: some rules do not hold for templates. */
export function validatePodSpec(value: unknown, path: string, podName?: string): FieldErrors {
  const spec = asRecord(value);
  const checked = validateVolumes(spec['volumes'], { podName }, `${path}.volumes`);
  const context: PodContext = {
    volumes: checked.volumes,
    claims: claimNamesOf(spec),
    graceSeconds: asNumber(spec['terminationGracePeriodSeconds']) ?? DEFAULT_GRACE_SECONDS,
    hostUsers: spec['hostUsers'] !== false,
    restartPolicy: asString(spec['restartPolicy']),
  };
  return [
    ...checked.errors,
    ...validateResourceClaims(spec['resourceClaims'], podName, `${path}.resourceClaims`),
    ...validateContainers(spec, context, path),
    ...validateFiles(spec, checked.volumes, path),
    ...validatePodLevelResources(spec, context.claims, `${path}.resources`),
    ...validateHostNetworkPorts(spec, podName !== undefined, path),
    ...requiredWord(spec['restartPolicy'], `${path}.restartPolicy`, RESTART_POLICIES),
    ...requiredWord(spec['dnsPolicy'], `${path}.dnsPolicy`, DNS_POLICIES),
    ...validateLabels(spec['nodeSelector'], `${path}.nodeSelector`),
    ...validatePodSecurityContext(spec, `${path}.securityContext`),
    ...validateAffinity(spec['affinity'], `${path}.affinity`),
    ...validateDnsConfig(spec, `${path}.dnsConfig`),
    ...validateGates(spec, path),
    ...validateSpread(spec['topologySpreadConstraints'], `${path}.topologySpreadConstraints`),
    ...validateHostProcess(spec, path),
    ...validateHostUsers(spec, path),
    ...validateNames(spec, path),
    ...validateTolerations(spec['tolerations'], `${path}.tolerations`),
    ...validateHostAliases(spec['hostAliases'], `${path}.hostAliases`),
    ...validateClasses(spec, path),
    ...validateOverhead(spec['overhead'], `${path}.overhead`),
    ...validateOs(spec, path),
  ];
}

function validateFiles(spec: Fields, volumes: PodContext['volumes'], path: string): FieldErrors {
  return ['containers', 'initContainers', 'ephemeralContainers'].flatMap((list) =>
    asRecords(spec[list]).flatMap((container, index) =>
      validateFileVolumes(container['env'], volumes, `${path}.${list}[${index}].env`),
    ),
  );
}

function validateGates(spec: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const [index, gate] of asRecords(spec['readinessGates']).entries()) {
    const type = asString(gate['conditionType']);
    append(errors, invalidAll(`${path}.readinessGates[${index}].conditionType`, type, qualifiedName(type)));
  }
  const seen = new Set<string>();
  for (const [index, gate] of asRecords(spec['schedulingGates']).entries()) {
    const name = asString(gate['name']);
    const at = `${path}.schedulingGates[${index}]`;
    append(errors, invalidAll(at, name, qualifiedName(name)));
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
  }
  return errors;
}

/** A user namespace excludes namespaces of the host. Two of the paths are upstream's mistakes. */
const HOST_NAMESPACES = { hostNetwork: 'hostNetwork', hostPID: 'HostPID', hostIPC: 'HostIPC' };

function validateHostUsers(spec: Fields, path: string): FieldErrors {
  if (spec['hostUsers'] !== false) return [];
  const shared = Object.entries(HOST_NAMESPACES)
    .filter(([field]) => spec[field] === true)
    .map(([, shown]) => forbidden(`${path}.${shown}`, 'when `hostUsers` is false'));
  const devices = ['containers', 'initContainers', 'ephemeralContainers'].flatMap((list) =>
    asRecords(spec[list]).flatMap((container, index) => {
      if (asRecords(container['volumeDevices']).length === 0) return [];
      const detail = 'when `hostUsers` is false';
      return [forbidden(`${path}.${list}[${index}].volumeDevices`, detail)];
    }),
  );
  return [...shared, ...devices];
}

function validateNames(spec: Fields, path: string): FieldErrors {
  const check = (field: string, rule: NameRule): FieldErrors =>
    optionalText(spec[field], `${path}.${field}`, rule);
  return [
    ...check('serviceAccountName', dns1123Subdomain),
    ...check('nodeName', dns1123Subdomain),
    ...positiveInt32(spec['activeDeadlineSeconds'], `${path}.activeDeadlineSeconds`),
    ...check('hostname', dns1123Label),
    ...check('subdomain', dns1123Label),
    ...validateHostnameOverride(spec, `${path}.hostnameOverride`),
  ];
}

function validateHostnameOverride(spec: Fields, path: string): FieldErrors {
  const { hostnameOverride } = spec;
  if (isAbsent(hostnameOverride)) return [];
  const name = asString(hostnameOverride);
  const errors: FieldErrors = [];
  if (spec['hostNetwork'] === true)
    errors.push(forbidden(path, 'may not be specified when hostNetwork is true'));
  if (spec['setHostnameAsFQDN'] === true)
    errors.push(forbidden(path, 'may not be specified when setHostnameAsFQDN is true'));
  if (byteLength(name) > MAX_HOST_NAME_BYTES) errors.push(tooLong(path, MAX_HOST_NAME_BYTES));
  return [...errors, ...invalidAll(path, name, dns1123Subdomain(name))];
}

function validateClasses(spec: Fields, path: string): FieldErrors {
  const { runtimeClassName, preemptionPolicy } = spec;
  const errors = optionalText(spec['priorityClassName'], `${path}.priorityClassName`, dns1123Subdomain);
  if (!isAbsent(runtimeClassName)) {
    const name = asString(runtimeClassName);
    append(errors, invalidAll(`${path}.runtimeClassName`, name, dns1123Subdomain(name)));
  }
  return [...errors, ...validatePreemption(preemptionPolicy, `${path}.preemptionPolicy`)];
}

export const validatePreemption = (policy: unknown, path: string): FieldErrors =>
  isAbsent(policy) ? [] : requiredWord(policy, path, PREEMPTION_POLICIES);
