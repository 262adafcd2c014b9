/** Makes the kernel forget flows, with the program `conntrack`. Nothing else depends on it. */
import { append } from '../../base/append.ts';
import { errorMessage } from '../../base/errors.ts';
import type { HostNetworkContext } from '../host-network.ts';
import { planStrayFlows, type UdpEntrances } from './plan-udp-flows.ts';

export interface FlowKeeper {
  /** Commands of plan-udp-flows.ts. Never rejects. */
  forget(commands: readonly string[]): Promise<void>;
  /** Flows that an earlier process has left and that should not go on. Never rejects. */
  forgetStray(entrances: UdpEntrances): Promise<void>;
}

/** The kernel walks over all of its flows for each command. */
const MOST_COMMANDS = 100;
/** The others end when their clients pause. */
const MOST_STRAY = 10_000;
/** It opens `/dev/stdin`, which the kernel allows for a pipe only; Node gives children a socket. */
const LOAD = 'cat | conntrack --load-file -';
const UDP_FLOWS = ['--dump', '--proto', 'udp', '--output', 'save'];

const MISSING =
  'There is no program "conntrack" (Debian: package conntrack): clients of UDP Services may go on to endpoints that are gone, until they pause';

export function createFlowKeeper(
  { run, follow, logger }: Pick<HostNetworkContext, 'run' | 'follow' | 'logger'>,
  signal: AbortSignal,
): FlowKeeper {
  let isMissing = false;

  async function tryRun(program: string, args: readonly string[], input?: string): Promise<void> {
    if (isMissing || signal.aborted) return;
    try {
      await run(program, args, input);
    } catch (error) {
      const why = errorMessage(error);
      isMissing = /ENOENT|not found|No such file/.test(why);
      if (isMissing) logger.warn({}, MISSING);
      else logger.warn({ error: why }, 'Cannot clear flows of UDP; they end when their clients pause');
    }
  }

  async function forget(commands: readonly string[]): Promise<void> {
    for (let start = 0; start < commands.length; start += MOST_COMMANDS)
      await tryRun('sh', ['-c', LOAD], `${commands.slice(start, start + MOST_COMMANDS).join('\n')}\n`);
  }

  return {
    forget,
    async forgetStray(entrances) {
      await tryRun('conntrack', ['--version']);
      const stray: string[] = [];
      const onLine = (line: string): void => {
        if (stray.length < MOST_STRAY) append(stray, planStrayFlows(line, entrances));
      };
      if (!isMissing) await follow('conntrack', UDP_FLOWS, onLine, signal).catch(() => undefined);
      await forget(stray);
    },
  };
}
