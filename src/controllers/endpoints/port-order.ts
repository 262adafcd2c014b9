/**
 * The order of ports in endpoints: by a hash of Go's printed form, so that tools which compare with
 * Kubernetes find the same lists. Pure.
 */
import { createHash } from 'node:crypto';
import { compareText } from '../../base/text.ts';
import type { EndpointPort, SlicePort } from '../../schemas/types.ts';

/** Endpoints sort their ports by MD5. */
export const sortPorts = (ports: readonly EndpointPort[]): readonly EndpointPort[] => sortBy(ports, hashOf);

/**
 * Subsets are ordered by their first port. Upstream hashes their addresses along with it, which
 * makes the order arbitrary.
 */
export const sortByPorts = <T extends { readonly ports: readonly EndpointPort[] }>(
  subsets: readonly T[],
): readonly T[] => sortBy(subsets, ({ ports: [first] }) => (first ? hashOf(first) : ''));

const hashOf = ({ name = '', port, protocol = 'TCP', appProtocol }: EndpointPort): string =>
  md5(
    `(v1.EndpointPort){Name:(string)${name} Port:(int32)${port} Protocol:(v1.Protocol)${protocol} AppProtocol:(*string)${appProtocol ?? '<nil>'}}`,
  );

/** Slices sort theirs by the 128-bit FNV-1a. */
export const sortSlicePorts = (ports: readonly SlicePort[]): readonly SlicePort[] =>
  sortBy(ports, ({ name = '', port, protocol = 'TCP', appProtocol }) =>
    fnv128a(
      `(v1.EndpointPort){Name:(*string)${name} Protocol:(*v1.Protocol)${protocol} Port:(*int32)${String(port)} AppProtocol:(*string)${appProtocol ?? '<nil>'}}`,
    ),
  );

function sortBy<T>(items: readonly T[], hashOf: (item: T) => string): readonly T[] {
  if (items.length < 2) return items;
  return items
    .map((item) => ({ item, hash: hashOf(item) }))
    .sort((a, b) => compareText(a.hash, b.hash))
    .map(({ item }) => item);
}

const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

const FNV_OFFSET = 0x6c62272e07bb014262b821756295c58dn;
const FNV_PRIME = 0x13bn + (1n << 88n);

function fnv128a(text: string): string {
  let hash = FNV_OFFSET;
  for (const byte of Buffer.from(text, 'utf8')) hash = BigInt.asUintN(128, (hash ^ BigInt(byte)) * FNV_PRIME);
  return hash.toString(16).padStart(32, '0');
}
