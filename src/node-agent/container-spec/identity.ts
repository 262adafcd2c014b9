/** Names, labels and host name by which a pod's containers are known to the engine. Pure. */
import { createHash } from 'node:crypto';
import { stableStringify } from '../../base/json.ts';
import { omit } from '../../schemas/json-access.ts';
import type { Container, Pod } from '../../schemas/types.ts';
import { type ContainerRecord, labelKeys } from '../runtime/types.ts';

export type ContainerRole = 'pod' | 'init' | 'container';

/** The sandbox's name in place of a container's. No container's name has upper case. */
export const SANDBOX_NAME = 'POD';

export function containerName(pod: Pod, container: string, attempt: number): string {
  const { name, namespace = '', uid = '' } = pod.metadata;
  return nameOf(container, name, namespace, uid, String(attempt));
}

const nameOf = (container: string, ...pod: readonly string[]): string => ['k8s', container, ...pod].join('_');

/** Whether its name follows from its labels. The engine has each name once: a copy has another. */
export function hasOwnName({ name, labels }: Pick<ContainerRecord, 'name' | 'labels'>): boolean {
  const { containerName: container, podName, podNamespace, podUid, attempt } = labelKeys;
  const parts = [container, podName, podNamespace, podUid, attempt].map((key) => labels[key] ?? '');
  return name === nameOf(parts[0] ?? '', ...parts.slice(1));
}

/** The version of the hash's recipe. Hashes of different recipes cannot be compared. */
const HASH_RECIPE = 'v2';

/**
 * Changes only when a user changes what a running container is made of. Only the image of an
 * existing pod can change (validation/pod-update.ts). New defaults or fields restart nothing.
 */
export function specHash(container: Container | typeof SANDBOX_NAME): string {
  if (typeof container === 'string') return hashOf(container);
  const hash = hashes.get(container) ?? hashOf({ name: container.name, image: container.image });
  hashes.set(container, hash);
  return hash;
}

const hashOf = (parts: unknown): string =>
  `${HASH_RECIPE}-${createHash('sha256').update(stableStringify(parts)).digest('hex').slice(0, 16)}`;

/** Hashes are read at every step of a pod, and objects never change. */
const hashes = new WeakMap<Container, string>();

/** Whether the hashes are those of different containers. A hash of another recipe never is. */
export function isOtherSpec(recorded: string, wanted: string): boolean {
  return recorded.startsWith(`${HASH_RECIPE}-`) && recorded !== wanted;
}

/** The pod as the control plane gave it, without what changes while it runs. */
export const podManifest = ({ apiVersion, kind, metadata, spec }: Pod): string =>
  JSON.stringify({ apiVersion, kind, metadata: omit(metadata, 'managedFields'), spec });

export interface LabelInput {
  readonly pod: Pod;
  readonly container: Container | typeof SANDBOX_NAME;
  readonly role: ContainerRole;
  readonly attempt: number;
  readonly cluster: string;
  readonly nodeName: string;
}

export function containerLabels(input: LabelInput): Record<string, string> {
  const { pod, container } = input;
  return {
    [labelKeys.podName]: pod.metadata.name,
    [labelKeys.podNamespace]: pod.metadata.namespace ?? '',
    [labelKeys.podUid]: pod.metadata.uid ?? '',
    [labelKeys.containerName]: container === SANDBOX_NAME ? SANDBOX_NAME : container.name,
    [labelKeys.cluster]: input.cluster,
    [labelKeys.node]: input.nodeName,
    [labelKeys.specHash]: specHash(container),
    [labelKeys.attempt]: String(input.attempt),
    [labelKeys.role]: input.role,
    ...(container === SANDBOX_NAME ? { [labelKeys.podManifest]: podManifest(pod) } : {}),
  };
}

const HOSTNAME_LIMIT = 63;

/** The pod's hostname, or its name cut to the length of a hostname. */
export function podHostname(pod: Pod): string {
  const name = pod.spec.hostname || pod.metadata.name;
  return name.slice(0, HOSTNAME_LIMIT).replace(/[-.]+$/, '');
}

/** `host.sub.ns.svc.cluster.local` for a pod with a subdomain. */
export function podFqdn(pod: Pod, clusterDomain: string): string | undefined {
  if (!pod.spec.subdomain) return undefined;
  return `${podHostname(pod)}.${pod.spec.subdomain}.${pod.metadata.namespace ?? ''}.svc.${clusterDomain}`;
}
