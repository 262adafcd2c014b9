import { AGE, column, NAME, NONE, tableOf, wide } from '../../tables/columns.ts';
import { labelsText } from '../../tables/selector-text.ts';
import type { Service } from '../../types.ts';

/** Cuts longer address lists of load balancers, as upstream does, to keep the table readable. */
const MAX_INGRESS_CHARS = 16;

export const serviceTable = tableOf(
  NAME,
  column('Type', ({ spec }: Service) => spec.type ?? 'ClusterIP'),
  column('Cluster-IP', ({ spec }: Service) => spec.clusterIPs?.[0] ?? spec.clusterIP ?? NONE),
  column('External-IP', externalAddresses),
  column('Port(s)', portsText),
  AGE,
  wide('Selector', ({ spec }: Service) => labelsText(spec.selector)),
);

function externalAddresses({ spec, status }: Service): string {
  const external = spec.externalIPs ?? [];
  if (spec.type === 'ExternalName') return spec.externalName ?? '';
  if (spec.type !== 'LoadBalancer') return external.length > 0 ? external.join(',') : NONE;
  const ingress = (status?.loadBalancer?.ingress ?? []).map((entry) => entry.ip ?? entry.hostname ?? '');
  if (external.length > 0) return [...ingress, ...external].join(',');
  if (ingress.length === 0) return '<pending>';
  const text = ingress.join(',');
  return text.length > MAX_INGRESS_CHARS ? `${text.slice(0, MAX_INGRESS_CHARS - 3)}...` : text;
}

function portsText({ spec }: Service): string {
  const ports = (spec.ports ?? []).map((port) => {
    const node = port.nodePort ? `:${port.nodePort}` : '';
    return `${port.port}${node}/${port.protocol ?? 'TCP'}`;
  });
  return ports.length === 0 ? NONE : ports.join(',');
}
