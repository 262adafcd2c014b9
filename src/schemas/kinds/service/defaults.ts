/**
 * Defaults of Services. Addresses and node ports are allocated by the API server, because that is
 * not pure; families and policy follow from the whole spec: see service-families.ts.
 */
import { type Draft, dropZero, fill, fillZero, part, parts } from '../../defaults/draft.ts';

/** Three hours, as upstream. */
const AFFINITY_SECONDS = 10_800;

export function defaultServiceSpec(spec: Draft | undefined): void {
  if (!spec) return;
  dropZero(spec, [
    'clusterIP',
    'externalName',
    'loadBalancerIP',
    'publishNotReadyAddresses',
    'healthCheckNodePort',
  ]);
  dropZero(spec, ['externalTrafficPolicy']);
  fillZero(spec, { type: 'ClusterIP', sessionAffinity: 'None' });
  if (spec['sessionAffinity'] === 'None') delete spec['sessionAffinityConfig'];
  if (spec['sessionAffinity'] === 'ClientIP') {
    fill(spec, { sessionAffinityConfig: {} });
    const config = part(spec, 'sessionAffinityConfig');
    fill(config, { clientIP: {} });
    fill(part(config, 'clientIP'), { timeoutSeconds: AFFINITY_SECONDS });
  }
  for (const port of parts(spec, 'ports')) {
    dropZero(port, ['name', 'nodePort']);
    fillZero(port, { protocol: 'TCP', targetPort: port['port'] });
  }
  defaultTraffic(spec);
  if (spec['type'] !== 'ExternalName' && typeof spec['clusterIP'] === 'string')
    fill(spec, { clusterIPs: [spec['clusterIP']] });
}

function defaultTraffic(spec: Draft): void {
  const type = spec['type'];
  const hasExternalIps = Array.isArray(spec['externalIPs']) && spec['externalIPs'].length > 0;
  if (type === 'NodePort' || type === 'LoadBalancer' || (type === 'ClusterIP' && hasExternalIps))
    fill(spec, { externalTrafficPolicy: 'Cluster' });
  if (type === 'NodePort' || type === 'LoadBalancer' || type === 'ClusterIP')
    fill(spec, { internalTrafficPolicy: 'Cluster' });
  if (type === 'LoadBalancer') fill(spec, { allocateLoadBalancerNodePorts: true });
}
