/**
 * The names and addresses of this API server: in its certificate, in the administrator's
 * kubeconfig, and for the agents of this machine. Pure but for {@link namesOfHost}.
 */
import { hostname, networkInterfaces } from 'node:os';
import { SERVER_NAME } from '../../api/tls/server-tls.ts';
import { apiServiceIp, defaultAddressSpace } from '../../resources/services/service-addresses.ts';
import { formatHostPort, type HostPort } from '../../config/values.ts';

export interface HostNames {
  readonly name: string;
  /** IPv4 and IPv6, without loopback and link-local ones. */
  readonly addresses: readonly string[];
}

export interface ServerAddressOptions {
  readonly listen: HostPort;
  readonly advertiseAddress: HostPort | undefined;
  readonly tlsSans: readonly string[];
  readonly serviceCidr: string;
  readonly clusterDomain: string;
}

/** A host with many bridges has many addresses; a certificate with more of them is no use. */
const MAX_ADDRESSES = 64;

export function namesOfHost(): HostNames {
  const found = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const usable = found.filter(({ internal, address }) => !internal && !/^(fe80:|169\.254\.)/i.test(address));
  return { name: hostname(), addresses: [...new Set(usable.map(({ address }) => address))].sort() };
}

/**
 * A server on every address is reached by each; a server on one address only by that. Pods use the
 * address and the whole name of the Service `default/kubernetes`.
 */
export function certificateHosts(options: ServerAddressOptions, host: HostNames): readonly string[] {
  const { listen, advertiseAddress, tlsSans, serviceCidr, clusterDomain } = options;
  const reached = isEverywhere(listen.host) ? host.addresses.slice(0, MAX_ADDRESSES) : [listen.host];
  const service = [apiServiceIp({ ...defaultAddressSpace, serviceCidr }), `${SERVER_NAME}.${clusterDomain}`];
  return [host.name, ...reached, advertiseAddress?.host ?? '', ...tlsSans, ...service].filter(
    (name) => name !== '' && !isEverywhere(name),
  );
}

/** The URL for clients on this machine: a server on every address is also on the loopback. */
export function localUrl(serverUrl: string): string {
  const url = new URL(serverUrl);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (!isEverywhere(host)) return serverUrl;
  return `https://${formatHostPort({ host: host === '::' ? '::1' : '127.0.0.1', port: Number(url.port || '443') })}`;
}

/** The URL in the administrator's kubeconfig, which people copy to other machines. */
export function kubeconfigUrl(serverUrl: string, advertised: HostPort | undefined): string {
  return advertised ? `https://${formatHostPort(advertised)}` : localUrl(serverUrl);
}

export function isEverywhere(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}
