/** Makes the kernel forget flows, with the program `conntrack`. Nothing else depends on it. */
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { RunProgram } from '../run-program.ts';

export interface FlowKeeper {
  /** Commands of plan-udp-flows.ts. Never rejects. */
  forget(commands: readonly string[]): Promise<void>;
  /** Flows of UDP; the first of them when there are very many. Empty when they cannot be read. */
  list(): Promise<string>;
}

/** The kernel walks over all of its flows for each command. */
const MOST_COMMANDS = 100;
const UDP_FLOWS = ['--dump', '--proto', 'udp', '--output', 'save'];

export function createFlowKeeper(run: RunProgram, logger: Logger): FlowKeeper {
  let isMissing = false;

  async function tryRun(args: readonly string[], input?: string): Promise<string> {
    if (isMissing) return '';
    try {
      return await run('conntrack', args, input);
    } catch (error) {
      const why = errorMessage(error);
      isMissing = /ENOENT|not found|No such file/.test(why);
      if (isMissing)
        logger.warn(
          {},
          'There is no program "conntrack" (Debian: package conntrack): clients of UDP Services may go on to endpoints that are gone, until they pause',
        );
      else logger.warn({ error: why }, 'Cannot clear flows of UDP; they end when their clients pause');
      return '';
    }
  }

  return {
    async forget(commands) {
      for (let start = 0; start < commands.length; start += MOST_COMMANDS)
        await tryRun(['--load-file', '-'], `${commands.slice(start, start + MOST_COMMANDS).join('\n')}\n`);
    },
    list: () => tryRun(UDP_FLOWS),
  };
}
