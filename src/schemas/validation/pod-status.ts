/** What a node (or whoever else may) writes into the status of a pod. */
import { asList, asNumber, asRecord, asRecords, asString, type JsonRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';
import { ipAddress } from './addresses.ts';
import { dns1123Subdomain, qualifiedName } from './names.ts';
import { annotationErrors } from './pod-update.ts';
import { duplicate, append, type FieldErrors, forbidden, invalid, invalidAll } from './report.ts';

type Fields = Readonly<JsonRecord>;

/** Conditions of the system; others have qualified names. */
const SYSTEM_CONDITIONS = new Set(['PodScheduled', 'Ready', 'Initialized']);

export function validatePodStatus(next: KubeObject, current: KubeObject): FieldErrors {
  const [status, old] = [asRecord(next['status']), asRecord(current['status'])];
  const errors = annotationErrors(next, current);
  for (const [index, condition] of asRecords(status['conditions']).entries()) {
    const type = asString(condition['type']);
    if (SYSTEM_CONDITIONS.has(type)) continue;
    // The path is upstream's slip.
    append(errors, invalidAll(`metadata.conditions[${index}].Type`, type, qualifiedName(type)));
  }
  const nominated = asString(status['nominatedNodeName']);
  if (nominated !== '' && nominated !== old['nominatedNodeName'])
    append(errors, invalidAll('status.nominatedNodeName', nominated, dns1123Subdomain(nominated)));
  const generation = asNumber(status['observedGeneration']) ?? 0;
  if (generation < 0)
    errors.push(invalid('status.observedGeneration', generation, 'must be a non-negative integer'));
  append(errors, validateTransitions(status, old, asRecord(current['spec'])));
  append(errors, validateClaimStatuses(status, asRecord(next['spec'])));
  return [...errors, ...validateIps(status, old, 'podIPs'), ...validateIps(status, old, 'hostIPs')];
}

/** Each list of container statuses, and where its containers are. */
const STATUS_LISTS = [
  ['containerStatuses', 'containers'],
  ['initContainerStatuses', 'initContainers'],
  ['ephemeralContainerStatuses', 'ephemeralContainers'],
] as const;

/** What has ended for good stays ended: whoever waits for it must not be told otherwise. */
function validateTransitions(status: Fields, old: Fields, spec: Fields): FieldErrors {
  return STATUS_LISTS.flatMap(([list, containers]) => {
    const now = new Map(asRecords(status[list]).map((one) => [one['name'], asRecord(one['state'])]));
    const restarting = new Map(
      asRecords(spec[containers]).map((container) => [container['name'], mayRestart(container, spec, list)]),
    );
    return asRecords(old[list]).flatMap((before, index) => {
      const { terminated } = asRecord(before['state']);
      const state = now.get(before['name']);
      if (!terminated || !state || state['terminated']) return [];
      const policy = restarting.get(before['name']);
      const failed = asRecord(terminated)['exitCode'] !== 0;
      if (policy === 'Always' || (policy === 'OnFailure' && failed)) return [];
      const detail = 'may not be transitioned to non-terminated state';
      return [forbidden(`status.${list}[${index}].state`, detail)];
    });
  });
}

function mayRestart(container: Fields, spec: Fields, list: string): string {
  if (list === 'ephemeralContainerStatuses') return 'Never';
  // Rules by exit code may restart anything.
  if (asList(container['restartPolicyRules']).length > 0) return 'Always';
  return asString(container['restartPolicy']) || asString(spec['restartPolicy']);
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
    return errors;
  });
}

/** One address of each family, each once; those that are there already stay. */
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
  const families = new Set(addresses.map((ip) => ip.includes(':')));
  if (addresses.length > 2 || families.size !== 2) {
    const shown = addresses.map((ip) => ({ IP: ip }));
    errors.push(invalid(path, shown, 'may specify no more than one IP for each IP family'));
  }
  const seen = new Set<string>();
  for (const [index, ip] of addresses.entries()) {
    if (seen.has(ip)) errors.push(duplicate(`${path}[${index}]`, { IP: ip }));
    seen.add(ip);
  }
  return errors;
}
