/** The Service of the cluster's DNS. Pure. */
import { cidrRange } from '../../base/cidr.ts';

/** Its name is older than CoreDNS, and programs look for it. */
export const DNS_SERVICE = { namespace: 'kube-system', name: 'kube-dns' } as const;
export const DNS_PORT = 53;

/** Installers give it the tenth address of the Services' range. */
const PLACE = 10;

export function dnsAddressOf(serviceCidr: string): string {
  const { first, last } = cidrRange(serviceCidr) ?? { first: 0, last: 0 };
  const bits = Math.min(first + PLACE, last - 1);
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 0xff).join('.');
}
