/**
 * A Service keeps what was allocated for it: an update that does not say otherwise (a manifest never does) has the
 * address and the node ports of the stored object.
 */
import { isRecord } from '../../base/json.ts';
import { asList, asRecord, asRecords, type JsonRecord } from '../json-access.ts';
import type { KubeObject } from '../object.ts';

type Fields = Readonly<JsonRecord>;

export function keepAllocations(next: KubeObject, current: KubeObject): KubeObject {
  // What is no spec stays as it is, for validation to refuse.
  if (!isRecord(next['spec'])) return next;
  const spec = next['spec'];
  const old = asRecord(current['spec']);
  if (spec['type'] === 'ExternalName' || old['type'] === 'ExternalName') return next;
  const kept: JsonRecord = { ...spec };
  if (kept['clusterIP'] === undefined && old['clusterIP'] !== undefined) {
    for (const field of ['clusterIP', 'clusterIPs', 'ipFamilies', 'ipFamilyPolicy']) kept[field] = old[field];
  }
  if (usesNodePorts(kept) && usesNodePorts(old) && Array.isArray(kept['ports'])) {
    kept['ports'] = keepNodePorts(kept['ports'], asRecords(old['ports']));
  }
  if (kept['externalTrafficPolicy'] === 'Local' && old['healthCheckNodePort'] !== undefined) {
    kept['healthCheckNodePort'] ??= old['healthCheckNodePort'];
  }
  return { ...next, spec: kept };
}

function usesNodePorts(spec: Fields): boolean {
  return spec['type'] === 'NodePort' || spec['type'] === 'LoadBalancer';
}

/** Ports are the same when protocol and number are. */
function keepNodePorts(ports: unknown, old: readonly Fields[]): unknown {
  const used = new Set(asRecords(ports).map((port) => port['nodePort']));
  return asList(ports).map((item) => {
    const port = asRecord(item);
    if (port['nodePort'] !== undefined || port !== item) return item;
    const before = old.find(
      (candidate) => candidate['port'] === port['port'] && candidate['protocol'] === port['protocol'],
    );
    const nodePort = before?.['nodePort'];
    return nodePort === undefined || used.has(nodePort) ? item : { ...port, nodePort };
  });
}
