/** `symphony up`: everything on this machine. SIGTERM or SIGINT ends it; containers run on. */
import { startAllInOne } from '../../server/all-in-one.ts';
import { checkEngines, checkRepository } from '../../server/start/check-start.ts';
import type { CommandModule } from '../run/command.ts';
import { commandLogger } from '../output/command-logger.ts';
import { sayReady } from '../output/ready-line.ts';
import { addConfigFlags, configFrom } from '../run/config-flags.ts';
import { untilAborted } from '../run/until-aborted.ts';

export const upCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'up');
  },
  async run(invocation) {
    const config = configFrom(invocation, 'up');
    await checkRepository(config);
    await checkEngines(config);
    await using system = await startAllInOne(config, commandLogger(config, invocation.io));
    const { controlPlane, nodes } = system;
    if (!invocation.signal.aborted) await sayReady(invocation.io, config, controlPlane, nodes);
    await Promise.race([untilAborted(invocation.signal), controlPlane.failed]);
    return 0;
  },
};
