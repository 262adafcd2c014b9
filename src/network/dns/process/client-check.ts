/** The clients of a DNS server: pods, and the host itself. */
import { networkInterfaces } from 'node:os';
import type { Clock } from '../../../base/clock.ts';
import { holds, parseAddress, parseBlock } from '../../../schemas/values/ip-address.ts';

/** The host's addresses change. */
const FORGET_MS = 5_000;
const MOST_KNOWN = 4_096;

/** Other hosts reach the bridge's address, too: they get no answer. */
export function createClientCheck(
  ranges: readonly string[],
  clock: Clock,
  ownAddresses: () => readonly string[] = addressesOfHost,
): (address: string) => boolean {
  const blocks = ranges.flatMap((range) => parseBlock(range) ?? []);
  const known = new Map<string, boolean>();
  let knownAtMs = clock.now();
  return (address) => {
    if (clock.now() - knownAtMs > FORGET_MS || known.size > MOST_KNOWN) {
      known.clear();
      knownAtMs = clock.now();
    }
    const found = known.get(address);
    if (found !== undefined) return found;
    const parsed = parseAddress(address);
    const isClient =
      parsed !== undefined &&
      (blocks.some((block) => holds(block, parsed)) || ownAddresses().includes(address));
    known.set(address, isClient);
    return isClient;
  };
}

const addressesOfHost = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address));
