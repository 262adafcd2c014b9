/** `symphony down`: removes the containers, volumes and networks that `symphony up` left with this data directory. */
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { defaultDockerHost } from '../../config/index.ts';
import { clusterIdOf } from '../../server/cluster-identity.ts';
import { removeClusterNetwork, removeNode } from '../../server/remove-cluster.ts';
import type { CommandModule } from '../command.ts';
import { addConfigFlags, configFrom } from '../config-flags.ts';

export const downCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'down');
  },
  async run(invocation) {
    const config = configFrom(invocation, 'down');
    const root = resolve(config.dataDir);
    const { stdout } = invocation.io;
    if (config.runtime === 'hollow') return 0;
    const caPem = await readFile(join(root, 'tls', 'ca.crt'), 'utf8').catch((error: unknown) => {
      throw new UserError(`Cannot find what "symphony up" left in "${root}"; set --data-dir`, {
        cause: error,
      });
    });
    const cluster = clusterIdOf(caPem);
    const hosts = config.dockerHosts.length > 0 ? config.dockerHosts : [defaultDockerHost()];
    const nodeNames = await readdir(join(root, 'agents')).catch(() => []);
    for (const dockerHost of hosts) {
      for (const nodeName of nodeNames.sort()) {
        const removed = await removeNode({
          cluster,
          nodeName,
          dockerHost,
          directory: join(root, 'agents', nodeName),
        });
        stdout.write(`${nodeName}: ${removed.containers} containers removed\n`);
      }
      await removeClusterNetwork(cluster, dockerHost);
    }
    return 0;
  },
};
