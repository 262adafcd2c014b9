/** The parts of the policies' table of one host of a world. */
import { planGroup, planPolicies } from '../../../src/network/policy/plan-policies.ts';
import type { TablePart } from '../../../src/network/nft/table-state.ts';
import { groupsOf, stored } from './groups.ts';
import type { World } from './oracle.ts';

export function planHost(world: World, host: string): ReadonlyMap<string, TablePart> {
  const own = world.pods.filter((pod) => pod.host === host);
  const { parts, groups } = planPolicies(own, world.policies.map(stored));
  const known = groupsOf(world);
  const filled = [...groups].map(
    ([name, needs]) => [`group/${name}`, planGroup(name, needs, known.get(name) ?? [])] as const,
  );
  return new Map([...filled, ...parts]);
}
