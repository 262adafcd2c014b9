/** `symphony control-plane`: the control plane without nodes; agents join from their hosts. */
import { withRememberedRanges } from '../../server/addresses/address-ranges.ts';
import { checkRepository } from '../../server/start/check-start.ts';
import { startControlPlane } from '../../server/control-plane.ts';
import type { CommandModule } from '../run/command.ts';
import { commandLogger } from '../output/command-logger.ts';
import { sayReady } from '../output/ready-line.ts';
import { addConfigFlags, configFrom } from '../run/config-flags.ts';
import { untilAborted } from '../run/until-aborted.ts';

export const controlPlaneCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'control-plane');
  },
  async run(invocation) {
    const config = await withRememberedRanges(configFrom(invocation, 'control-plane'));
    await checkRepository(config);
    const logger = commandLogger(config, invocation.io);
    await using controlPlane = await startControlPlane({ config, logger });
    if (!invocation.signal.aborted) await sayReady(invocation.io, config, controlPlane);
    await Promise.race([untilAborted(invocation.signal), controlPlane.failed]);
    return 0;
  },
};
