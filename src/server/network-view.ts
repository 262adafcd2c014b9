/** The network of a node's host, as its agent shows it to `symphony net check`. */
import { cidrContains } from '../base/cidr.ts';
import { collectFacts, type FactsOptions } from '../network/check/collect-facts.ts';
import type { NetworkSettings } from '../network/host-network.ts';
import { runProgram } from '../network/run-program.ts';
import type { NodeNetworkView } from '../node-agent/tunnel/node-endpoints.ts';

type ViewSettings = FactsOptions['settings'] &
  Pick<NetworkSettings, 'clusterCidr' | 'serviceCidr' | 'clusterDomain'>;

export const networkView = (settings: ViewSettings): NodeNetworkView => ({
  clusterDomain: settings.clusterDomain,
  facts: (service) => collectFacts({ run: runProgram, settings }, service),
  isOfCluster: (address) =>
    [settings.clusterCidr, settings.serviceCidr].some((cidr) => cidrContains(cidr, `${address}/32`)),
});
