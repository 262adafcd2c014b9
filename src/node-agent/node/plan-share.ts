/**
 * Several nodes on one Engine share its machine. Pure. Their shares add up to the machine, to the
 * last millicore and KiB.
 *
 * Pods are not shared: their number is limited by the agent and its addresses, not by the machine.
 */
import { canonicalQuantity } from '../../schemas/values/quantity.ts';
import type { RuntimeInfo } from '../runtime/types.ts';

/** The node is number `index`, from 0, of `count`. */
export interface EngineShare {
  readonly index: number;
  readonly count: number;
}

export const WHOLE_ENGINE: EngineShare = { index: 0, count: 1 };

const MILLIS = 1_000;
const KIB = 1_024;

export interface SharedResources {
  readonly cpu: string;
  readonly memory: string;
  readonly 'ephemeral-storage': string;
}

export function planShare(
  { cpus, memoryBytes, diskBytes }: Pick<RuntimeInfo, 'cpus' | 'memoryBytes' | 'diskBytes'>,
  share: EngineShare,
): SharedResources {
  // As the API stores quantities: another form would look like news with each report.
  const canonical = (amount: string): string => String(canonicalQuantity(amount));
  return {
    cpu: canonical(`${partOf(Math.floor(cpus * MILLIS), share)}m`),
    memory: canonical(`${partOf(Math.floor(memoryBytes / KIB), share)}Ki`),
    'ephemeral-storage': canonical(`${partOf(Math.floor(diskBytes / KIB), share)}Ki`),
  };
}

const partOf = (whole: number, { index, count }: EngineShare): number =>
  Math.floor((whole * (index + 1)) / count) - Math.floor((whole * index) / count);

/** One share for each node; each node runs on the Engine named at its place. */
export function planShares(engines: readonly string[]): readonly EngineShare[] {
  const counts = new Map<string, number>();
  const indices = engines.map((engine) => {
    const index = counts.get(engine) ?? 0;
    counts.set(engine, index + 1);
    return index;
  });
  return engines.map((engine, at) => ({ index: indices[at] ?? 0, count: counts.get(engine) ?? 1 }));
}
