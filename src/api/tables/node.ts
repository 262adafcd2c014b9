import type { Node } from '../../schemas/types.ts';
import { since } from './duration.ts';
import { ageColumn, column, NONE, nameColumn, type TableFormat, wide } from './types.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';
const UNKNOWN = '<unknown>';

export const nodeTable: TableFormat = {
  columns: [
    nameColumn,
    column('Status'),
    column('Roles'),
    ageColumn,
    column('Version'),
    wide('Internal-IP'),
    wide('External-IP'),
    wide('OS-Image'),
    wide('Kernel-Version'),
    wide('Container-Runtime'),
  ],
  cells(object, nowMs) {
    const node = object as Node;
    const info = node.status?.nodeInfo;
    const kernel = info?.kernelVersion ?? '';
    const architecture = info?.architecture ?? '';
    return [
      node.metadata.name,
      statusText(node),
      rolesText(node),
      since(node.metadata.creationTimestamp, nowMs),
      info?.kubeletVersion ?? '',
      addressOf(node, 'InternalIP'),
      addressOf(node, 'ExternalIP'),
      orUnknown(info?.osImage),
      kernel === '' ? UNKNOWN : architecture === '' ? kernel : `${kernel} (${architecture})`,
      orUnknown(info?.containerRuntimeVersion),
    ];
  },
};

const orUnknown = (text: string | undefined): string => (text === undefined || text === '' ? UNKNOWN : text);

function statusText(node: Node): string {
  const ready = node.status?.conditions?.find((condition) => condition.type === 'Ready');
  const status = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return node.spec.unschedulable === true ? `${status},SchedulingDisabled` : status;
}

function rolesText(node: Node): string {
  const roles = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(ROLE_PREFIX) && key.length > ROLE_PREFIX.length)
      roles.add(key.slice(ROLE_PREFIX.length));
    else if (key === ROLE_LABEL && value !== '') roles.add(value);
  }
  return roles.size === 0 ? NONE : [...roles].sort().join(',');
}

function addressOf(node: Node, type: string): string {
  return node.status?.addresses?.find((address) => address.type === type)?.address ?? NONE;
}
