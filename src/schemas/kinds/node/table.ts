import { AGE, column, NAME, NONE, tableOf, textOr, wide } from '../../tables/columns.ts';
import type { Node } from '../../types.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';
const UNKNOWN = '<unknown>';

export const nodeTable = tableOf(
  NAME,
  column('Status', statusText),
  column('Roles', rolesText),
  AGE,
  column('Version', 'status.nodeInfo.kubeletVersion'),
  wide('Internal-IP', (node: Node) => addressOf(node, 'InternalIP')),
  wide('External-IP', (node: Node) => addressOf(node, 'ExternalIP')),
  wide('OS-Image', textOr('status.nodeInfo.osImage', UNKNOWN)),
  wide('Kernel-Version', kernelText),
  wide('Container-Runtime', textOr('status.nodeInfo.containerRuntimeVersion', UNKNOWN)),
);

function kernelText({ status }: Node): string {
  const { kernelVersion = '', architecture = '' } = status?.nodeInfo ?? {};
  if (kernelVersion === '') return UNKNOWN;
  return architecture === '' ? kernelVersion : `${kernelVersion} (${architecture})`;
}

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
