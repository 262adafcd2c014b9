/**
 * The fields that an update of a Service keeps and drops. It keeps the address and the node ports
 * of the stored object unless the request names others. A change of type drops the fields that the
 * new type has no use for. A field that the request changed too stays, and validation refuses it.
 */
import { isRecord, jsonEqual } from '../../../base/json.ts';
import { asList, asRecord, asRecords, type Fields, omit } from '../../json-access.ts';
import type { KubeObject } from '../../object.ts';
import { withFamilies } from '../../defaults/service-families.ts';

export function keepAllocations(next: KubeObject, current: KubeObject): KubeObject {
  // Validation refuses a spec that is no object.
  if (!isRecord(next['spec'])) return next;
  const old = asRecord(current['spec']);
  const kept = dropUnused(keepAllocated(next['spec'], old), old);
  return withoutStaleStatus({ ...next, spec: withFamilies(kept, old) });
}

function keepAllocated(spec: Fields, old: Fields): Record<string, unknown> {
  const kept: Record<string, unknown> = { ...spec };
  if (usesAddress(spec) && usesAddress(old)) {
    kept['clusterIP'] ??= old['clusterIP'];
    const isSame = kept['clusterIP'] === old['clusterIP'];
    if (isSame && asList(kept['clusterIPs']).length === 0) kept['clusterIPs'] = old['clusterIPs'];
  }
  if (usesNodePorts(spec) && usesNodePorts(old) && Array.isArray(spec['ports']))
    kept['ports'] = keepNodePorts(spec['ports'], asRecords(old['ports']));
  if (usesHealthPort(spec) && usesHealthPort(old)) kept['healthCheckNodePort'] ??= old['healthCheckNodePort'];
  for (const field of ['clusterIP', 'clusterIPs', 'healthCheckNodePort'])
    if (kept[field] === undefined) delete kept[field];
  return kept;
}

const usesAddress = ({ type }: Fields): boolean => type !== 'ExternalName';
const usesNodePorts = ({ type }: Fields): boolean => type === 'NodePort' || type === 'LoadBalancer';
const isBalanced = ({ type }: Fields): boolean => type === 'LoadBalancer';
const usesHealthPort = (spec: Fields): boolean =>
  isBalanced(spec) && spec['externalTrafficPolicy'] === 'Local';
/** Whether clients outside of the cluster can reach it. */
export const isReachable = (spec: Fields): boolean =>
  usesNodePorts(spec) || (spec['type'] === 'ClusterIP' && asList(spec['externalIPs']).length > 0);

/** Ports with the same name are the same port. A port is never allocated twice. */
function keepNodePorts(ports: readonly unknown[], old: readonly Fields[]): readonly unknown[] {
  const before = new Map(old.map((port) => [port['name'], port['nodePort']]));
  const oldPorts = new Set(before.values());
  const used = new Set(
    ports.map((port) => asRecord(port)['nodePort']).filter((nodePort) => oldPorts.has(nodePort)),
  );
  return ports.map((item) => {
    const port = asRecord(item);
    const nodePort = before.get(port['name']);
    if (port['nodePort'] !== undefined || port !== item || nodePort === undefined || used.has(nodePort))
      return item;
    used.add(nodePort);
    return { ...port, nodePort };
  });
}

/** Fields that the old spec used and the new one does not, and that the request did not touch. */
const DEPENDENT: readonly (readonly [(spec: Fields) => boolean, string])[] = [
  [usesAddress, 'ipFamilies'],
  [usesAddress, 'ipFamilyPolicy'],
  [usesHealthPort, 'healthCheckNodePort'],
  [isBalanced, 'allocateLoadBalancerNodePorts'],
  [isBalanced, 'loadBalancerClass'],
  [isReachable, 'externalTrafficPolicy'],
];

function dropUnused(spec: Record<string, unknown>, old: Fields): Record<string, unknown> {
  for (const [uses, field] of DEPENDENT)
    if (uses(old) && !uses(spec) && jsonEqual(spec[field], old[field])) delete spec[field];
  if (usesAddress(old) && !usesAddress(spec)) {
    const isSame = (spec['clusterIP'] ?? old['clusterIP']) === old['clusterIP'];
    if (isSame && jsonEqual(spec['clusterIPs'] ?? old['clusterIPs'], old['clusterIPs'])) {
      delete spec['clusterIP'];
      delete spec['clusterIPs'];
    }
  }
  if (usesNodePorts(old) && !usesNodePorts(spec) && Array.isArray(spec['ports'])) {
    const before = new Set(asRecords(old['ports']).map(({ nodePort }) => nodePort));
    const ports: readonly unknown[] = spec['ports'];
    const addsNone = ports.every((port) => {
      const { nodePort } = asRecord(port);
      return nodePort === undefined || before.has(nodePort);
    });
    if (addsNone) spec['ports'] = ports.map((port) => (isRecord(port) ? omit(port, 'nodePort') : port));
  }
  return spec;
}

/** The addresses of a load balancer that is no longer there. */
function withoutStaleStatus(service: KubeObject): KubeObject {
  const status = service['status'];
  if (isBalanced(asRecord(service['spec'])) || !isRecord(status)) return service;
  return { ...service, status: { ...status, loadBalancer: {} } };
}
