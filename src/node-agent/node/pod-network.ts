/**
 * The pods' network on this engine and the addresses in it. The network is made when the first pod
 * needs it, made again when it is gone, and checked while pods have addresses in it. A pod whose
 * address leads elsewhere is neither started nor probed.
 */
import { cidrContains } from '../../base/cidr.ts';
import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../base/logger.ts';
import { failureWords } from '../pod/failure-words.ts';
import { StepProblem } from '../ports.ts';
import type { ContainerRuntime } from '../runtime/types.ts';
import { planPodRoute } from './plan-pod-route.ts';
import { createPodAddresses, type PodAddressBook } from './pod-addresses.ts';
import type { Routes } from './read-routes.ts';

export interface PodNetworkOptions {
  readonly runtime: Pick<ContainerRuntime, 'ensureNetwork'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly network: Parameters<ContainerRuntime['ensureNetwork']>[0];
  /** Absent if the engine is not on this machine. */
  readonly routes?: Routes | undefined;
  /** Addresses of containers that no pod has claimed yet, and that may still be alive. */
  held(): readonly string[];
  /** A pod that was refused may try again: an address is free, or the network is reachable. */
  onRoom(): void;
}

export interface PodNetwork {
  readonly addresses: PodAddressBook;
  /** The node's podCIDR. */
  setRange(cidr: string): void;
  /** Checks the routes of all pods; answers `problem`. */
  check(): Promise<string | undefined>;
  /** Why pods cannot be reached by their addresses, as of the last check. */
  readonly problem: string | undefined;
}

/** The engine is asked at most this often whether the network exists: pods come in numbers. */
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

  /** The kernel's own answer costs a socket; only `asked` is worth it. */
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
    if (found === undefined && wasBroken) options.onRoom();
  }

  /** Throws StepProblem unless the network exists and leads to this address. */
  async function verify(address: string): Promise<void> {
    const bridge = await ensure();
    const found = bridge === undefined ? undefined : await strangerAt(bridge, [address], address);
    if (found !== undefined) throw new StepProblem('FailedCreatePodSandBox', found);
  }

  async function check(): Promise<void> {
    const addresses = book.all;
    if (!routes || addresses.length === 0) return note(undefined);
    try {
      // The bridge keeps its name, so an engine that is away now does not matter.
      const bridge = await (ensured?.bridge ?? ensure());
      note(bridge === undefined ? undefined : await strangerAt(bridge, addresses, addresses[0]));
    } catch (error) {
      options.logger.debug({ error: failureWords(error) }, "Cannot check the pods' network");
    }
  }

  const book = createPodAddresses({
    verify,
    reserved: [network.gateway],
    held: options.held,
    onFree: options.onRoom,
  });
  return {
    addresses: book,
    setRange(cidr) {
      book.setRange(cidr);
      if (cidrContains(network.subnet, cidr)) return;
      options.logger.error(
        { podCIDR: cidr, clusterCidr: network.subnet },
        'The podCIDR of this node is not in its --cluster-cidr: start the agent with the --cluster-cidr of its control plane',
      );
    },
    async check() {
      await check();
      return problem;
    },
    get problem() {
      return problem;
    },
  };
}
