/** `symphony agent`: a node on this Docker host. SIGTERM or SIGINT ends it; containers run on. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { checkNodeRange } from '../../server/addresses/address-ranges.ts';
import { checkEngineAddresses } from '../../server/start/check-start.ts';
import { createHostNetworks, nodeNetworkOptions } from '../../server/host-networks.ts';
import { clusterIdOf } from '../../server/identity/cluster-identity.ts';
import { joinCluster } from '../../server/identity/node-identity.ts';
import { startNode, untilReported } from '../../server/node.ts';
import { sweepOrphans } from '../../server/start/sweep-orphans.ts';
import type { CommandModule } from '../run/command.ts';
import { commandLogger } from '../output/command-logger.ts';
import { addConfigFlags, configFrom } from '../run/config-flags.ts';
import { untilAborted } from '../run/until-aborted.ts';

export const agentCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'agent');
  },
  async run(invocation) {
    const config = configFrom(invocation, 'agent');
    if (config.server === undefined) throw new UserError('Cannot start an agent: --server is missing');
    checkEngineAddresses(config);
    const nodeName = config.nodeName ?? hostname().toLowerCase();
    const directory = join(resolve(config.dataDir), 'agents', nodeName);
    const logger = commandLogger(config, invocation.io);
    const { server, tokenFile } = config;
    const { signal } = invocation;
    await using joined = await joinCluster({ server, tokenFile, nodeName, directory, signal, logger });
    const cluster = clusterIdOf(joined.caPem);
    const dockerHost = config.dockerHosts[0];
    if (config.runtime === 'docker') await checkNodeRange({ ...config, cluster, dockerHost }, logger);
    await sweepOrphans(logger);
    await using hostNetworks = createHostNetworks();
    await using node = await startNode({
      server,
      caPem: joined.caPem,
      identity: joined.identity,
      nodeName,
      nodeIp: config.nodeIp,
      dockerHost,
      runtime: config.runtime,
      hollowRunForMs: config.hollowRunForMs,
      clusterCidr: config.clusterCidr,
      clusterDomain: config.clusterDomain,
      network: nodeNetworkOptions(config, hostNetworks),
      maxPodSecurity: config.maxPodSecurity,
      allowedUnsafeSysctls: config.allowedUnsafeSysctls,
      cluster,
      directory,
      logger,
    });
    await untilReported([node]);
    const problem = node.problem();
    const state = problem === undefined ? 'is running pods for' : `is not ready (${problem}) for`;
    invocation.io.stdout.write(`Node ${nodeName} ${state} ${server}\n`);
    await untilAborted(signal);
    return 0;
  },
};
