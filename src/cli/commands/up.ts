/** `symphony up`: everything on this machine. Ends at SIGTERM or SIGINT and leaves the containers running. */
import { startAllInOne } from '../../server/all-in-one.ts';
import type { CommandModule } from '../command.ts';
import { commandLogger } from '../output/command-logger.ts';
import { addConfigFlags, configFrom } from '../config-flags.ts';
import { untilAborted } from '../until-aborted.ts';

export const upCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'up');
  },
  async run(invocation) {
    const config = configFrom(invocation, 'up');
    const system = await startAllInOne(config, commandLogger(config, invocation.io));
    try {
      const { controlPlane, nodes } = system;
      const { stdout } = invocation.io;
      stdout.write(
        `Symphony is ready: ${controlPlane.url}, ${nodes.length} ${nodes.length === 1 ? 'node' : 'nodes'}\n`,
      );
      stdout.write(`export KUBECONFIG=${controlPlane.dataDir.kubeconfig}\n`);
      await Promise.race([untilAborted(invocation.signal), controlPlane.failed]);
    } finally {
      await system[Symbol.asyncDispose]();
    }
    return 0;
  },
};
