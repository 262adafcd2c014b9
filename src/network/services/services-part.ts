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
import type { RunProgram } from '../run-program.ts';
import type { Feed } from '../feeds.ts';
import { createTableState, type TableState } from '../nft/table-state.ts';
import { createTableWriter, type TableWriter } from '../nft/table-writer.ts';
import { clusterIpOf, createEntranceOwners, entranceKeys, protocolOf, seniority } from './entrances.ts';
import { createFlowKeeper } from './forget-flows.ts';
import { answerProxyHealth, healthCheckOf, isEligible } from './health-answer.ts';
import { createHealthChecks, type HealthChecks, startServer } from './health-checks.ts';
import { planServicePart } from './plan-service-part.ts';
import { planForgottenFlows, udpEntrances, type UdpEntrances } from './plan-udp-flows.ts';
import type { ProxyHost } from './select-endpoints.ts';
import { createServiceReports, type ServiceReports } from './service-reports.ts';
import { serviceTable } from './service-table.ts';
import { createSlicesByService, type SlicesByService } from './slices-by-service.ts';

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
  const flows = createFlowKeeper(context, stop.signal);
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
  let proxyHost: ProxyHost = { nodes: new Set(), zone: undefined };
  let isStarted = false;
  let isWritten = false;
  let isSctpTracked = true;
  let running: Promise<void> | undefined;
  /** The kernel lacks a change since then. */
  let behindSinceMs: number | undefined;
  let updatedMs = 0;

  const isHealthy = (): boolean =>
    isWritten && (behindSinceMs === undefined || clock.now() - behindSinceMs < STALE_MS);
  const checks = createHealthChecks({ clock, isHealthy, onFailure: reports.noHealthCheck });
  let proxyHealth: AsyncDisposable | undefined;
  const planner = createPlanner({
    ...{ context, services, bySlice, state, writer, checks, reports, dirty },
    hostOf: () => proxyHost,
  });

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
    const forgotten = await mapInTurns(keys, planner.tryPlan);
    if (!isWritten) writer.start();
    await writer.settled();
    if (stop.signal.aborted) return;
    // The kernel tells only once it tracks connections at all, as the table wants.
    if (!isWritten) isSctpTracked = await tracksSctp(run);
    updatedMs = clock.now();
    behindSinceMs = undefined;
    for (const key of keys) report(key);
    if (isWritten) await flows.forget(forgotten.flat());
    // An earlier process knew what this one does not.
    else if (planner.udp.size > 0)
      await flows.forgetStray(new Map([...planner.udp.values()].flatMap((one) => [...one])));
    isWritten = true;
  }

  function report(key: string): void {
    const service = services.items.get(key);
    const hasSctp = !isSctpTracked && service?.spec.ports?.some((port) => protocolOf(port) === 'sctp');
    if (service) reports.refused(service, writer.refused.get(key) ?? (hasSctp ? NO_SCTP : undefined));
    else reports.forget(key);
  }

  return {
    start() {
      isStarted = true;
      for (const key of slices.items.keys()) bySlice.update(key);
      findHost();
      markAll();
      proxyHealth = startProxyHealth(context, healthPort, () => ({ isHealthy: isHealthy(), updatedMs }));
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await writer[Symbol.asyncDispose]();
      await Promise.all([running, checks[Symbol.asyncDispose](), proxyHealth?.[Symbol.asyncDispose]()]);
      await reports[Symbol.asyncDispose]();
    },
  };
}

const NO_SCTP = 'its kernel does not track SCTP (CONFIG_NF_CT_PROTO_SCTP)';

const tracksSctp = (run: RunProgram): Promise<boolean> =>
  run('test', ['-e', '/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_closed']).then(
    () => true,
    () => false,
  );

interface PlannerOptions {
  readonly context: HostNetworkContext;
  readonly services: Feed<Service>;
  readonly bySlice: SlicesByService;
  readonly state: TableState;
  readonly writer: TableWriter;
  readonly checks: HealthChecks;
  readonly reports: ServiceReports;
  /** Gets Services that are to be planned, too. */
  readonly dirty: Set<string>;
  hostOf(): ProxyHost;
}

/** Plans single Services, and hands the plans on. */
function createPlanner({
  context,
  services,
  bySlice,
  state,
  writer,
  checks,
  reports,
  ...rest
}: PlannerOptions) {
  const { logger, settings } = context;
  const owners = createEntranceOwners();
  const udp = new Map<string, UdpEntrances>();

  /** Answers the flows to forget once the kernel has the plan. */
  function plan(key: string): readonly string[] {
    const service = services.items.get(key);
    const owns = claim(key, service);
    const host = rest.hostOf();
    const own = service && clusterIpOf(service) !== undefined ? bySlice.of(key) : [];
    const ownTargets = context.ownTargets.of(key);
    const input = {
      ...{ slices: own, host, podCidr: settings.clusterCidr, owns },
      ...(ownTargets ? { ownTargets } : {}),
    };
    const part = service && planServicePart({ ...input, service, before: state.parts.get(key) });
    if (part || state.parts.has(key) || writer.refused.has(key)) writer.set(key, part);
    checks.set(key, service && healthCheckOf(service, own, host));
    const before = udp.get(key);
    const after = service && udpEntrances(service, own, host, owns, ownTargets);
    if (after) udp.set(key, after);
    else udp.delete(key);
    return planForgottenFlows(before, after);
  }

  /** Answers which entrances the Service has. Others that get or lose one are planned, too. */
  function claim(key: string, service: Service | undefined): (entrance: string) => boolean {
    const wanted = service ? entranceKeys(service) : [];
    for (const other of owners.claim(key, service ? seniority(service) : '', wanted)) rest.dirty.add(other);
    const owns = (entrance: string): boolean => owners.ownerOf(entrance) === key;
    const lost = wanted.filter((entrance) => !owns(entrance));
    if (service)
      reports.taken(service, new Map(lost.map((entrance) => [entrance, owners.ownerOf(entrance) ?? ''])));
    return owns;
  }

  return {
    udp,
    /** A Service that cannot be planned keeps what it has, and does not stop the others. */
    tryPlan(key: string): readonly string[] {
      try {
        return plan(key);
      } catch (error) {
        logger.error({ service: key, error: errorMessage(error) }, 'Cannot plan this Service');
        return [];
      }
    },
  };
}

/** Answers checks of the proxy as a whole. Another cluster on this host may have the port. */
function startProxyHealth(
  { clock, logger, host, feeds }: HostNetworkContext,
  port: number,
  now: () => { readonly isHealthy: boolean; readonly updatedMs: number },
): AsyncDisposable {
  const nodes = feeds.of('nodes');
  const isNodeEligible = (name: string): boolean => {
    const node = nodes.items.get(name);
    return node === undefined || isEligible(node);
  };
  return startServer({
    port,
    clock,
    answer: (path) =>
      answerProxyHealth(path, {
        isHealthy: now().isHealthy,
        isEligible: [...host.nodes.keys()].every(isNodeEligible),
        lastUpdated: toRfc3339(now().updatedMs),
        currentTime: toRfc3339(clock.now()),
      }),
    onFailure: (why) =>
      logger.info({ port, error: why }, 'Cannot answer checks of the health of Services here'),
  });
}
