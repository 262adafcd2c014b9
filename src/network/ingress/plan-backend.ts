/**
 * Where the requests of an Ingress backend go. Pure. The address of the Service is enough: the
 * kernel balances, so that a change of endpoints changes nothing here. A headless Service has only
 * its endpoints, and an ExternalName only its name.
 */
import type { EndpointSlice, Ingress, Service, ServicePort } from '../../schemas/types.ts';
import type { Problem } from './proxy-model.ts';

type IngressBackend = NonNullable<Ingress['spec']['defaultBackend']>;

export interface BackendView {
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, Service>;
  /** The slices of a headless Service. */
  slicesOf(service: Service): readonly EndpointSlice[];
}

export type BackendPlan =
  | { readonly upstreams: readonly string[] }
  | (Pick<Problem, 'reason' | 'message'> & { readonly upstreams?: undefined });

export function planBackend(view: BackendView, namespace: string, backend: IngressBackend): BackendPlan {
  const { resource, service: named } = backend;
  if (!named) {
    const { kind = '', name = '' } = resource ?? {};
    const message = `The backend ${kind} "${name}" is not supported: only Services are`;
    return { reason: 'UnsupportedBackend', message };
  }
  const text = `${namespace}/${named.name}`;
  const missing = (message: string): BackendPlan => ({ reason: 'BackendNotFound', message });
  const service = view.services.get(text);
  if (!service) return missing(`Service "${text}" does not exist`);
  const { ports = [], type, externalName, clusterIP } = service.spec;
  const { name, number } = named.port ?? {};
  const port = ports.find((one) => (name ? one.name === name : one.port === number));
  // An ExternalName needs no ports.
  const asked = port?.port ?? (type === 'ExternalName' ? number : undefined);
  if (asked === undefined) return missing(`Service "${text}" has no port ${name ?? number ?? ''}`);
  if (port?.protocol !== undefined && port.protocol !== 'TCP')
    return missing(`Port ${name ?? number ?? ''} of Service "${text}" is ${port.protocol}: HTTP needs TCP`);
  if (type === 'ExternalName') {
    if (!externalName) return missing(`Service "${text}" has no external name`);
    return { upstreams: [hostPort(externalName, asked)] };
  }
  if (clusterIP === 'None') return planHeadless(text, port, view.slicesOf(service));
  if (!clusterIP) return missing(`Service "${text}" has no address yet`);
  return { upstreams: [hostPort(clusterIP, asked)] };
}

/** Ready endpoints: they are ready by definition where the Service publishes unready ones. */
function planHeadless(
  text: string,
  port: ServicePort | undefined,
  slices: readonly EndpointSlice[],
): BackendPlan {
  const upstreams = slices.flatMap((slice) => {
    const found = (slice.ports ?? []).find(({ name }) => (name ?? '') === (port?.name ?? ''));
    const number = found?.port;
    if (number === undefined || slice.addressType === 'FQDN') return [];
    return (slice.endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .flatMap(({ addresses }) => addresses.slice(0, 1).map((address) => hostPort(address, number)));
  });
  const known = [...new Set(upstreams)].sort().slice(0, MAX_ENDPOINTS);
  if (known.length > 0) return { upstreams: known };
  return { reason: 'BackendNotFound', message: `The headless Service "${text}" has no ready endpoints` };
}

/** More would make the configuration of a proxy of some thousand routes too large. */
const MAX_ENDPOINTS = 250;

const hostPort = (host: string, port: number): string =>
  host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
