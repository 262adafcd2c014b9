/** Removes what a cluster has in the kernel of this host; `symphony down` and `--network=none` do. */
import { errorMessage } from '../base/errors.ts';
import { planNetworkRemoval } from './plan-network-removal.ts';
import { type ObservedRoute, ROUTE_PROTOCOL } from './pod-network/plan-commands.ts';
import { type RunProgram, runJson } from './run-program.ts';

/** Answers the names of all that was removed. Goes on where a step fails; throws at the end. */
export async function removeNetwork(
  { cluster, clusterCidr }: { readonly cluster: string; readonly clusterCidr: string | undefined },
  run: RunProgram,
): Promise<readonly string[]> {
  // A program that is missing, or that may do nothing here, has made nothing.
  const tried = async <T>(answer: Promise<T>, none: T): Promise<T> => answer.catch(() => none);
  const [tables, firewall, links, routes] = await Promise.all([
    tried(run('nft', ['list', 'tables']), ''),
    tried(run('iptables-save', []), ''),
    tried(runJson<{ readonly ifname: string }>(run, 'ip', 'link', 'show'), []),
    tried(runJson<ObservedRoute>(run, 'ip', '-4', 'route', 'show', 'proto', String(ROUTE_PROTOCOL)), []),
  ]);
  const interfaces = links.map(({ ifname }) => ifname);
  const steps = planNetworkRemoval(cluster, clusterCidr, { tables, firewall, interfaces, routes });
  const problems: string[] = [];
  for (const { name, program, args, input } of steps)
    await run(program, args, input).catch((error: unknown) =>
      problems.push(`${name}: ${errorMessage(error)}`),
    );
  if (problems.length > 0) throw new Error(`Cannot remove ${problems.join('; ')}`);
  return steps.map(({ name }) => name);
}
