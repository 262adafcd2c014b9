/**
 * Where the requests of an Ingress backend go. Pure. The address of the Service is enough: the
 * kernel balances, so that a change of endpoints changes nothing here. A headless Service has only
 * its endpoints, and an ExternalName only its name.
 */
import type { EndpointSlice, Ingress, Service, ServicePort } from '../../schemas/types.ts';
import { endpointIp } from '../../schemas/validation/addresses.ts';
import { parseAddress } from '../../schemas/values/ip-address.ts';
import type { Problem } from './proxy-model.ts';

type IngressBackend = NonNullable<Ingress['spec']['defaultBackend']>;

export interface BackendView {
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, Service>;
  /** The slices of a headless Service. */
  slicesOf(service: Service): readonly EndpointSlice[];
  /** Ends the names of Services. */
  readonly clusterDomain: string;
}

export type BackendPlan =
  | { readonly upstreams: readonly string[] }
  | (Pick<Problem, 'reason' | 'message'> & { readonly upstreams?: undefined });

/** An external name may lead to a Service that is an external name itself, at most this often. */
const MAX_ALIASES = 4;

export function planBackend(
  view: BackendView,
  namespace: string,
  backend: IngressBackend,
  aliases = 0,
): BackendPlan {
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
    const alias = aliasOf(externalName, view.clusterDomain);
    if (!alias) return planExternal(text, externalName, asked);
    if (aliases === MAX_ALIASES) return missing(`Service "${text}" leads to itself, or in a circle`);
    const target = { service: { name: alias.name, port: { number: asked } } };
    return planBackend(view, alias.namespace, target, aliases + 1);
  }
  if (clusterIP === 'None') return planHeadless(text, port, view.slicesOf(service));
  if (!clusterIP) return missing(`Service "${text}" has no address yet`);
  return { upstreams: [hostPort(clusterIP, asked)] };
}

/** The Service that a name of the cluster stands for: nodes do not resolve such names. */
function aliasOf(externalName: string, clusterDomain: string) {
  const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc\.(.+?)\.?$/.exec(externalName) ?? [];
  const isOurs = externalName.replace(/\.$/, '').endsWith(`.svc.${clusterDomain}`);
  return isOurs && name !== undefined && namespace !== undefined ? { name, namespace } : undefined;
}

/** The proxy has the network of its host, so addresses of the host alone are nobody's backend. */
function planExternal(text: string, externalName: string, port: number): BackendPlan {
  const isLocal = /(^|\.)localhost\.?$/i.test(externalName);
  const [complaint] = parseAddress(externalName) ? endpointIp(externalName) : [];
  const why = isLocal ? 'is the node itself' : complaint;
  if (why === undefined) return { upstreams: [hostPort(externalName, port)] };
  const message = `The external name "${externalName}" of Service "${text}" ${why}`;
  return { reason: 'UnsupportedBackend', message };
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
