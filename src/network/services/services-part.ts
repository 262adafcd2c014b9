/**
 * The Services of the cluster in the kernel of this host. A change of a Service or of its endpoints
 * plans that Service alone; changes that come together are written together. Nothing is written
 * before all Services are known: until then the kernel works with what an earlier process has left.
 */
import { createAbort } from '../../base/abort.ts';
import { toRfc3339 } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { mapInTurns } from '../../base/map-in-turns.ts';
import type { Service } from '../../schemas/types.ts';
import type { HostNetworkContext, HostNetworkPart } from '../host-network.ts';
import { createTableState } from '../nft/table-state.ts';
import { createTableWriter } from '../nft/table-writer.ts';
import { clusterIpOf, createEntranceOwners, entranceKeys, seniority } from './entrances.ts';
import { createFlowKeeper } from './forget-flows.ts';
import { answerProxyHealth, healthCheckOf, isEligible } from './health-answer.ts';
import { createHealthChecks, startServer } from './health-checks.ts';
import { planServicePart } from './plan-service-part.ts';
import { planForgottenFlows, planStrayFlows, udpEntrances, type UdpEntrances } from './plan-udp-flows.ts';
import type { ProxyHost } from './select-endpoints.ts';
import { createServiceReports } from './service-reports.ts';
import { serviceTable } from './service-table.ts';
import { createSlicesByService } from './slices-by-service.ts';

const ZONE = 'topology.kubernetes.io/zone';
/** As kube-proxy. */
const HEALTH_PORT = 10_256;
/** The kernel has not got a change for this long: something is wrong with this host. */
const STALE_MS = 60_000;

export function createServicesPart(context: HostNetworkContext, healthPort = HEALTH_PORT): HostNetworkPart {
  const { clock, logger, nft, run, settings, host } = context;
  const services = context.feeds.of('services');
  const slices = context.feeds.of('endpointSlices');
  const nodes = context.feeds.of('nodes');
  const stop = createAbort();
  const bySlice = createSlicesByService(slices);
  const owners = createEntranceOwners();
  const flows = createFlowKeeper(run, logger);
  const frame = serviceTable({
    cluster: settings.cluster,
    podCidr: settings.clusterCidr,
    serviceCidr: settings.serviceCidr,
  });
  const state = createTableState(frame);
  const writer = createTableWriter({ nft, state, clock, logger });
  const reports = createServiceReports(context);
  /** Services whose part may be another one now. */
  const dirty = new Set<string>();
  const udp = new Map<string, UdpEntrances>();
  let proxyHost: ProxyHost = { nodes: new Set(), zone: undefined };
  let isStarted = false;
  let isWritten = false;
  let running: Promise<void> | undefined;
  /** The kernel lacks a change since then. */
  let behindSinceMs: number | undefined;
  let updatedMs = 0;

  const isHealthy = (): boolean =>
    isWritten && (behindSinceMs === undefined || clock.now() - behindSinceMs < STALE_MS);
  const checks = createHealthChecks({ clock, isHealthy, onFailure: reports.noHealthCheck });
  let proxyHealth: AsyncDisposable | undefined;

  function markAll(): void {
    for (const key of services.items.keys()) dirty.add(key);
    wake();
  }

  /**
   * A node leaves when its process ends, and its pods go on: it stays one of this host. The zone is
   * that of the first node.
   */
  function findHost(): void {
    const names = new Set([...proxyHost.nodes, ...host.nodes.keys()]);
    const [first = ''] = [...names].sort();
    const zone = nodes.items.get(first)?.metadata.labels?.[ZONE];
    if (names.size === proxyHost.nodes.size && zone === proxyHost.zone) return;
    proxyHost = { nodes: names, zone };
    markAll();
  }

  services.onChange((key) => {
    if (key !== undefined) dirty.add(key);
    wake();
  });
  slices.onChange((key) => {
    if (key !== undefined) for (const service of bySlice.update(key)) dirty.add(service);
    wake();
  });
  nodes.onChange((key) => {
    if (key === undefined || proxyHost.nodes.has(key)) findHost();
    wake();
  });
  host.onChange(findHost);
  context.ownTargets.onChange((key) => {
    dirty.add(key);
    wake();
  });

  function wake(): void {
    const isReady = isStarted && services.isSynced && slices.isSynced && nodes.isSynced;
    if (!isReady || stop.signal.aborted || (dirty.size === 0 && isWritten)) return;
    behindSinceMs ??= clock.now();
    running ??= work().finally(() => {
      running = undefined;
      wake();
    });
  }

  /** Never rejects. What changes meanwhile waits for the next turn. */
  async function work(): Promise<void> {
    // Changes that come in one turn are planned together.
    await Promise.resolve();
    const keys = [...dirty];
    dirty.clear();
    const forgotten = await mapInTurns(keys, tryPlan);
    if (!isWritten) writer.start();
    await writer.settled();
    if (stop.signal.aborted) return;
    updatedMs = clock.now();
    behindSinceMs = undefined;
    for (const key of keys) report(key);
    if (isWritten) await flows.forget(forgotten.flat());
    // An earlier process knew what this one does not.
    else if (udp.size > 0)
      await flows.forget(
        planStrayFlows(await flows.list(), new Map([...udp.values()].flatMap((one) => [...one]))),
      );
    isWritten = true;
  }

  function report(key: string): void {
    const service = services.items.get(key);
    if (service) reports.refused(service, writer.refused.get(key));
    else reports.forget(key);
  }

  /** A Service that cannot be planned keeps what it has, and does not stop the others. */
  function tryPlan(key: string): readonly string[] {
    try {
      return plan(key);
    } catch (error) {
      logger.error({ service: key, error: errorMessage(error) }, 'Cannot plan this Service');
      return [];
    }
  }

  /** Plans one Service; answers the flows to forget once the kernel has the plan. */
  function plan(key: string): readonly string[] {
    const service = services.items.get(key);
    const owns = claim(key, service);
    const own = service && clusterIpOf(service) !== undefined ? bySlice.of(key) : [];
    const ownTargets = context.ownTargets.of(key);
    const input = {
      ...{ slices: own, host: proxyHost, podCidr: settings.clusterCidr, owns },
      ...(ownTargets ? { ownTargets } : {}),
    };
    const part = service && planServicePart({ ...input, service, before: state.parts.get(key) });
    if (part || state.parts.has(key) || writer.refused.has(key)) writer.set(key, part);
    checks.set(key, service && healthCheckOf(service, own, proxyHost));
    const before = udp.get(key);
    const after = service && udpEntrances(service, own, proxyHost, owns);
    if (after) udp.set(key, after);
    else udp.delete(key);
    return planForgottenFlows(before, after);
  }

  /** Answers which entrances the Service has. Others that get or lose one are planned, too. */
  function claim(key: string, service: Service | undefined): (entrance: string) => boolean {
    const wanted = service ? entranceKeys(service) : [];
    for (const other of owners.claim(key, service ? seniority(service) : '', wanted)) dirty.add(other);
    const owns = (entrance: string): boolean => owners.ownerOf(entrance) === key;
    const lost = wanted.filter((entrance) => !owns(entrance));
    if (service)
      reports.taken(service, new Map(lost.map((entrance) => [entrance, owners.ownerOf(entrance) ?? ''])));
    return owns;
  }

  return {
    start() {
      isStarted = true;
      for (const key of slices.items.keys()) bySlice.update(key);
      findHost();
      markAll();
      proxyHealth = startServer({
        port: healthPort,
        clock,
        answer: (path) =>
          answerProxyHealth(path, {
            isHealthy: isHealthy(),
            isEligible: [...host.nodes.keys()].every((name) => {
              const node = nodes.items.get(name);
              return node === undefined || isEligible(node);
            }),
            lastUpdated: toRfc3339(updatedMs),
            currentTime: toRfc3339(clock.now()),
          }),
        onFailure: (why) =>
          logger.warn(
            { port: healthPort, error: why },
            'Cannot answer checks of the health of Services here',
          ),
      });
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await writer[Symbol.asyncDispose]();
      await Promise.all([running, checks[Symbol.asyncDispose](), proxyHealth?.[Symbol.asyncDispose]()]);
      await reports[Symbol.asyncDispose]();
    },
  };
}
