/**
 * Warnings about what upstream accepts though it is mostly a slip. The texts are upstream's, since
 * clients show them to people. Pure; called with the object as it will be stored.
 */
import { append } from '../../base/append.ts';
import { isRecord, ownMember } from '../../base/json.ts';
import { pemBlocks } from '../../schemas/certificates/pem-blocks.ts';
import type { KubeObject } from '../../schemas/object.ts';
import { dns1123Label } from '../../schemas/validation/names.ts';
import { waitsFor } from '../../schemas/profile/index.ts';
import type { ResourceKind, Subresource } from '../../schemas/resource-kind.ts';
import { quote } from '../../schemas/errors/status.ts';
import type { Container, CronJob, Pod, PodSpec, Secret, Service } from '../../schemas/types.ts';

/** One object is told about at most this many fields that are not implemented. */
const MAX_UNIMPLEMENTED = 20;

export function warningsOf(kind: ResourceKind, object: KubeObject): readonly string[] {
  return [...upstreamWarnings(object), ...unimplementedWarnings(kind, object)];
}

/** Nothing acts on what these subresources change. */
const IDLE_SUBRESOURCES: Partial<Readonly<Record<Subresource, string>>> = {
  ephemeralcontainers:
    'spec.ephemeralContainers: not implemented by Symphony: agents do not start ephemeral containers yet',
  resize:
    'spec.containers[*].resources: not implemented by Symphony: agents do not resize containers that run; a new pod gets the resources',
};

/** Says that an object, or a field, is stored and shown though nothing acts on it yet. */
export function onlyStored(
  kind: ResourceKind,
  object: KubeObject,
  subresource?: Subresource,
): string | undefined {
  if (subresource !== undefined) return IDLE_SUBRESOURCES[subresource];
  if (kind.idle === undefined) return undefined;
  return `${kind.kind} is kept, but not implemented by Symphony: ${kind.idle}`;
}

/** Fields that are kept though nothing acts on them. Other kinds are refused with such fields. */
function unimplementedWarnings(kind: ResourceKind, object: KubeObject): readonly string[] {
  if (!kind.waitsUnimplemented) return [];
  const waiting = new Set(waitsFor(object.apiVersion, object.kind, object).map(({ path }) => path));
  return kind
    .checkImplemented(object)
    .filter(({ path }) => !path.endsWith('.schedulerName'))
    .slice(0, MAX_UNIMPLEMENTED)
    .map(({ path, detail }) => {
      const effect = waiting.has(path) ? '; until then pods with it are not started' : '';
      return `${path}: ${detail}${effect}`;
    });
}

function upstreamWarnings(object: KubeObject): readonly string[] {
  switch (`${object.apiVersion}/${object.kind}`) {
    case 'v1/Pod':
      return podWarnings((object as Pod).spec, 'spec');
    case 'v1/ReplicationController':
    case 'apps/v1/Deployment':
    case 'apps/v1/ReplicaSet':
    case 'apps/v1/StatefulSet':
    case 'apps/v1/DaemonSet':
    case 'batch/v1/Job':
      return templateWarnings(object['spec'], 'spec.template.spec');
    case 'batch/v1/CronJob':
      return cronJobWarnings(object as CronJob);
    case 'v1/PodTemplate':
      return templateWarnings(object, 'template.spec');
    case 'v1/Service':
      return serviceWarnings(object as Service);
    case 'v1/Secret':
      return secretWarnings(object);
    default:
      return [];
  }
}

function cronJobWarnings({ metadata, spec }: CronJob): readonly string[] {
  const warnings = [...templateWarnings(spec.jobTemplate.spec, 'spec.jobTemplate.spec.template.spec')];
  const complaints = dns1123Label(metadata.name);
  if (complaints.length > 0)
    warnings.unshift(
      `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${complaints.join(' ')}]`,
    );
  if (spec.schedule.includes('TZ'))
    warnings.push(
      'CRON_TZ or TZ used in spec.schedule is not officially supported, see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details',
    );
  return warnings;
}

function templateWarnings(spec: unknown, path: string): readonly string[] {
  const template = isRecord(spec) ? spec['template'] : undefined;
  const pod = isRecord(template) ? template['spec'] : undefined;
  return isRecord(pod) ? podWarnings(pod as unknown as PodSpec, path) : [];
}

/** Labels of nodes that have long had another name. */
const OLD_NODE_LABELS: Readonly<Record<string, string>> = {
  'beta.kubernetes.io/arch': 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  'beta.kubernetes.io/os': 'deprecated since v1.14; use "kubernetes.io/os" instead',
  'failure-domain.beta.kubernetes.io/region':
    'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  'failure-domain.beta.kubernetes.io/zone':
    'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  'beta.kubernetes.io/instance-type':
    'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
};

function podWarnings(spec: PodSpec, path: string): readonly string[] {
  const warnings: string[] = [];
  for (const key of Object.keys(spec.nodeSelector ?? {})) {
    const old = ownMember(OLD_NODE_LABELS, key);
    if (old !== undefined) warnings.push(`${path}.nodeSelector[${key}]: ${old}`);
  }
  (spec.imagePullSecrets ?? []).forEach((reference, index) => {
    if (!reference.name)
      warnings.push(
        `${path}.imagePullSecrets[${index}].name: invalid empty name ${quote(reference.name ?? '')}`,
      );
  });
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0)
    warnings.push(
      `${path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1`,
    );
  const lists: readonly (readonly [string, readonly Container[]])[] = [
    ['initContainers', spec.initContainers ?? []],
    ['containers', spec.containers],
  ];
  for (const [list, containers] of lists)
    containers.forEach((container, index) => {
      append(warnings, containerWarnings(container, `${path}.${list}[${index}]`));
    });
  return warnings;
}

function containerWarnings(container: Container, path: string): readonly string[] {
  const warnings: string[] = [];
  const names = new Set<string>();
  (container.env ?? []).forEach(({ name }, index) => {
    if (names.has(name))
      warnings.push(
        `${path}.env[${index}]: hides previous definition of ${quote(name)}, which may be dropped when using apply`,
      );
    names.add(name);
  });
  const ports = new Map<string, number>();
  (container.ports ?? []).forEach((port, index) => {
    const key = [port.protocol ?? 'TCP', port.containerPort, port.hostPort ?? 0, port.hostIP ?? ''].join('/');
    const first = ports.get(key);
    if (first === undefined) ports.set(key, index);
    else warnings.push(`${path}.ports[${index}]: duplicate port definition with ${path}.ports[${first}]`);
  });
  return warnings;
}

function serviceWarnings({ spec }: Service): readonly string[] {
  const warnings: string[] = [];
  if ((spec.externalIPs ?? []).length > 0)
    warnings.push('spec.externalIPs is deprecated and may no longer be implemented in some clusters');
  if (spec.clusterIP === 'None' && spec.sessionAffinity === 'ClientIP')
    warnings.push('spec.SessionAffinity is ignored for headless services');
  if (spec.type === 'ExternalName' && (spec.externalIPs ?? []).length > 0)
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  return warnings;
}

/** No server will be able to load such a certificate. */
function secretWarnings({ type, data }: Secret): readonly string[] {
  if (type !== 'kubernetes.io/tls') return [];
  const pem = (key: string): boolean =>
    pemBlocks(Buffer.from(data?.[key] ?? '', 'base64').toString('latin1')).next().done !== true;
  if (!pem('tls.crt')) return ['tls: failed to find any PEM data in certificate input'];
  return pem('tls.key') ? [] : ['tls: failed to find any PEM data in key input'];
}
