/**
 * Serves Ingresses and Gateways on this host: follows what they are made from, and keeps Caddy's
 * configuration equal to it. Caddy runs while there is one of ours. What it serves outlives this
 * process.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { listeningProcess } from '../../base/listening-process.ts';
import { ensurePrivateFile, writePrivateFile } from '../../base/private-file.ts';
import { secretToken } from '../../base/rng.ts';
import { ingressSelector } from '../../schemas/networking/ingress-classes.ts';
import { SERVED_GATEWAYS, writeServedGateways } from '../../schemas/gateway/served-gateways.ts';
import type { Gateway } from '../../schemas/gateway/types.ts';
import { keyOf, type KubeObject } from '../../schemas/object.ts';
import type { EndpointSlice, Ingress, Service } from '../../schemas/types.ts';
import { createGatewayFeeds } from '../gateway/gateway-feeds.ts';
import { planGateways } from '../gateway/plan-gateways.ts';
import { endAllDetached } from '../detached-program.ts';
import type { HostNetworkContext, HostNetworkPart } from '../host-network.ts';
import { createCaddyProcess } from './caddy-process.ts';
import { createDefaultCertificate } from './default-certificate.ts';
import { createIngressReports } from './ingress-reports.ts';
import { isolateRefused } from './isolate-refused.ts';
import { ownersOf, portsOf, withoutOwners, withoutPorts } from './model-parts.ts';
import { planHostTrouble, planPortTrouble } from './plan-host-trouble.ts';
import { planProxy } from './plan-proxy.ts';
import type { Problem, ProxyModel } from './proxy-model.ts';
import { type IngressSettings, type ProxySettings, renderCaddy } from './render-caddy.ts';
import { findTakenPorts } from './taken-ports.ts';
import { createTlsSecrets } from './tls-secrets.ts';

/** Changes that come together are loaded together. */
const COALESCE_MS = 50;
/** Between attempts while Caddy or the API gives no answer. A port may get free any time. */
const RETRY_MS = 2_000;

export const ingressDirectory = (networkDirectory: string): string => join(networkDirectory, 'ingress');

/** Ends what serves Ingresses on this host, and removes its certificates and its configuration. */
export async function removeIngress(networkDirectory: string, clock: Clock): Promise<void> {
  const directory = ingressDirectory(networkDirectory);
  await endAllDetached(directory, clock);
  await rm(directory, { recursive: true, force: true });
}

export function createIngress(context: HostNetworkContext): HostNetworkPart {
  const { settings, clock, logger } = context;
  const directory = ingressDirectory(settings.directory);
  // An agent that does not serve any more ends what an earlier one has left.
  if (!settings.ingress)
    return {
      start: () => void endAllDetached(directory, clock),
      async [Symbol.asyncDispose]() {
        // Nothing runs.
      },
    };
  return createServingIngress(context, settings.ingress, directory, logger.child({ component: 'ingress' }));
}

function createServingIngress(
  context: HostNetworkContext,
  settings: IngressSettings,
  directory: string,
  logger: HostNetworkContext['logger'],
): HostNetworkPart {
  const { client, clock, feeds, run, annotations } = context;
  const stop = createAbort();
  const ingresses = feeds.of('ingresses');
  const classes = feeds.of('ingressClasses');
  const services = feeds.of('services');
  const slices = feeds.of('endpointSlices');
  const gateways = createGatewayFeeds(feeds);
  const secrets = createTlsSecrets(client, clock);
  const reports = createIngressReports({ ...context, logger });
  /** Ingresses and routes that Caddy refuses, with the generation that it refused. */
  const refused = new Map<string, { readonly generation: number; readonly reason: string }>();
  /** Until the first reconcile, an earlier agent may have left one. */
  let mayRun = true;
  let isWanted = false;
  let running: Promise<void> | undefined;
  let refreshing: Promise<void> | undefined;

  const caddy = createCaddyProcess({
    ...{ directory, clock, logger },
    onUp: () => wake(),
    onDown: (reason) => reports.host(planHostTrouble(reason, settings, listeningProcess), own()),
  });

  const own = (): readonly Ingress[] =>
    [...ingresses.items.values()].filter(ingressSelector([...classes.items.values()]));

  /** Headless Services have only these; of all others the kernel takes care. */
  function slicesOf({ metadata: { namespace, name } }: Service): readonly EndpointSlice[] {
    return [...slices.items.values()].filter(
      ({ metadata }) =>
        metadata.namespace === namespace && metadata.labels?.['kubernetes.io/service-name'] === name,
    );
  }

  function wake(): void {
    isWanted = true;
    if (stop.signal.aborted) return;
    running ??= work().finally(() => {
      running = undefined;
    });
  }

  /** Never rejects. */
  async function work(): Promise<void> {
    while (isWanted && !stop.signal.aborted) {
      await sleep(clock, COALESCE_MS, stop.signal);
      isWanted = false;
      const isDone = await reconcile().catch((error: unknown) => {
        reports.host(planHostTrouble(errorMessage(error), settings, listeningProcess), own());
        return false;
      });
      if (isDone) continue;
      isWanted = true;
      await sleep(clock, RETRY_MS, stop.signal);
    }
  }

  /** False: something gave no answer, or a port is taken; that is asked again. */
  async function reconcile(): Promise<boolean> {
    if (![ingresses, classes, services, slices, gateways].every(({ isSynced }) => isSynced)) return true;
    const served = own();
    const ownGateways = gateways.own();
    if (served.length + ownGateways.length === 0) {
      if (mayRun) await caddy.stop();
      mayRun = false;
      tellGateways([], new Map());
      return true;
    }
    if (!(await secrets.follow(new Set([...secretsOf(served), ...gateways.secrets()])))) return false;
    const { clusterDomain } = context.settings;
    const view = { services: services.items, slicesOf, secret: secrets.get, ports: settings, clusterDomain };
    const wanted = planGateways({ ...view, gateways: gateways.resolve(secrets.get) });
    const { model, problems } = planProxy({
      ...view,
      ingresses: served,
      isAutomatic: settings.issuer !== undefined,
      gateways: wanted,
    });
    const proxySettings = { ...settings, defaultCertificate: await defaultCertificate() };
    const render = (some: ProxyModel | undefined): string => JSON.stringify(renderCaddy(some, proxySettings));
    const objects = [...served, ...gateways.routes()];
    forgetChanged(objects);
    reports.problems([...problems, ...refusals(objects)]);
    caddy.start(render(undefined));
    mayRun = true;
    // It wakes us once it runs.
    const { loaded } = caddy;
    if (loaded === undefined) return true;
    const taken = await findTakenPorts(portsOf(model, settings), openPorts(loaded));
    const possible = withoutPorts(model, taken, settings);
    const config = render(withoutOwners(possible, refused));
    if (loaded !== config) await load(config, possible, objects, render);
    reportTaken(taken, served);
    const why = taken.map(
      (port) => [port, `${listeningProcess(port) ?? 'another process'} listens on port ${port}`] as const,
    );
    tellGateways(ownGateways, new Map([...wanted.refused, ...why]));
    return taken.length === 0;
  }

  function reportTaken(taken: readonly number[], served: readonly Ingress[]): void {
    const port = taken.find((one) => one === settings.httpPort || one === settings.httpsPort);
    const isNeeded = port !== undefined && served.length > 0;
    reports.host(isNeeded ? planPortTrouble(port, settings, listeningProcess) : undefined, own());
  }

  /** The controller reads it from the Nodes of this host. */
  function tellGateways(some: readonly Gateway[], why: ReadonlyMap<number, string>): void {
    if (some.length > 0 || annotations.has(SERVED_GATEWAYS))
      annotations.set(SERVED_GATEWAYS, writeServedGateways(some, why));
  }

  let open: { readonly config: string; readonly ports: ReadonlySet<number> } | undefined;
  /** The ports that Caddy has with this configuration. */
  function openPorts(config: string): ReadonlySet<number> {
    if (open?.config !== config) open = { config, ports: new Set(listenedPorts(config)) };
    return open.ports;
  }

  async function load(
    config: string,
    model: ProxyModel,
    objects: readonly KubeObject[],
    render: (model: ProxyModel) => string,
  ): Promise<void> {
    try {
      await caddy.load(config);
    } catch (error) {
      const owners = ownersOf(model).filter((owner) => !refused.has(owner));
      const found = await isolateRefused(owners, (some) => {
        const others = new Set(owners.filter((owner) => !some.includes(owner)));
        return complaintAbout(
          render(withoutOwners(model, { has: (owner) => others.has(owner) || refused.has(owner) })),
        );
      });
      // It is not what the objects say: a port, or Caddy itself.
      if (found.size === 0) throw error;
      for (const object of objects) {
        const reason = found.get(ownerOf(object));
        if (reason !== undefined) refused.set(ownerOf(object), { generation: generationOf(object), reason });
      }
      wake();
    }
  }

  /** Caddy checks it without serving it. */
  async function complaintAbout(config: string): Promise<string | undefined> {
    const file = join(directory, `candidate-${secretToken(6)}.json`);
    // Its log files and listeners stay as they are.
    const { apps } = JSON.parse(config) as { apps?: unknown };
    await writePrivateFile(file, JSON.stringify({ apps }));
    try {
      await run('caddy', ['validate', '--config', file]);
      return undefined;
    } catch (error) {
      return lastLine(errorMessage(error));
    } finally {
      await rm(file, { force: true });
    }
  }

  /** An object that was changed gets another chance. */
  function forgetChanged(objects: readonly KubeObject[]): void {
    const known = new Map(objects.map((object) => [ownerOf(object), generationOf(object)]));
    for (const [key, { generation }] of refused) if (known.get(key) !== generation) refused.delete(key);
  }

  const refusals = (objects: readonly KubeObject[]): readonly Problem[] =>
    objects.flatMap((about) => {
      const reason = refused.get(ownerOf(about))?.reason;
      const message = `Caddy refuses what this ${about.kind ?? ''} asks for, and nothing of it is served: ${reason ?? ''}`;
      return reason === undefined ? [] : [{ about, reason: 'ConfigurationRefused', message } as const];
    });

  let made: Promise<ProxySettings['defaultCertificate']> | undefined;
  /** Made once: another one would be another configuration. */
  function defaultCertificate(): Promise<ProxySettings['defaultCertificate']> {
    const make = async (): Promise<string> => JSON.stringify(await createDefaultCertificate(clock.now()));
    made ??= ensurePrivateFile(join(directory, 'default-certificate.json'), make).then(
      (text) => JSON.parse(text) as ProxySettings['defaultCertificate'],
    );
    return made;
  }

  return {
    start() {
      for (const feed of [ingresses, classes, services, gateways]) feed.onChange(wake);
      slices.onChange((key) => {
        // Most changes in a cluster are of endpoints that the kernel balances.
        const name =
          key === undefined
            ? undefined
            : slices.items.get(key)?.metadata.labels?.['kubernetes.io/service-name'];
        const service = services.items.get(`${key?.split('/')[0] ?? ''}/${name ?? ''}`);
        if (!service || service.spec.clusterIP === 'None') wake();
      });
      refreshing ??= secrets.refresh(stop.signal, wake);
      wake();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await Promise.all([running, refreshing]);
      await caddy[Symbol.asyncDispose]();
      await reports[Symbol.asyncDispose]();
    },
  };
}

/** As the routes of the proxy have it. */
const ownerOf = (object: KubeObject): string =>
  object.kind === 'HTTPRoute' || object.kind === 'GRPCRoute'
    ? `${object.kind} ${keyOf(object)}`
    : keyOf(object);
const generationOf = ({ metadata }: KubeObject): number => metadata.generation ?? 0;

/** The ports in a configuration of {@link renderCaddy}. */
function listenedPorts(config: string): readonly number[] {
  const { apps } = JSON.parse(config) as {
    apps?: { http?: { servers?: Readonly<Record<string, { readonly listen?: readonly string[] }>> } };
  };
  return Object.values(apps?.http?.servers ?? {}).flatMap(({ listen = [] }) =>
    listen.map((address) => Number(address.slice(address.lastIndexOf(':') + 1))),
  );
}

const secretsOf = (ingresses: readonly Ingress[]): ReadonlySet<string> =>
  new Set(
    ingresses.flatMap(({ metadata, spec }) =>
      (spec.tls ?? []).flatMap(({ secretName }) =>
        secretName ? [`${metadata.namespace ?? ''}/${secretName}`] : [],
      ),
    ),
  );

/** The error is at the end of what `caddy validate` says. */
const lastLine = (text: string): string => (text.trim().split('\n').at(-1) ?? '').replace(/^.*Error: /, '');
