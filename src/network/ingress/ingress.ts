/**
 * Serves Ingresses on this host: follows what they are made from, and keeps Caddy's configuration
 * equal to it. Caddy runs while there is an Ingress of ours. What it serves outlives this process.
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
import type { EndpointSlice, Ingress, Service } from '../../schemas/types.ts';
import { endAllDetached } from '../detached-program.ts';
import type { HostNetworkContext, HostNetworkPart } from '../host-network.ts';
import { createCaddyProcess } from './caddy-process.ts';
import { createDefaultCertificate } from './default-certificate.ts';
import { createIngressReports } from './ingress-reports.ts';
import { isolateRefused } from './isolate-refused.ts';
import { planHostTrouble } from './plan-host-trouble.ts';
import { planProxy } from './plan-proxy.ts';
import type { Problem, ProxyModel } from './proxy-model.ts';
import { type IngressSettings, type ProxySettings, renderCaddy } from './render-caddy.ts';
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
  const { client, clock, feeds, run } = context;
  const stop = createAbort();
  const ingresses = feeds.of('ingresses');
  const classes = feeds.of('ingressClasses');
  const services = feeds.of('services');
  const slices = feeds.of('endpointSlices');
  const secrets = createTlsSecrets(client, clock);
  const reports = createIngressReports({ ...context, logger });
  /** Ingresses that Caddy refuses, with the generation that it refused. */
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

  /** False: something gave no answer, and is asked again. */
  async function reconcile(): Promise<boolean> {
    if (![ingresses, classes, services, slices].every(({ isSynced }) => isSynced)) return true;
    const served = own();
    if (served.length === 0) {
      if (mayRun) await caddy.stop();
      mayRun = false;
      return true;
    }
    if (!(await secrets.follow(secretsOf(served)))) return false;
    const { model, problems } = planProxy({
      ingresses: served,
      services: services.items,
      slicesOf,
      secret: secrets.get,
      clusterDomain: context.settings.clusterDomain,
      isAutomatic: settings.issuer !== undefined,
    });
    const proxySettings = { ...settings, defaultCertificate: await defaultCertificate() };
    const render = (some: ProxyModel | undefined): string => JSON.stringify(renderCaddy(some, proxySettings));
    forgetChanged(served);
    reports.problems([...problems, ...refusals(served)]);
    const config = render(without(model, refused));
    caddy.start(render(undefined));
    mayRun = true;
    // It wakes us once it runs.
    if (caddy.loaded === undefined) return true;
    if (caddy.loaded !== config) await load(config, model, served, render);
    reports.host(undefined, []);
    return true;
  }

  async function load(
    config: string,
    model: ProxyModel,
    served: readonly Ingress[],
    render: (model: ProxyModel) => string,
  ): Promise<void> {
    try {
      await caddy.load(config);
    } catch (error) {
      const owners = [...new Set(model.routes.map(({ owner }) => owner))].filter(
        (owner) => !refused.has(owner),
      );
      const found = await isolateRefused(owners, (some) => complaintAbout(render(only(model, some))));
      // It is not what the Ingresses say: a port, or Caddy itself.
      if (found.size === 0) throw error;
      for (const ingress of served) {
        const reason = found.get(keyOf(ingress));
        if (reason !== undefined) refused.set(keyOf(ingress), { generation: generationOf(ingress), reason });
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

  /** An Ingress that was changed gets another chance. */
  function forgetChanged(served: readonly Ingress[]): void {
    const known = new Map(served.map((ingress) => [keyOf(ingress), generationOf(ingress)]));
    for (const [key, { generation }] of refused) if (known.get(key) !== generation) refused.delete(key);
  }

  const refusals = (served: readonly Ingress[]): readonly Problem[] =>
    served.flatMap((about) => {
      const reason = refused.get(keyOf(about))?.reason;
      const message = `Caddy refuses what this Ingress asks for, and nothing of it is served: ${reason ?? ''}`;
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
      for (const feed of [ingresses, classes, services]) feed.onChange(wake);
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

const keyOf = ({ metadata: { namespace, name } }: Ingress): string => `${namespace ?? ''}/${name}`;
const generationOf = ({ metadata }: Ingress): number => metadata.generation ?? 0;

const secretsOf = (ingresses: readonly Ingress[]): ReadonlySet<string> =>
  new Set(
    ingresses.flatMap(({ metadata, spec }) =>
      (spec.tls ?? []).flatMap(({ secretName }) =>
        secretName ? [`${metadata.namespace ?? ''}/${secretName}`] : [],
      ),
    ),
  );

const without = (model: ProxyModel, owners: ReadonlyMap<string, unknown>): ProxyModel => ({
  ...model,
  routes: model.routes.filter(({ owner }) => !owners.has(owner)),
  certificates: model.certificates.filter(({ owner }) => !owners.has(owner)),
});

const only = (model: ProxyModel, owners: readonly string[]): ProxyModel => {
  const kept = new Set(owners);
  return without(
    model,
    new Map(model.routes.flatMap(({ owner }) => (kept.has(owner) ? [] : [[owner, true]]))),
  );
};

/** The error is at the end of what `caddy validate` says. */
const lastLine = (text: string): string => (text.trim().split('\n').at(-1) ?? '').replace(/^.*Error: /, '');
