/**
 * The pods' network on this host: links to the pods of other hosts, the way through the firewall,
 * and the settings of the bridge. Everything is compared with the kernel at each pass, and only what
 * differs is changed: a start of the agent changes nothing that is right. A pass follows each change
 * of the nodes, each change that somebody makes in the kernel, and a time.
 */
import { createAbort } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { HostNetworkContext, HostNetworkPart } from '../host-network.ts';
import { createTableState } from '../nft/table-state.ts';
import { createTableWriter } from '../nft/table-writer.ts';
import {
  ensureHairpins,
  ensureInterface,
  ensureKernelSettings,
  kernelFiles,
  type KernelFiles,
} from './bridge.ts';
import { ensureFirewall } from './firewall.ts';
import { ensureLinks } from './links.ts';
import { observeInterfaces, planUplinks } from './observe-host.ts';
import { networkIdOf, ROUTE_PROTOCOL, tunnelDevice } from './plan-commands.ts';
import { firewallChain } from './plan-firewall.ts';
import { hostFactsOf, type Hosts, planHosts } from './plan-hosts.ts';
import { isCutOff, planLinks, unreachableText } from './plan-links.ts';
import { podTable } from './plan-pod-table.ts';

/** Firewalls are changed without a word, and a pass costs some 50 ms of CPU. */
const PASS_EVERY_MS = 15_000;
/** After a failure, and between passes that changes ask for: changes come in numbers. */
const RETRY_MS = 3_000;
const GATHER_MS = 100;
/** Before the kernel is followed again. */
const FOLLOW_AGAIN_MS = 5_000;

export function createPodNetworkPart(
  context: HostNetworkContext,
  files: KernelFiles = kernelFiles,
): HostNetworkPart {
  const { clock, run, settings, host } = context;
  const { cluster, clusterCidr, bridge, gateway } = settings;
  const logger = context.logger.child({ part: 'pod-network' });
  const nodes = context.feeds.of('nodes');
  const device = tunnelDevice(cluster);
  const links = { device, networkId: networkIdOf(cluster), clusterCidr };
  const state = createTableState(podTable({ cluster, clusterCidr, bridge }));
  const table = createTableWriter({ nft: context.nft, state, clock, logger });
  const stop = createAbort();
  let pause = createAbort();
  let running: Promise<unknown> | undefined;
  /** By node, what its host is made from. */
  const known = new Map<string, string>();
  /** The last logged message. */
  let told: string | undefined;
  let portsAreNew = false;
  /** Ports of the bridge and its number, as the kernel has told of them. */
  const ports = new Set<string>();
  let bridgeIndex = '';

  function hostsNow(): Hosts {
    const [first] = host.nodes.values();
    return planHosts({
      nodes: nodes.items.values(),
      ownNames: new Set(host.nodes.keys()),
      ownAddress: first?.address ?? '',
      clusterCidr,
    });
  }

  /**
   * Answers what is wrong with the links. Before the nodes are known, and the range of this host,
   * what an earlier process has made stays: undefined.
   */
  async function passLinks(): Promise<LinksPass | undefined> {
    const hosts = hostsNow();
    const { own, peers } = hosts;
    if (!nodes.isSynced || own.podCidrs.length === 0) return undefined;
    const interfaces = await observeInterfaces(run);
    const uplinks = planUplinks(
      interfaces,
      own.address,
      peers.map(({ address }) => address),
    );
    const plan = planLinks({ mode: settings.mode, own, peers, onLink: uplinks.onLink });
    const unreachable = unreachableText(plan.unreachable);
    const noAddress = `No interface of this host has the node's address ${own.address}. Start the agent with --node-ip`;
    const problems = [
      ...hosts.problems,
      ...(unreachable === undefined ? [] : [unreachable]),
      ...(plan.tunnel && !uplinks.hasAddress ? [noAddress] : []),
    ];
    const done = await ensureLinks(plan, links, uplinks.mtu, run);
    const changes = [...done.ip, ...done.bridge];
    if (changes.length > 0)
      logger.info({ changes: changes.length, routes: plan.routes.length }, 'Links to other hosts changed');
    return {
      uplinks: [...uplinks.names, ...(plan.tunnel ? [device] : [])],
      problems: [...problems, ...done.problems],
      cutOff: isCutOff(own, peers, plan.unreachable, hosts.eldest),
    };
  }

  /** Each step is tried, whatever comes of the others. Answers whether all went well. */
  async function pass(): Promise<boolean> {
    const failures: string[] = [];
    const attempt = async <T>(what: string, step: () => Promise<T>): Promise<T | undefined> => {
      try {
        return await step();
      } catch (error) {
        failures.push(`${what}: ${errorMessage(error)}`);
        return undefined;
      }
    };
    const mended = await attempt(`Cannot make the interface ${bridge} of the pods`, () =>
      ensureInterface({ bridge, gateway, subnet: clusterCidr }, run),
    );
    if (mended) logger.warn({ bridge }, 'The interface of the pods was gone or down; it is up again');
    const linked = await attempt('Cannot lead to the pods of other hosts', passLinks);
    const unset = await attempt('Cannot set up the bridge', () => ensureKernelSettings(bridge, files));
    await attempt('Cannot set up the ports of the bridge', () => ensureHairpins(bridge, run));
    if (linked)
      await attempt('Cannot let pods through the firewall', () =>
        ensureFirewall({ chain: firewallChain(cluster), clusterCidr, bridge, uplinks: linked.uplinks }, run),
      );
    const problems = [...(linked?.problems ?? []), ...(unset ?? []), ...failures];
    if (linked || problems.length > 0) report(problems, linked?.cutOff ?? false);
    return failures.length === 0;
  }

  function report(problems: readonly string[], isCut: boolean): void {
    const message = problems.slice(0, MAX_PROBLEMS).join('; ');
    context.report('pod-network', message === '' ? undefined : { message, isCutOff: isCut });
    if (message === told) return;
    told = message;
    if (message === '') logger.info({}, 'The network of the pods is as it should be');
    else logger.warn({ problems }, 'Something is wrong with the network of the pods');
  }

  async function work(): Promise<void> {
    while (!stop.signal.aborted) {
      pause = createAbort();
      const isWell = await pass();
      await sleep(clock, isWell ? PASS_EVERY_MS : RETRY_MS, pause.signal);
      await sleep(clock, GATHER_MS, stop.signal);
    }
  }

  const wake = (): void => pause.abort();

  /** New ports of the bridge come with each pod: they alone are worth no pass. */
  async function setPorts(): Promise<void> {
    if (portsAreNew) return;
    portsAreNew = true;
    await sleep(clock, GATHER_MS, stop.signal);
    portsAreNew = false;
    await ensureHairpins(bridge, run).catch((error: unknown) =>
      logger.warn({ error: errorMessage(error) }, 'Cannot set up the ports of the bridge'),
    );
  }

  function onNode(name: string | undefined): void {
    const node = name === undefined ? undefined : nodes.items.get(name);
    const facts = node && hostFactsOf(node);
    if (name !== undefined && facts === known.get(name)) return;
    if (name !== undefined && facts !== undefined) known.set(name, facts);
    else if (name !== undefined) known.delete(name);
    wake();
  }

  /** A line of `ip -oneline monitor link route`. */
  function onLine(line: string): void {
    const [, gone, index = '', name = ''] = /^(Deleted )?(\d+): ([^:@]+)/.exec(line) ?? [];
    if (gone !== undefined) ports.delete(name);
    if (name === bridge) {
      // Somebody has deleted it or set it down, or the engine has made it anew, without our settings.
      if (gone !== undefined || index !== bridgeIndex || !/[<,]UP[,>]/.test(line)) wake();
      bridgeIndex = gone === undefined ? index : '';
    } else if (gone === undefined && line.includes(` master ${bridge} `) && !ports.has(name)) {
      ports.add(name);
      void setPorts();
    } else if (name === device || line.includes(` proto ${ROUTE_PROTOCOL}`)) wake();
  }

  async function follow(): Promise<void> {
    while (!stop.signal.aborted) {
      await context
        .follow('ip', ['-oneline', 'monitor', 'link', 'route'], onLine, stop.signal)
        .catch((error: unknown) => logger.debug({ error: errorMessage(error) }, 'Cannot follow the kernel'));
      // Changes in between were not heard.
      wake();
      await sleep(clock, FOLLOW_AGAIN_MS, stop.signal);
    }
  }

  return {
    start() {
      nodes.onChange(onNode);
      host.onChange(wake);
      table.start();
      running ??= Promise.all([work(), follow()]);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      pause.abort();
      await Promise.all([running, table[Symbol.asyncDispose]()]);
    },
  };
}

interface LinksPass {
  readonly uplinks: readonly string[];
  readonly problems: readonly string[];
  readonly cutOff: boolean;
}

/** An annotation of the node has room for these. */
const MAX_PROBLEMS = 5;
