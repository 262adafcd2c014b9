/**
 * `symphony net check [FROM TO | --ingress URL]`: walks the hops of the network and says which one
 * is broken, and how to mend it. Exit code 1 if one is.
 */
import { Argument, Option } from 'commander';
import { UserError } from '../../base/errors.ts';
import type { ApiClient } from '../../client/types.ts';
import { coloursWanted } from '../../config/index.ts';
import { assessHops, type Hop } from '../../network/check/hop.ts';
import { planClusterHops } from '../../network/check/plan-cluster-hops.ts';
import { planPodHops } from '../../network/check/plan-hops.ts';
import { planServiceHops } from '../../network/check/plan-service-hops.ts';
import { matchIngress, planIngressHops } from '../../network/check/plan-ingress-hops.ts';
import { connect } from '../cluster/api-connection.ts';
import { askNetwork } from '../cluster/ask-network.ts';
import { parseEnd, readClusterView, readIngresses, readPod, readService } from '../cluster/network-view.ts';
import { renderChecks } from '../output/check-table.ts';
import { createColours } from '../output/colours.ts';
import { renderJson } from '../output/json.ts';
import type { CommandModule, Invocation } from '../run/command.ts';
import { addConfigFlags, outputOption } from '../run/config-flags.ts';

export const netCommand: CommandModule = {
  configure(command) {
    command.addArgument(new Argument('<action>', 'what to do').choices(['check']));
    command.argument('[from]', 'the pod where the way begins: NAME or NAMESPACE/NAME');
    command.argument('[to]', 'the pod or Service where it ends; service/NAME for a Service');
    command.addOption(new Option('--ingress <URL>', 'the way from here through an Ingress'));
    addConfigFlags(command, 'client');
    command.addOption(outputOption());
  },
  async run(invocation) {
    const { io, flags } = invocation;
    using client = await connect(invocation);
    const hops = await plan(client, invocation);
    const results = assessHops(hops, await askNetwork(client.connection, hops, invocation.signal));
    const colours = createColours(coloursWanted(io.stdout));
    io.stdout.write(flags['output'] === 'json' ? renderJson(results) : renderChecks(results, colours));
    return results.some(({ status }) => status === 'FAIL') ? 1 : 0;
  },
};

function plan(client: ApiClient, { args, flags }: Invocation): Promise<readonly Hop[]> {
  const [, from, to] = args;
  const { ingress } = flags;
  if (typeof ingress === 'string') {
    if (from !== undefined) throw new UserError('Cannot check pods and --ingress at once: leave one out');
    return planIngress(client, ingress);
  }
  if (from === undefined) return planCluster(client);
  if (to === undefined)
    throw new UserError('Cannot check one pod alone: name the pod or Service that it should reach, too');
  return planWay(client, from, to);
}

async function planCluster(client: ApiClient): Promise<readonly Hop[]> {
  const [view, api] = await Promise.all([
    readClusterView(client),
    readService(client, 'default', 'kubernetes'),
  ]);
  return planClusterHops(view, api);
}

async function planWay(client: ApiClient, from: string, to: string): Promise<readonly Hop[]> {
  const [view, start] = await Promise.all([readClusterView(client), readPod(client, parseEnd(from))]);
  const end = parseEnd(to);
  const pod = end.kind === 'service' ? undefined : await readPod(client, end);
  const service =
    end.kind === 'pod' || pod?.pod ? undefined : await readService(client, end.namespace, end.name);
  if (service) return planServiceHops(view, start, service);
  if (end.kind === 'service')
    throw new UserError(`Cannot check Service ${end.namespace}/${end.name}: there is none of that name`);
  return planPodHops(view, start, pod ?? { name: `${end.namespace}/${end.name}`, pod: undefined });
}

async function planIngress(client: ApiClient, text: string): Promise<readonly Hop[]> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol))
    throw new UserError(`Cannot use --ingress ${text}: give a URL such as http://shop.example/`);
  const match = matchIngress(await readIngresses(client), url);
  const backend =
    match?.service === undefined ? undefined : await readService(client, match.namespace, match.service);
  return planIngressHops(url, match, backend);
}
