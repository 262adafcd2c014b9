/** Pod specs, of pods and of templates; the order of checks is upstream's, because it is the order of the causes. */
import {
  asList,
  asNumber,
  asRecord,
  asRecords,
  asString,
  isAbsent,
  type JsonRecord,
} from '../json-access.ts';
import { ipAddress } from './addresses.ts';
import { type PodContext, validateContainers } from './containers.ts';
import { findDuplicates, validateLabels } from './metadata.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from './names.ts';
import { identifier, positiveInt32 } from './numbers.ts';
import { type FieldErrors, invalid, invalidAll, keyed, notSupported, required } from './report.ts';
import { validateQuantity } from './resources.ts';
import {
  dottedSysctl,
  isSysctlName,
  MAX_SYSCTL_NAME_LENGTH,
  SYSCTL_NAME_PATTERN,
  sysctlNamespace,
} from '../sysctls.ts';
import { validateAffinity, validateSpread, validateTolerations } from './scheduling.ts';
import { validateVolumes } from './volumes.ts';

type Fields = Readonly<JsonRecord>;

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None'];
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];
const MAX_NAMESERVERS = 3;
const MAX_SEARCHES = 32;
const DEFAULT_GRACE_SECONDS = 30;

export function validatePodSpec(value: unknown, path: string): FieldErrors {
  const spec = asRecord(value);
  const volumes = validateVolumes(spec['volumes'], `${path}.volumes`);
  const context: PodContext = {
    volumes: volumes.names,
    graceSeconds: asNumber(spec['terminationGracePeriodSeconds']) ?? DEFAULT_GRACE_SECONDS,
    hostNetwork: spec['hostNetwork'] === true,
  };
  return [
    ...volumes.errors,
    ...validateContainers(spec, context, path),
    ...oneOf(spec['restartPolicy'], RESTART_POLICIES, `${path}.restartPolicy`),
    ...oneOf(spec['dnsPolicy'], DNS_POLICIES, `${path}.dnsPolicy`),
    ...validateLabels(spec['nodeSelector'], `${path}.nodeSelector`),
    ...validateSecurity(spec, path),
    ...validateAffinity(spec['affinity'], `${path}.affinity`),
    ...validateDnsConfig(spec, `${path}.dnsConfig`),
    ...validateGates(spec, path),
    ...validateSpread(spec['topologySpreadConstraints'], `${path}.topologySpreadConstraints`),
    ...validateNames(spec, path),
    ...validateTolerations(spec['tolerations'], `${path}.tolerations`),
    ...validateHostAliases(spec['hostAliases'], `${path}.hostAliases`),
    ...validateRest(spec, path),
  ];
}

function oneOf(value: unknown, supported: readonly string[], path: string): FieldErrors {
  const text = asString(value);
  if (text === '') return [required(path)];
  return supported.includes(text) ? [] : [notSupported(path, text, supported)];
}

function validateSecurity(spec: Fields, path: string): FieldErrors {
  const context = asRecord(spec['securityContext']);
  const at = `${path}.securityContext`;
  const errors: FieldErrors = [];
  if (spec['shareProcessNamespace'] === true && spec['hostPID'] === true) {
    const detail = 'ShareProcessNamespace and HostPID cannot both be enabled';
    errors.push(invalid(`${path}.shareProcessNamespace`, true, detail));
  }
  for (const field of ['fsGroup', 'runAsUser', 'runAsGroup']) {
    errors.push(...identifier(context[field], `${at}.${field}`));
  }
  for (const [index, group] of asList(context['supplementalGroups']).entries()) {
    errors.push(...identifier(group, `${at}.supplementalGroups[${index}]`));
  }
  const { fsGroupChangePolicy: policy, sysctls } = context;
  if (!isAbsent(policy) && policy !== 'Always' && policy !== 'OnRootMismatch') {
    errors.push(notSupported(`${at}.fsGroupChangePolicy`, policy, ['Always', 'OnRootMismatch']));
  }
  for (const [index, sysctl] of asRecords(sysctls).entries()) {
    errors.push(...validateSysctl(sysctl['name'], spec, `${at}.sysctls[${index}].name`));
  }
  errors.push(
    ...findDuplicates(
      sysctls,
      (sysctl) => sysctl['name'],
      (index) => `${at}.sysctls[${index}].name`,
    ),
  );
  return errors;
}

function validateSysctl(value: unknown, spec: Fields, at: string): FieldErrors {
  const name = asString(value);
  if (name === '') return [required(at)];
  if (!isSysctlName(name)) {
    const detail = `must have at most ${MAX_SYSCTL_NAME_LENGTH} characters and match regex ${SYSCTL_NAME_PATTERN}`;
    return [invalid(at, name, detail)];
  }
  // What belongs to a namespace of the host would change it for everybody.
  const namespace = sysctlNamespace(dottedSysctl(name));
  const field = namespace === 'IPC' ? 'hostIPC' : 'hostNetwork';
  if (namespace === undefined || spec[field] !== true) return [];
  return [invalid(at, name, `may not be specified when '${field}' is true`)];
}

function validateDnsConfig(spec: Fields, path: string): FieldErrors {
  const needed = spec['dnsPolicy'] === 'None';
  const value = spec['dnsConfig'];
  if (isAbsent(value)) {
    return needed ? [required(path, 'must provide `dnsConfig` when `dnsPolicy` is None')] : [];
  }
  const { nameservers, searches, options } = asRecord(value);
  const errors: FieldErrors = [];
  if (needed && asList(nameservers).length === 0) {
    const detail = 'must provide at least one DNS nameserver when `dnsPolicy` is None';
    errors.push(required(`${path}.nameservers`, detail));
  }
  if (asList(nameservers).length > MAX_NAMESERVERS) {
    const detail = `must not have more than ${MAX_NAMESERVERS} nameservers`;
    errors.push(invalid(`${path}.nameservers`, nameservers, detail));
  }
  for (const [index, server] of asList(nameservers).entries()) {
    errors.push(...invalidAll(`${path}.nameservers[${index}]`, server, ipAddress(asString(server))));
  }
  if (asList(searches).length > MAX_SEARCHES) {
    errors.push(
      invalid(`${path}.searches`, searches, `must not have more than ${MAX_SEARCHES} search paths`),
    );
  }
  for (const [index, item] of asList(searches).entries()) {
    // A search path may be absolute, and underscores are common in them.
    const search = asString(item).replace(/\.$/, '').replaceAll('_', '-');
    if (search === '' && item === '.') continue;
    errors.push(...invalidAll(`${path}.searches[${index}]`, item, dns1123Subdomain(search)));
  }
  for (const [index, option] of asRecords(options).entries()) {
    if (asString(option['name']) === '') {
      errors.push(required(`${path}.options[${index}]`, 'must not be empty'));
    }
  }
  return errors;
}

function validateGates(spec: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const [index, gate] of asRecords(spec['readinessGates']).entries()) {
    const type = asString(gate['conditionType']);
    errors.push(...invalidAll(`${path}.readinessGates[${index}].conditionType`, type, qualifiedName(type)));
  }
  for (const [index, gate] of asRecords(spec['schedulingGates']).entries()) {
    const name = asString(gate['name']);
    errors.push(...invalidAll(`${path}.schedulingGates[${index}]`, name, qualifiedName(name)));
  }
  errors.push(
    ...findDuplicates(
      spec['schedulingGates'],
      (gate) => gate['name'],
      (index) => `${path}.schedulingGates[${index}]`,
    ),
  );
  return errors;
}

function validateNames(spec: Fields, path: string): FieldErrors {
  const check = (field: string, rule: (name: string) => readonly string[]): FieldErrors => {
    const name = asString(spec[field]);
    return name === '' ? [] : invalidAll(`${path}.${field}`, name, rule(name));
  };
  return [
    ...check('serviceAccountName', dns1123Subdomain),
    ...check('nodeName', dns1123Subdomain),
    ...positiveInt32(spec['activeDeadlineSeconds'], `${path}.activeDeadlineSeconds`),
    ...check('hostname', dns1123Label),
    ...check('subdomain', dns1123Label),
  ];
}

function validateHostAliases(aliases: unknown, path: string): FieldErrors {
  return asRecords(aliases).flatMap((alias, index) => {
    const at = `${path}[${index}]`;
    const ip = asString(alias['ip']);
    return [
      ...invalidAll(`${at}.ip`, ip, ipAddress(ip)),
      ...asList(alias['hostnames']).flatMap((name) =>
        invalidAll(`${at}.hostnames`, name, dns1123Subdomain(asString(name))),
      ),
    ];
  });
}

function validateRest(spec: Fields, path: string): FieldErrors {
  const errors: FieldErrors = [];
  for (const field of ['priorityClassName', 'runtimeClassName']) {
    const name = asString(spec[field]);
    if (name !== '') errors.push(...invalidAll(`${path}.${field}`, name, dns1123Subdomain(name)));
  }
  const preemption = spec['preemptionPolicy'];
  if (!isAbsent(preemption) && !PREEMPTION_POLICIES.includes(asString(preemption))) {
    errors.push(notSupported(`${path}.preemptionPolicy`, preemption, PREEMPTION_POLICIES));
  }
  for (const [name, value] of Object.entries(asRecord(spec['overhead']))) {
    errors.push(...validateQuantity(name, value, keyed(`${path}.overhead`, name)));
  }
  return errors;
}
