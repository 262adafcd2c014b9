/** `symphony down`: removes the containers, volumes and networks that `symphony up` left with this data directory. */
import { existsSync } from 'node:fs';
import { readFile, readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { defaultDockerHost } from '../../config/index.ts';
import { CLUSTER_FILE, networkNameOf } from '../../server/cluster-identity.ts';
import { removeClusterNetwork, removeNode, removeNodeDirectory } from '../../server/remove-cluster.ts';
import { livingOwnerOf } from '../../store/embedded-owner.ts';
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
    const nodes = await nodesOf(root);
    if (nodes.length === 0) {
      if (!existsSync(root)) throw new UserError(`Cannot find "${root}"; set --data-dir`);
      stdout.write('Nothing to remove\n');
      return 0;
    }
    const running = await livingOwnerOf(join(root, 'redis'));
    if (running !== undefined)
      throw new UserError(
        `Cannot remove the containers of "${root}": symphony (process ${running}) is running there and would start them again; stop it first`,
      );
    const hosts = config.dockerHosts.length > 0 ? config.dockerHosts : [defaultDockerHost()];
    for (const dockerHost of hosts) {
      for (const node of nodes) {
        const { containers } = await removeNode({ ...node, dockerHost });
        stdout.write(
          `${node.nodeName}: ${containers} ${containers === 1 ? 'container' : 'containers'} removed\n`,
        );
      }
      for (const cluster of new Set(nodes.map((node) => node.cluster))) {
        if (await removeClusterNetwork(cluster, dockerHost)) continue;
        stdout.write(`network ${networkNameOf(cluster)}: left, other nodes of the cluster use it\n`);
      }
    }
    for (const node of nodes) await removeNodeDirectory(node.directory);
    return 0;
  },
};

interface NodeDirectory {
  readonly nodeName: string;
  readonly cluster: string;
  readonly directory: string;
}

/** Every node that has run with this data directory. */
async function nodesOf(root: string): Promise<readonly NodeDirectory[]> {
  const agents = join(root, 'agents');
  const names = await readdir(agents).catch(() => []);
  const nodes = await Promise.all(
    names.sort().map(async (nodeName) => {
      const directory = join(agents, nodeName);
      const cluster = await readFile(join(directory, CLUSTER_FILE), 'utf8').catch(() => '');
      return { nodeName, cluster: cluster.trim(), directory };
    }),
  );
  return nodes.filter((node) => node.cluster !== '');
}
