/** `symphony agent`: a node on this Docker host. Ends at SIGTERM or SIGINT and leaves the containers running. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { createLogger } from '../../base/logger.ts';
import { clusterIdOf } from '../../server/cluster-identity.ts';
import { parseJoinToken } from '../../server/join-token.ts';
import { startNode } from '../../server/node.ts';
import type { CommandModule } from '../command.ts';
import { addConfigFlags, configFrom } from '../config-flags.ts';
import { untilAborted } from '../until-aborted.ts';

export const agentCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'agent');
  },
  async run(invocation) {
    const config = configFrom(invocation, 'agent');
    if (config.server === undefined) throw new UserError('Cannot start an agent: --server is missing');
    if (config.tokenFile === undefined) throw new UserError('Cannot start an agent: --token-file is missing');
    const { secret, caPem } = parseJoinToken(await readFile(config.tokenFile, 'utf8'));
    const nodeName = config.nodeName ?? hostname().toLowerCase();
    const node = await startNode({
      server: config.server,
      caPem,
      token: secret,
      nodeName,
      nodeIp: config.nodeIp,
      dockerHost: config.dockerHosts[0],
      runtime: config.runtime,
      clusterCidr: config.clusterCidr,
      cluster: clusterIdOf(caPem),
      directory: join(resolve(config.dataDir), 'agents', nodeName),
      logger: createLogger(config.logLevel),
    });
    try {
      invocation.io.stdout.write(`Node ${nodeName} is running pods for ${config.server}\n`);
      await untilAborted(invocation.signal);
    } finally {
      await node[Symbol.asyncDispose]();
    }
    return 0;
  },
};
