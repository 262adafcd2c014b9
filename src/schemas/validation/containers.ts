/** Containers and init containers. */
import { asNumber, asRecord, asRecords, asString, isAbsent, type JsonRecord } from '../json-access.ts';
import { validateEphemeral } from './ephemeral-containers.ts';
import { validateEnvironment, validateEnvironmentFrom } from './environment.ts';
import { dns1123Label, portName, portNumber } from './names.ts';
import { identifier } from './numbers.ts';
import { validateLifecycle, validateProbe } from './probes.ts';
import {
  duplicate,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';
import { validateResources } from './resources.ts';
import { validateMounts } from './volumes.ts';

type Fields = Readonly<JsonRecord>;

export interface PodContext {
  /** Names of the volumes that can be mounted. */
  readonly volumes: ReadonlySet<string>;
  readonly graceSeconds: number;
  readonly hostNetwork: boolean;
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MESSAGE_POLICIES = ['FallbackToLogsOnError', 'File'];
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;

export function validateContainers(spec: Fields, context: PodContext, path: string): FieldErrors {
  const names = new Set<string>();
  const errors: FieldErrors = [];
  const containers = asRecords(spec['containers']);
  if (containers.length === 0) errors.push(required(`${path}.containers`));
  for (const [index, container] of containers.entries()) {
    const at = `${path}.containers[${index}]`;
    errors.push(...validateCommon(container, context, at), ...checkName(container, names, at));
    errors.push(...validateLifecycle(container['lifecycle'], context.graceSeconds, `${at}.lifecycle`));
    for (const probe of PROBES) errors.push(...validateProbe(container[probe], probe, `${at}.${probe}`));
  }
  for (const [index, container] of asRecords(spec['initContainers']).entries()) {
    const at = `${path}.initContainers[${index}]`;
    errors.push(...validateCommon(container, context, at), ...checkName(container, names, at));
    errors.push(...validateInit(container, context, at));
  }
  for (const [index, container] of asRecords(spec['ephemeralContainers']).entries()) {
    const at = `${path}.ephemeralContainers[${index}]`;
    errors.push(...validateCommon(container, context, at), ...checkName(container, names, at));
    errors.push(...validateEphemeral(container, spec, at));
  }
  return errors;
}

function checkName(container: Fields, names: Set<string>, path: string): FieldErrors {
  const name = asString(container['name']);
  if (name === '') return [];
  if (names.has(name)) return [duplicate(`${path}.name`, name)];
  names.add(name);
  return [];
}

/** Only a sidecar, which stays, has a lifecycle and probes. */
function validateInit(container: Fields, context: PodContext, path: string): FieldErrors {
  const policy = container['restartPolicy'];
  if (policy === 'Always') {
    return [
      ...validateLifecycle(container['lifecycle'], context.graceSeconds, `${path}.lifecycle`),
      ...PROBES.flatMap((probe) => validateProbe(container[probe], probe, `${path}.${probe}`)),
    ];
  }
  const errors: FieldErrors = [];
  if (!isAbsent(policy) && policy !== 'Never' && policy !== 'OnFailure') {
    errors.push(notSupported(`${path}.restartPolicy`, policy, ['Always', 'Never', 'OnFailure']));
  }
  for (const field of ['lifecycle', ...PROBES]) {
    if (isAbsent(container[field])) continue;
    const detail = 'may not be set for init containers without restartPolicy=Always';
    errors.push(forbidden(`${path}.${field}`, detail));
  }
  return errors;
}

function validateCommon(container: Fields, context: PodContext, path: string): FieldErrors {
  const errors: FieldErrors = [];
  const name = asString(container['name']);
  if (name === '') errors.push(required(`${path}.name`));
  else errors.push(...invalidAll(`${path}.name`, name, dns1123Label(name)));
  errors.push(...validateImage(container['image'], `${path}.image`));
  const messages = asString(container['terminationMessagePolicy']);
  if (messages !== '' && !MESSAGE_POLICIES.includes(messages)) {
    errors.push(notSupported(`${path}.terminationMessagePolicy`, messages, MESSAGE_POLICIES));
  }
  errors.push(
    ...validatePorts(container['ports'], context.hostNetwork, `${path}.ports`),
    ...validateEnvironment(container['env'], `${path}.env`),
    ...validateEnvironmentFrom(container['envFrom'], `${path}.envFrom`),
    ...validateMounts(container, context.volumes, `${path}.volumeMounts`),
  );
  const policy = asString(container['imagePullPolicy']);
  if (policy === '') errors.push(required(`${path}.imagePullPolicy`));
  else if (!PULL_POLICIES.includes(policy)) {
    errors.push(notSupported(`${path}.imagePullPolicy`, policy, PULL_POLICIES));
  }
  errors.push(
    ...validateResources(container['resources'], `${path}.resources`),
    ...validateSecurityContext(container['securityContext'], `${path}.securityContext`),
  );
  return errors;
}

export function validateImage(value: unknown, path: string): FieldErrors {
  const image = asString(value);
  if (image === '') return [required(path)];
  if (image.trim() === image) return [];
  return [invalid(path, image, 'must not have leading or trailing whitespace')];
}

function validatePorts(ports: unknown, hostNetwork: boolean, path: string): FieldErrors {
  const names = new Set<string>();
  return asRecords(ports).flatMap((port, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldErrors = [];
    const name = asString(port['name']);
    if (name !== '') {
      const complaints = portName(name);
      errors.push(...invalidAll(`${at}.name`, name, complaints));
      if (complaints.length === 0 && names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    const number = asNumber(port['containerPort']) ?? 0;
    if (number === 0) errors.push(required(`${at}.containerPort`));
    else errors.push(...invalidAll(`${at}.containerPort`, number, portNumber(number)));
    const host = asNumber(port['hostPort']) ?? 0;
    if (host !== 0) errors.push(...invalidAll(`${at}.hostPort`, host, portNumber(host)));
    errors.push(...validateProtocol(port['protocol'], `${at}.protocol`));
    if (hostNetwork && host !== 0 && host !== number) {
      errors.push(invalid(`${at}.containerPort`, number, 'must match `hostPort` when `hostNetwork` is true'));
    }
    return errors;
  });
}

export function validateProtocol(value: unknown, path: string): FieldErrors {
  const protocol = asString(value);
  if (protocol === '') return [required(path)];
  return PROTOCOLS.includes(protocol) ? [] : [notSupported(path, protocol, PROTOCOLS)];
}

function validateSecurityContext(value: unknown, path: string): FieldErrors {
  if (isAbsent(value)) return [];
  const context = asRecord(value);
  const errors = [
    ...identifier(context['runAsUser'], `${path}.runAsUser`),
    ...identifier(context['runAsGroup'], `${path}.runAsGroup`),
  ];
  if (context['allowPrivilegeEscalation'] !== false) return errors;
  if (context['privileged'] === true) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true';
    errors.push(invalid(path, value, detail));
  }
  const added = asRecord(context['capabilities'])['add'];
  if (Array.isArray(added) && added.includes('CAP_SYS_ADMIN')) {
    const detail = 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN';
    errors.push(invalid(path, value, detail));
  }
  return errors;
}
