/** Containers, init containers and debug containers; the order of checks is upstream's. */
import { asNumber, asRecord, asRecords, asString, type Fields, isAbsent } from '../json-access.ts';
import { validateRestart } from './container-restart.ts';
import { validateEphemeral } from './ephemeral-containers.ts';
import { validateEnvironment, validateEnvironmentFrom } from './environment.ts';
import { dns1123Label, portName, portNumber } from './names.ts';
import { validateLifecycle, validateProbe } from './probes.ts';
import {
  duplicate,
  append,
  type FieldErrors,
  forbidden,
  invalid,
  invalidAll,
  notSupported,
  required,
} from './report.ts';
import { requiredText, requiredWord } from './texts.ts';
import { type ClaimNames, validateResources } from './resources.ts';
import { validateSecurityContext } from './security-context.ts';
import { validateDevices, validateMounts } from './volume-mounts.ts';
import { validatePullPolicy } from './volumes.ts';

export interface PodContext {
  /** The volumes that can be mounted. */
  readonly volumes: ReadonlyMap<string, Fields>;
  readonly claims: ClaimNames;
  readonly graceSeconds: number;
  /** Whether the pod's users are those of the host. */
  readonly hostUsers: boolean;
  readonly restartPolicy: string;
}

const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];
const PROBES = ['livenessProbe', 'readinessProbe', 'startupProbe'] as const;

export function validateContainers(spec: Fields, context: PodContext, path: string): FieldErrors {
  const names = new Set<string>();
  const errors: FieldErrors = [];
  const containers = asRecords(spec['containers']);
  if (containers.length === 0) errors.push(required(`${path}.containers`));
  const ports = new Set<string>();
  const conflicts: FieldErrors = [];
  for (const [index, container] of containers.entries()) {
    const at = `${path}.containers[${index}]`;
    append(errors, validateCommon(container, context, at));
    append(errors, checkName(container, names, at));
    append(errors, validateRunning(container, context, at));
    append(errors, validateRestart(container, at));
    append(conflicts, checkHostPorts(container, ports, at));
  }
  append(errors, conflicts);
  for (const [index, container] of asRecords(spec['initContainers']).entries()) {
    const at = `${path}.initContainers[${index}]`;
    append(errors, validateCommon(container, context, at));
    append(errors, validateRestart(container, at));
    append(errors, checkName(container, names, at, true));
    // Init containers run one by one; upstream counts each as the first.
    append(errors, checkHostPorts(container, new Set(), `${path}.initContainers[0]`));
    append(errors, validateInit(container, context, at));
  }
  const targets = new Set(names);
  for (const [index, container] of asRecords(spec['ephemeralContainers']).entries()) {
    const at = `${path}.ephemeralContainers[${index}]`;
    append(errors, validateCommon(container, context, at));
    append(errors, validateImage(container['image'], `${at}.image`));
    append(errors, checkName(container, names, at));
    append(errors, validateEphemeral(container, targets, at));
  }
  return errors;
}

function checkName(container: Fields, names: Set<string>, path: string, isInit = false): FieldErrors {
  const name = asString(container['name']);
  if (names.has(name)) return [duplicate(`${path}.name`, name)];
  // Two init containers without a name are no duplicates, as upstream has it.
  if (!isInit || name !== '') names.add(name);
  return [];
}

/** One container may use a port of the host. */
function checkHostPorts(container: Fields, taken: Set<string>, path: string): FieldErrors {
  return asRecords(container['ports']).flatMap((port, index) => {
    const hostPort = asNumber(port['hostPort']) ?? 0;
    if (hostPort === 0) return [];
    const key = `${asString(port['protocol'])}/${asString(port['hostIP'])}/${hostPort}`;
    if (taken.has(key)) return [duplicate(`${path}.ports[${index}].hostPort`, key)];
    taken.add(key);
    return [];
  });
}

/** Fields that only containers that keep running may have. */
function validateRunning(container: Fields, context: PodContext, path: string): FieldErrors {
  return [
    ...validateLifecycle(container['lifecycle'], context.graceSeconds, `${path}.lifecycle`),
    ...PROBES.flatMap((probe) => validateProbe(container[probe], probe, `${path}.${probe}`)),
  ];
}

function validateInit(container: Fields, context: PodContext, path: string): FieldErrors {
  if (container['restartPolicy'] === 'Always') return validateRunning(container, context, path);
  const errors: FieldErrors = [];
  for (const field of ['lifecycle', ...PROBES]) {
    if (isAbsent(container[field])) continue;
    const detail = 'may not be set for init containers without restartPolicy=Always';
    errors.push(forbidden(`${path}.${field}`, detail));
  }
  return errors;
}

function validateCommon(container: Fields, context: PodContext, path: string): FieldErrors {
  const { terminationMessagePolicy } = container;
  return [
    ...requiredText(container['name'], `${path}.name`, dns1123Label),
    ...(asString(container['image']) === '' ? [required(`${path}.image`)] : []),
    ...requiredWord(terminationMessagePolicy, `${path}.terminationMessagePolicy`, MESSAGE_POLICIES),
    ...validatePorts(container['ports'], `${path}.ports`),
    ...validateEnvironment(container['env'], `${path}.env`),
    ...validateEnvironmentFrom(container['envFrom'], `${path}.envFrom`),
    ...validateMounts(container, context.volumes, `${path}.volumeMounts`),
    ...validateDevices(container, context.volumes, `${path}.volumeDevices`),
    ...validatePullPolicy(container['imagePullPolicy'], `${path}.imagePullPolicy`),
    ...validateResources(container['resources'], `${path}.resources`, context.claims),
    ...validateResizePolicy(container['resizePolicy'], context.restartPolicy, `${path}.resizePolicy`),
    ...validateSecurityContext(container['securityContext'], context.hostUsers, `${path}.securityContext`),
  ];
}

const RESIZABLE = ['cpu', 'memory'];
const RESIZE_POLICIES = ['NotRequired', 'RestartContainer'];

/** Most errors are upstream's about the whole list. */
function validateResizePolicy(list: unknown, restartPolicy: string, path: string): FieldErrors {
  const seen = new Set<string>();
  return asRecords(list).flatMap((item, index) => {
    const [resource, policy] = [asString(item['resourceName']), asString(item['restartPolicy'])];
    const errors = seen.has(resource) ? [duplicate(`${path}[${index}]`, resource)] : [];
    seen.add(resource);
    for (const [word, supported] of [
      [resource, RESIZABLE],
      [policy, RESIZE_POLICIES],
    ] as const) {
      if (word === '') errors.push(required(path));
      else if (!supported.includes(word)) errors.push(notSupported(path, word, supported));
    }
    if (restartPolicy === 'Never' && policy !== 'NotRequired') {
      const detail = "must be 'NotRequired' when `restartPolicy` is 'Never'";
      errors.push(invalid(path, policy, detail));
    }
    return errors;
  });
}

/** Only for pods: the image of a template may be blank, for others to fill in. */
export function validateImage(value: unknown, path: string): FieldErrors {
  const image = asString(value);
  if (image.trim() === image) return [];
  return [invalid(path, image, 'must not have leading or trailing whitespace')];
}

function validatePorts(ports: unknown, path: string): FieldErrors {
  const names = new Set<string>();
  return asRecords(ports).flatMap((port, index) => {
    const at = `${path}[${index}]`;
    const errors: FieldErrors = [];
    const name = asString(port['name']);
    if (name !== '') {
      const complaints = portName(name);
      append(errors, invalidAll(`${at}.name`, name, complaints));
      if (complaints.length === 0 && names.has(name)) errors.push(duplicate(`${at}.name`, name));
      if (complaints.length === 0) names.add(name);
    }
    const number = asNumber(port['containerPort']) ?? 0;
    if (number === 0) errors.push(required(`${at}.containerPort`));
    else append(errors, invalidAll(`${at}.containerPort`, number, portNumber(number)));
    const host = asNumber(port['hostPort']) ?? 0;
    if (host !== 0) append(errors, invalidAll(`${at}.hostPort`, host, portNumber(host)));
    append(errors, validateProtocol(port['protocol'], `${at}.protocol`));
    return errors;
  });
}

export const validateProtocol = (value: unknown, path: string): FieldErrors =>
  requiredWord(value, path, PROTOCOLS);

/** With the host's network, a container's port is the host's. `isPod`: templates may omit it. */
export function validateHostNetworkPorts(spec: Fields, isPod: boolean, path: string): FieldErrors {
  if (spec['hostNetwork'] !== true) return [];
  return asRecords(spec['containers']).flatMap((container, index) =>
    asRecords(container['ports']).flatMap((port, at) => {
      const [host, own] = [asNumber(port['hostPort']) ?? 0, asNumber(port['containerPort']) ?? 0];
      if (host === own || (!isPod && host === 0)) return [];
      const detail = 'must match `containerPort` when `hostNetwork` is true';
      return [invalid(`${path}.containers[${index}].ports[${at}].hostPort`, host, detail)];
    }),
  );
}

/** A pod's images, where they are not empty. */
export function validateImages(spec: Fields, path: string): FieldErrors {
  return ['containers', 'initContainers'].flatMap((list) =>
    asRecords(spec[list]).flatMap((container, index) =>
      validateImage(asRecord(container)['image'], `${path}.${list}[${index}].image`),
    ),
  );
}
