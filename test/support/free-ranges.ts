/**
 * Addresses for the clusters and networks of tests. A range is free when no network of the Engine
 * and no route of this machine overlaps it. Workers draw from different ranges, since a range that
 * was drawn is seen by others only when its network exists.
 */
import type Docker from 'dockerode';
import { cidrsOverlap } from '../../src/base/cidr.ts';
import { readHostRoutes } from '../../src/node-agent/node/host-routes.ts';
import { labelKeys } from '../../src/node-agent/runtime/types.ts';
import { connectDocker } from './docker.ts';

/** Out of 10.192.0.0/10, the ranges of the worker: 10.192.0.0/13 of the first, and so on. */
const FIRST_OCTET = 192;
const OCTETS_A_WORKER = 8;
/** The demonstration has 10.220 to 10.239: workers beyond these three share theirs. */
const WORKERS = 3;
const TRIES = 1_000;
/** The networks of these may not exist yet. */
const drawn: string[] = [];

/** `prefix`: 16 to 24. */
export async function freeRange(prefix: number, docker: Docker = connectDocker()): Promise<string> {
  const [networks, routes] = await Promise.all([docker.listNetworks(), readHostRoutes()]);
  const taken = [
    ...networks.flatMap(({ IPAM, Labels }) => [
      ...(IPAM?.Config ?? []).flatMap((config) => config['Subnet'] ?? []),
      ...(Labels?.[labelKeys.serviceCidr] === undefined ? [] : [Labels[labelKeys.serviceCidr]!]),
    ]),
    ...routes.map(({ cidr }) => cidr),
    ...drawn,
  ];
  const worker = (Number(process.env['VITEST_POOL_ID'] ?? '1') - 1) % WORKERS;
  const size = 2 ** (24 - prefix);
  for (let tries = 0; tries < TRIES; tries += 1) {
    const second = FIRST_OCTET + worker * OCTETS_A_WORKER + Math.floor(Math.random() * OCTETS_A_WORKER);
    const third = Math.floor((Math.random() * 256) / size) * size;
    const range = `10.${second}.${third}.0/${prefix}`;
    if (taken.some((other) => cidrsOverlap(other, range))) continue;
    drawn.push(range);
    return range;
  }
  throw new Error('No free range of addresses for a test');
}
