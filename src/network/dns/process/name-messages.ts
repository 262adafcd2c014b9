/**
 * Messages between an agent and its DNS server: lines of JSON on a unix socket. Pure. Both
 * are of the same program, as a server of another one is replaced. The agent tells only what names
 * are made of.
 */
import type { EndpointSlice, Service } from '../../../schemas/types.ts';
import { formatAddress, parseAddress } from '../../../schemas/values/ip-address.ts';

export type NameKind = 'service' | 'slice' | 'namespace';

export type NameMessage =
  /** Everything is told again. */
  | { readonly type: 'begin' }
  | { readonly type: 'set'; readonly kind: NameKind; readonly key: string; readonly value: unknown }
  | { readonly type: 'delete'; readonly kind: NameKind; readonly key: string }
  | { readonly type: 'synced' };

export type AgentMessage =
  | NameMessage
  /** `retire`: as soon as no client asks any more. */
  | { readonly type: 'retire' }
  | { readonly type: 'end' }
  /** Whether it still works. */
  | { readonly type: 'ping' };

export type ServerMessage =
  | { readonly type: 'hello'; readonly pid: number; readonly program: string; readonly port: number }
  /** The names are known, and answered from now on. */
  | { readonly type: 'ready' }
  | { readonly type: 'pong' }
  | { readonly type: 'problem'; readonly problem: string | undefined };

/** A slice has at most 1,000 endpoints; a line is far below this. */
export const MAX_LINE_CHARS = 4 * 1_024 * 1_024;

/** Cuts a stream into lines. Throws when a line is too long. */
export function createLineReader<T>(onMessage: (message: T) => void): (chunk: string) => void {
  let rest = '';
  return (chunk) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARS) throw new Error('Cannot read the line: it is too long');
    for (const line of lines) if (line !== '') onMessage(JSON.parse(line) as T);
  };
}

/** The part of a Service that names are made of. */
export function namedService({ metadata, spec }: Service): Service {
  const { name, namespace = '' } = metadata;
  const { type, clusterIP, clusterIPs = [], externalName } = spec;
  const ports = (spec.ports ?? []).map(({ name: port, protocol, port: number }) => ({
    ...(port === undefined ? {} : { name: port }),
    ...(protocol === undefined ? {} : { protocol }),
    port: number,
  }));
  return {
    metadata: { name, namespace },
    spec: { type, clusterIP, clusterIPs: clusterIPs.map(canonical), ports, externalName },
  } as Service;
}

export const isHeadless = ({ spec }: Service): boolean =>
  spec.type !== 'ExternalName' && (spec.clusterIP === 'None' || !spec.clusterIP);

/** Endpoints that may have records, alone. */
export function namedSlice(slice: EndpointSlice): EndpointSlice {
  const { apiVersion, kind, metadata, addressType, ports, endpoints } = slice;
  const service = serviceNameOf(slice);
  return {
    apiVersion,
    kind,
    metadata: {
      name: metadata.name,
      namespace: metadata.namespace ?? '',
      labels: { 'kubernetes.io/service-name': service },
    },
    addressType,
    endpoints: (endpoints ?? [])
      .filter(({ conditions }) => conditions?.ready !== false)
      .map(({ addresses, hostname }) => ({
        addresses: addresses.map(canonical),
        ...(hostname ? { hostname } : {}),
      })),
    ports: (ports ?? []).map(({ name, protocol, port }) => ({
      ...(name === undefined ? {} : { name }),
      ...(protocol === undefined ? {} : { protocol }),
      ...(port === undefined ? {} : { port }),
    })),
  };
}

export const serviceNameOf = ({ metadata }: EndpointSlice): string =>
  metadata.labels?.['kubernetes.io/service-name'] ?? '';

/** Addresses are compared as texts. */
function canonical(text: string): string {
  const address = parseAddress(text);
  return address ? formatAddress(address) : text;
}
