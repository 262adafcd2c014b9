/** The parts of the policies' table of one host of a world. */
import { planGroup, planPolicies } from '../../../src/network/policy/plan-policies.ts';
import type { TablePart } from '../../../src/network/nft/table-state.ts';
import { groupsOf, stored } from './groups.ts';
import type { World } from './oracle.ts';
import { publishedPort } from './world.ts';

export function planHost(world: World, host: string): ReadonlyMap<string, TablePart> {
  const own = world.pods
    .filter((pod) => pod.host === host)
    .map((pod) => {
      const port = { protocol: 'TCP', hostIp: '', hostPort: publishedPort(pod), port: 80 };
      return { ...pod, published: [port] };
    });
  const { parts, groups } = planPolicies(own, world.policies.map(stored));
  const known = groupsOf(world);
  const filled = [...groups].map(
    ([name, needs]) => [`group/${name}`, planGroup(needs, name, known.get(name) ?? [])] as const,
  );
  return new Map([...filled, ...parts]);
}
