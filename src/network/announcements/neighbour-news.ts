/**
 * Tells the machines of a network which host has an address, by gratuitous ARP (RFC 5227): they
 * would ask the host that had it before until their entry ends. `arping` of BusyBox ends at once,
 * that of iputils takes a second.
 */
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import type { RunProgram } from '../run-program.ts';
import type { HeldAddress } from './plan-announcements.ts';

export interface NeighbourNews {
  /** Tells of new addresses at once, and of a part of the others. Returns before it is done. */
  tell(fresh: readonly HeldAddress[], all: readonly HeldAddress[]): void;
  /** Resolves when nobody is being told. */
  idle(): Promise<void>;
}

const PROGRAMS = [['busybox', 'arping'], ['arping']] as const;
/** Addresses that are told again in a round. The next round goes on behind them. */
const AGAIN_A_ROUND = 8;

export function createNeighbourNews(run: RunProgram, logger: Logger): NeighbourNews {
  let waiting: HeldAddress[] = [];
  let telling: Promise<void> | undefined;
  let next = 0;
  let works: (typeof PROGRAMS)[number] | undefined;
  let isSilent = false;

  async function announce({ address, device }: HeldAddress): Promise<void> {
    const errors: string[] = [];
    for (const program of works ? [works] : PROGRAMS) {
      const [command, ...first] = program;
      try {
        await run(command, [...first, '-U', '-c', '1', '-I', device, address]);
        works = program;
        return;
      } catch (error) {
        errors.push(errorMessage(error));
      }
    }
    if (!isSilent)
      logger.warn(
        { address, device, errors },
        'Cannot tell the neighbours of a load balancer; they notice within a minute. Install iputils-arping',
      );
    isSilent = true;
  }

  async function tellAll(): Promise<void> {
    for (let one = waiting.shift(); one; one = waiting.shift()) await announce(one);
  }

  return {
    tell(fresh, all) {
      const isNew = new Set(fresh.map(({ address }) => address));
      const others = all.filter(({ address }) => !isNew.has(address));
      const again = [...others.slice(next), ...others.slice(0, next)].slice(0, AGAIN_A_ROUND);
      next = others.length === 0 ? 0 : (next + again.length) % others.length;
      const current = new Map([...fresh, ...all].map((one) => [one.address, one]));
      // Those that wait from the round before may be gone by now.
      const queued = [...fresh, ...waiting, ...again].flatMap(({ address }) => current.get(address) ?? []);
      waiting = [...new Set(queued)];
      telling ??= tellAll().finally(() => (telling = undefined));
    },
    async idle() {
      waiting = [];
      await telling;
    },
  };
}
