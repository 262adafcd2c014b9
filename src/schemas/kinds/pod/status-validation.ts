/** Validates the status of a pod, which usually its node writes. */
import { jsonEqual } from '../../../base/json.ts';
import { parseAddress } from '../../values/ip-address.ts';
import { asList, asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { ipAddress } from '../../validation/addresses.ts';
import { dns1123Subdomain, qualifiedName } from '../../validation/names.ts';
import { identifier } from '../../validation/numbers.ts';
import { validatePodAnnotations } from '../../validation/pod-annotations.ts';
import { annotationErrors } from './update-validation.ts';
import {
  append,
  duplicate,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notSupported,
} from '../../validation/report.ts';

/** Conditions of the system; others have qualified names. */
const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized']);

export function validatePodStatus(next: KubeObject, current: KubeObject): FieldErrors {
  const [status, old] = [asRecord(next['status']), asRecord(current['status'])];
  const spec = asRecord(next['spec']);
  const errors = [
    ...annotationErrors(next, current),
    ...validateNewAnnotations(next, current),
    ...validateConditions(status['conditions']),
    ...validateNominated(status, old, spec),
  ];
  append(errors, validateGeneration(status, 'status'));
  append(errors, validateTransitions(status, old, asRecord(current['spec'])));
  append(errors, validateClaimStatuses(status, spec));
  append(errors, [...validateIps(status, old, 'podIPs'), ...validateIps(status, old, 'hostIPs')]);
  const isWindows = asRecord(spec['os'])['name'] === 'windows';
  return [
    ...errors,
    ...STATUS_LISTS.flatMap(([list]) => validateUsers(status[list], isWindows, `status.${list}`)),
    ...STATUS_LISTS.flatMap(([list, containers]) =>
      validateHealth(status[list], asRecords(spec[containers]), `status.${list}`),
    ),
  ];
}

/** Annotations that were there before do not keep a node from reporting. */
function validateNewAnnotations(next: KubeObject, current: KubeObject): FieldErrors {
  const { annotations } = asRecord(next.metadata);
  if (jsonEqual(annotations, asRecord(current.metadata)['annotations'])) return [];
  return validatePodAnnotations(annotations, asRecord(next['spec']), 'metadata.annotations');
}

/** The path is upstream's mistake. */
function validateConditions(conditions: unknown): FieldErrors {
  return asRecords(conditions).flatMap((condition, index) => {
    const at = `metadata.conditions[${index}]`;
    const type = asString(condition['type']);
    const errors = validateGeneration(condition, at);
    if (SYSTEM_CONDITIONS.has(type)) return errors;
    return [...errors, ...invalidAll(`${at}.Type`, type, qualifiedName(type))];
  });
}

function validateGeneration({ observedGeneration }: Fields, path: string): FieldErrors {
  const generation = asNumber(observedGeneration) ?? 0;
  if (generation >= 0) return [];
  return [invalid(`${path}.observedGeneration`, generation, 'must be a non-negative integer')];
}

/** A node that a pod might get; it is cleared when the pod is bound. */
function validateNominated(status: Fields, old: Fields, spec: Fields): FieldErrors {
  const node = asString(status['nominatedNodeName']);
  if (node === '' || node === old['nominatedNodeName']) return [];
  const path = 'status.nominatedNodeName';
  const errors = invalidAll(path, node, dns1123Subdomain(node));
  if (asString(spec['nodeName']) !== '')
    errors.push(forbidden(path, 'may not be set on pods that are already bound to a node'));
  return errors;
}

/** Each list of container statuses, and where its containers are. */
const STATUS_LISTS = [
  ['containerStatuses', 'containers'],
  ['initContainerStatuses', 'initContainers'],
  ['ephemeralContainerStatuses', 'ephemeralContainers'],
] as const;

/** A container that has ended for good stays ended, since others rely on it. */
function validateTransitions(status: Fields, old: Fields, spec: Fields): FieldErrors {
  return STATUS_LISTS.flatMap(([list, containers]) => {
    const isDebug = list === 'ephemeralContainerStatuses';
    if (!isDebug && restartsAll(spec)) return [];
    const now = new Map(asRecords(status[list]).map((one) => [one['name'], asRecord(one['state'])]));
    const known = new Map(asRecords(spec[containers]).map((container) => [container['name'], container]));
    return asRecords(old[list]).flatMap((before, index) => {
      const { terminated } = asRecord(before['state']);
      const state = now.get(before['name']);
      if (!terminated || !state || state['terminated']) return [];
      const container = known.get(before['name']);
      const code = asNumber(asRecord(terminated)['exitCode']) ?? 0;
      if (!isDebug && container && mayRestart(container, spec, code)) return [];
      const detail = 'may not be transitioned to non-terminated state';
      return [forbidden(`status.${list}[${index}].state`, detail)];
    });
  });
}

const rulesOf = (container: Fields): readonly Fields[] => asRecords(container['restartPolicyRules']);

/** Whether the end of one container may start all of them again. */
const restartsAll = (spec: Fields): boolean =>
  ['containers', 'initContainers'].some((list) =>
    asRecords(spec[list]).some((container) =>
      rulesOf(container).some(({ action }) => action === 'RestartAllContainers'),
    ),
  );

/** The first rule for the exit code decides, then the container's policy, then the pod's. */
function mayRestart(container: Fields, spec: Fields, exitCode: number): boolean {
  const isMet = rulesOf(container).some((rule) => {
    const { operator, values } = asRecord(rule['exitCodes']);
    return asList(values).includes(exitCode) === (operator === 'In');
  });
  const policy = asString(container['restartPolicy']) || asString(spec['restartPolicy']);
  return isMet || policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

function validateClaimStatuses(status: Fields, spec: Fields): FieldErrors {
  const claims = new Set(asRecords(spec['resourceClaims']).map(({ name }) => name));
  const seen = new Set<unknown>();
  return asRecords(status['resourceClaimStatuses']).flatMap((claim, index) => {
    const at = `status.resourceClaimStatuses[${index}].name`;
    const name = asString(claim['name']);
    const errors: FieldErrors = [];
    if (!claims.has(name))
      errors.push(invalid(at, name, 'must match the name of an entry in `spec.resourceClaims`'));
    if (seen.has(name)) errors.push(duplicate(at, name));
    seen.add(name);
    const claimName = claim['resourceClaimName'];
    if (isAbsent(claimName)) return errors;
    return [...errors, ...invalidAll(at, claimName, dns1123Subdomain(asString(claimName)))];
  });
}

/** One address of each family, each once; existing ones stay. */
function validateIps(status: Fields, old: Fields, field: 'podIPs' | 'hostIPs'): FieldErrors {
  const path = `status.${field}`;
  const kept = new Set(asRecords(old[field]).map(({ ip }) => ip));
  const addresses = asRecords(status[field]).map(({ ip }) => asString(ip));
  const errors = addresses.flatMap((ip, index) =>
    kept.has(ip) ? [] : invalidAll(`${path}[${index}]`, ip, ipAddress(ip)),
  );
  const { hostIP } = status;
  if (field === 'hostIPs' && addresses[0] !== undefined && addresses[0] !== asString(hostIP))
    errors.push(invalid(`${path}[0].ip`, addresses[0], 'must be equal to `hostIP`'));
  if (addresses.length <= 1) return errors;
  const families = addresses.map((ip) => parseAddress(ip, 'sloppy')?.family);
  const unread = families.indexOf(undefined);
  if (unread >= 0) {
    const detail = `failed to check for dual stack with error:invalid IP[${unread}]: ${addresses[unread] ?? ''}`;
    errors.push({ type: 'InternalError', path, detail });
  }
  if (addresses.length > 2 || unread >= 0 || new Set(families).size !== 2) {
    const shown = addresses.map((ip) => ({ IP: ip }));
    errors.push(invalid(path, shown, 'may specify no more than one IP for each IP family'));
  }
  return errors;
}

/** The users that containers run as. */
function validateUsers(statuses: unknown, isWindows: boolean, path: string): FieldErrors {
  return asRecords(statuses).flatMap((status, index) => {
    const { linux } = asRecord(status['user']);
    if (isAbsent(linux)) return [];
    const at = `${path}[${index}].linux`;
    if (isWindows) return [forbidden(at, 'cannot be set for a windows pod')];
    const { uid, gid, supplementalGroups } = asRecord(linux);
    return [
      ...identifier(uid, `${at}.uid`),
      ...identifier(gid, `${at}.gid`),
      ...asList(supplementalGroups).flatMap((group, number) =>
        identifier(group, `${at}.supplementalGroups[${number}]`),
      ),
    ];
  });
}

const HEALTHS = ['Healthy', 'Unhealthy', 'Unknown'];

/** The health of the devices that containers have. */
function validateHealth(statuses: unknown, containers: readonly Fields[], path: string): FieldErrors {
  return asRecords(statuses).flatMap((status, index) => {
    const at = `${path}[${index}].allocatedResourcesStatus`;
    const allocated = asRecords(status['allocatedResourcesStatus']);
    if (path === 'status.ephemeralContainerStatuses')
      return allocated.length === 0 ? [] : [forbidden(at, 'must not be specified in container status')];
    const container = containers.find(({ name }) => name === status['name']);
    return allocated.flatMap((resource, number) => [
      ...(container ? validateAllocated(resource, container, `${at}[${number}].name`) : []),
      ...validateDevices(resource['resources'], `${at}[${number}].resources`),
    ]);
  });
}

function validateAllocated(resource: Fields, container: Fields, path: string): FieldErrors {
  const name = asString(resource['name']);
  const { claims, requests } = asRecord(container['resources']);
  if (!name.startsWith('claim:'))
    return Object.hasOwn(asRecord(requests), name)
      ? []
      : [invalid(path, name, "must match one of the container's resource requests")];
  const isKnown = asRecords(claims).some((claim) => {
    const request = asString(claim['request']);
    return name === `claim:${asString(claim['name'])}${request === '' ? '' : `/${request}`}`;
  });
  const detail =
    "must match one of the container's resource claims in a format 'claim:<claimName>/<request>' or 'claim:<claimName>' if request is empty";
  return isKnown ? [] : [invalid(path, name, detail)];
}

function validateDevices(devices: unknown, path: string): FieldErrors {
  const seen = new Set<string>();
  return asRecords(devices).flatMap((device, index) => {
    const [id, health] = [asString(device['resourceID']), asString(device['health'])];
    const errors: FieldErrors = [];
    if (!HEALTHS.includes(health)) errors.push(notSupported(`${path}[${index}].health`, health, HEALTHS));
    if (seen.has(id)) errors.push(duplicate(`${path}[${index}].resourceID`, id));
    seen.add(id);
    return errors;
  });
}
