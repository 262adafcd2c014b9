/**
 * Addresses of the demonstration's own, so that a cluster beside it has the usual ones. A range is
 * free when no route of this machine overlaps it: the networks of a Docker Engine on this machine
 * are routes, too.
 */
import { readFileSync } from 'node:fs';

/** @returns {{ clusterCidr: string, serviceCidr: string } | undefined} */
export function freeRanges() {
  const routes = machineRoutes();
  const isFree = (address) =>
    routes.every(({ network, bits }) => network >>> shift(bits) !== address >>> shift(bits));
  for (let index = 0; index < 10; index += 1) {
    const [pods, services] = [230 + index, 220 + index].map((octet) => (10 << 24) | (octet << 16));
    if (isFree(pods) && isFree(services))
      return { clusterCidr: `10.${230 + index}.0.0/16`, serviceCidr: `10.${220 + index}.0.0/16` };
  }
  return undefined;
}

/**
 * The part that two networks have in common is the shorter prefix of both; ours is 16 bits long.
 */
const shift = (bits) => 32 - Math.min(bits, 16);

/** Without the ways out to everywhere. None outside Linux. */
function machineRoutes() {
  let text = '';
  try {
    text = readFileSync('/proc/net/route', 'utf8');
  } catch {
    return [];
  }
  return text
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields.length > 7)
    .map(([, destination, , , , , , mask]) => ({
      network: Buffer.from(destination, 'hex').readInt32LE(),
      bits: [...Number.parseInt(mask, 16).toString(2)].filter((bit) => bit === '1').length,
    }))
    .filter(({ bits }) => bits >= 8);
}
