/**
 * The pods' network on this engine: made when the first pod needs it, made again when it is gone, and looked at for as long as
 * pods have addresses in it. A pod whose address leads to somebody else is not started, and nobody is probed in its place.
 */
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { failureWords } from '../pod/failure-words.ts';
import { StepProblem } from '../ports.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { planPodRoute } from './plan-pod-route.ts';
import type { Routes } from './read-routes.ts';

export interface PodNetworkOptions {
  readonly runtime: Pick<ContainerRuntime, 'ensureNetwork'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly network: { readonly name: string; readonly subnet: string; readonly gateway: string };
  /** Absent where the engine is not on this machine, or there is none. */
  readonly routes?: Routes | undefined;
  /** Addresses of the pods that are here. */
  addresses(): readonly string[];
  /** The problem that pods were refused for is over. */
  onMended(): void;
}

export interface PodNetwork {
  /** The network exists and leads to this address. Throws StepProblem. */
  verify(address: string): Promise<void>;
  /** Looks again, for the sake of all pods that are here. */
  check(): Promise<void>;
  /** Why pods cannot be reached by their addresses, as of the last look. */
  readonly problem: string | undefined;
}

/** An engine is asked at most so often whether the network is still there: pods come in numbers. */
const FRESH_MS = 10_000;

export function createPodNetwork(options: PodNetworkOptions): PodNetwork {
  const { runtime, clock, network, routes } = options;
  let ensured: { readonly atMs: number; readonly bridge: Promise<string | undefined> } | undefined;
  let problem: string | undefined;

  /** The network's interface, where it can be seen. */
  async function ensure(): Promise<string | undefined> {
    if (!ensured || clock.now() - ensured.atMs >= FRESH_MS) {
      const bridge = runtime.ensureNetwork(network).then((made) => made.bridge);
      ensured = { atMs: clock.now(), bridge };
    }
    try {
      return await ensured.bridge;
    } catch (error) {
      ensured = undefined;
      throw error;
    }
  }

  /** The kernel's own answer costs a socket, and is asked for `asked` only. */
  async function strangerAt(
    bridge: string,
    addresses: readonly string[],
    asked: string | undefined,
  ): Promise<string | undefined> {
    const table = await routes?.table();
    if (!routes || !table) return undefined;
    const source = asked === undefined ? undefined : await routes.sourceFor(asked);
    for (const address of addresses) {
      const heard = address === asked ? source : undefined;
      const found = planPodRoute({ ...table, network, bridge, address, source: heard });
      if (found !== undefined) return found;
    }
    return undefined;
  }

  function note(found: string | undefined): void {
    if (found === problem) return;
    const wasBroken = problem !== undefined;
    problem = found;
    if (found !== undefined) options.logger.error({ reason: found }, "The pods' network is not reachable");
    else options.logger.info({}, "The pods' network is reachable again");
    if (found === undefined && wasBroken) options.onMended();
  }

  return {
    async verify(address) {
      const bridge = await ensure();
      const found = bridge === undefined ? undefined : await strangerAt(bridge, [address], address);
      if (found !== undefined) throw new StepProblem('FailedCreatePodSandBox', found);
    },
    async check() {
      const addresses = options.addresses();
      if (!routes || addresses.length === 0) return note(undefined);
      try {
        // The bridge keeps its name, so an engine that is away now does not matter.
        const bridge = await (ensured?.bridge ?? ensure());
        note(bridge === undefined ? undefined : await strangerAt(bridge, addresses, addresses[0]));
      } catch (error) {
        options.logger.debug({ error: failureWords(error) }, "Cannot look at the pods' network");
      }
    },
    get problem() {
      return problem;
    },
  };
}
