/**
 * Answers for the addresses of load balancers that the control plane gave to this host: holds them
 * on the interface of their network, and tells the neighbours. Ports of them that no Service has
 * are refused: they would be the host's own.
 *
 * Where another host could take over, the kernel drops an address that no agent renews: otherwise
 * two hosts would answer for it. A host alone keeps its addresses without an agent.
 */
import { createAbort } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import { ANNOUNCE_NETWORKS } from '../../schemas/load-balancers.ts';
import type { HostNetworkContext, HostNetworkPart } from '../host-network.ts';
import { createTableState, type TableFrame } from '../nft/table-state.ts';
import { createTableWriter } from '../nft/table-writer.ts';
import { observeAddresses, readHeld, runIpBatch, writeHeld } from './host-addresses.ts';
import {
  type AnnouncementPlan,
  type HeldAddress,
  holdCommands,
  networksOf,
  planAnnouncements,
  removeCommands,
  wantedAddresses,
} from './plan-announcements.ts';
import { createNeighbourNews } from './neighbour-news.ts';

/** Agents are restarted and upgraded within this time. */
const LIFETIME_SECONDS = 60;
/** Four times in a lifetime. Neighbours that learnt a wrong host meanwhile learn the right one. */
const RENEW_MS = 15_000;
/** Longer only where the kernel refuses the table. Addresses are held all the same. */
const GUARD_MS = 2_000;
/** After a failure, such as an interface that has just gone. */
const RETRY_MS = 2_000;

export function createAnnouncements(context: HostNetworkContext): HostNetworkPart {
  const { clock, logger, run, settings, feeds, host, annotations } = context;
  const [services, nodes] = [feeds.of('services'), feeds.of('nodes')];
  const news = createNeighbourNews(run, logger);
  const state = createTableState(guardTable(settings.cluster));
  const guard = createTableWriter({ nft: context.nft, state, clock, logger });
  const stop = createAbort();
  let changed = createAbort();
  let held: readonly HeldAddress[] | undefined;
  /** A node leaves when its process ends, and its pods go on: it stays one of this host. */
  const names = new Set<string>();
  /** Keys of the Services that this host answers for. */
  let answered: ReadonlySet<string> = new Set();
  let told = '';
  let failure = '';
  let running: Promise<void> | undefined;

  const isSynced = (): boolean => services.isSynced && nodes.isSynced;

  async function round(): Promise<void> {
    held ??= await readHeld(settings.directory);
    for (const name of host.nodes.keys()) names.add(name);
    const observed = await observeAddresses(run);
    const { address: hostAddress = '' } = [...host.nodes.values()][0] ?? {};
    const place = { observed, hostAddress, bridge: settings.bridge };
    annotations.set(ANNOUNCE_NETWORKS, [...new Set(networksOf(place).map(({ cidr }) => cidr))].join());
    // Without the API's word, what this host answered for is renewed.
    const wanted = isSynced()
      ? wantedAddresses(services.items, names)
      : new Map(held.map(({ address }) => [address, '']));
    answered = new Set(wanted.values());
    const plan = planAnnouncements({ ...place, wanted: wanted.keys(), held });
    await carryOut(plan);
    news.tell(plan.fresh, plan.announced);
    sayUnplaced(plan);
  }

  async function carryOut({ held: next, remove, announced }: AnnouncementPlan): Promise<void> {
    // Recorded before it is done: what is left behind is ours.
    if (!jsonEqual(held, next)) await writeHeld(settings.directory, next);
    held = next;
    // Guarded before they are the host's, and until they are not any more.
    const addresses = [...announced, ...remove].map(({ address }) => [address, ''] as const);
    if (isSynced()) {
      guard.set('addresses', { elements: { addresses: new Map(addresses) } });
      guard.start();
      const patience = createAbort();
      await Promise.race([guard.settled(), sleep(clock, GUARD_MS, patience.signal)]);
      patience.abort();
    }
    const isAlone = [...nodes.items.keys()].every((name) => names.has(name));
    const lifetime = isAlone && nodes.isSynced ? 'forever' : `${LIFETIME_SECONDS}`;
    const kept = next.filter((one) => !remove.includes(one));
    await runIpBatch(run, [...removeCommands(remove), ...holdCommands(kept, lifetime)]);
    if (remove.length === 0) return;
    held = kept;
    await writeHeld(settings.directory, kept);
  }

  function sayUnplaced({ unplaced }: AnnouncementPlan): void {
    const text = unplaced.join(', ');
    if (text !== '' && text !== told)
      logger.warn(
        { addresses: unplaced },
        'No interface of this host is in the network of these load balancers: route them to this host, or change --load-balancer-pool',
      );
    told = text;
  }

  /** Once for each cause: it may last. */
  function sayFailure(error: string): void {
    if (error !== failure)
      logger.error({ error }, 'Cannot hold the addresses of load balancers; trying again');
    failure = error;
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      changed = createAbort();
      let waitMs = RENEW_MS;
      try {
        await round();
        failure = '';
      } catch (error) {
        waitMs = RETRY_MS;
        sayFailure(errorMessage(error));
      }
      await sleep(clock, waitMs, changed.signal);
    }
  }

  const wake = (): void => changed.abort();
  const mayMatter = (key: string | undefined): boolean =>
    key === undefined || answered.has(key) || services.items.get(key)?.spec.type === 'LoadBalancer';
  return {
    start() {
      services.onChange((key) => mayMatter(key) && wake());
      nodes.onChange((key) => (key === undefined || !nodes.items.has(key)) && wake());
      host.onChange(wake);
      running = loop();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake();
      await Promise.all([running, news.idle()]);
      await guard[Symbol.asyncDispose]();
    },
  };
}

/** Packets that still have such an address behind the translation are meant for no Service. */
const guardTable = (cluster: string): TableFrame => ({
  family: 'ip',
  name: `symphony-${cluster}-announcements`,
  sets: { addresses: { kind: 'set', declaration: 'type ipv4_addr;' } },
  chains: {
    input: {
      hook: 'type filter hook input priority 0',
      rules: [
        'ip daddr @addresses ct state new meta l4proto tcp reject with tcp reset',
        'ip daddr @addresses ct state new meta l4proto { udp, sctp } reject',
      ],
    },
  },
});
