/**
 * The cluster's DNS on this host: keeps a server running (process/serve-names.ts), tells it the
 * names, and says where queries go. The server outlives the agent; the next agent takes it over, or
 * replaces it when the program is another one.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createAbort } from '../../base/abort.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { makeDirectory } from '../../base/make-directory.ts';
import { writePrivateFile } from '../../base/private-file.ts';
import type { Rng } from '../../base/rng.ts';
import type { Feeds } from '../feeds.ts';
import type { HostNetworkPart, NetworkSettings, NetworkTrouble } from '../host-network.ts';
import type { OwnTargets } from '../services/own-targets.ts';
import { DNS_SERVICE, dnsAddressOf } from '../../schemas/services/dns-service.ts';
import { createNameFeed } from './process/name-feed.ts';
import { createNameServers, type NameServers } from './process/name-servers.ts';
import { ownCommand, programOf, type ServerCommand } from './process/server-command.ts';

export interface DnsPartContext {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly logger: Logger;
  readonly feeds: Pick<Feeds, 'of'>;
  readonly ownTargets: Pick<OwnTargets, 'set'>;
  report(part: string, trouble: NetworkTrouble | undefined): void;
  readonly settings: Pick<
    NetworkSettings,
    'clusterCidr' | 'serviceCidr' | 'clusterDomain' | 'gateway' | 'directory'
  >;
}

/** How often servers are looked at beyond what they say themselves. */
const LOOK_EVERY_MS = 2_000;
/** A change of the servers is looked at once, soon. */
const LOOK_SOON_MS = 20;

export const dnsDirectoryOf = (networkDirectory: string): string => join(networkDirectory, 'dns');

/** The port of the server that led last. */
const PORT_FILE = 'port';

function rememberedPort(directory: string): number | undefined {
  try {
    const port = Number(readFileSync(join(directory, PORT_FILE), 'utf8'));
    return Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
  } catch {
    return undefined;
  }
}

/** `command`: tests name another program. */
export function createDns(context: DnsPartContext, command: ServerCommand = ownCommand()): HostNetworkPart {
  const { clock, feeds, settings } = context;
  const logger = context.logger.child({ component: 'dns' });
  const directory = dnsDirectoryOf(settings.directory);
  const zone = {
    zone: settings.clusterDomain,
    ranges: [settings.clusterCidr, settings.serviceCidr],
    address: dnsAddressOf(settings.serviceCidr),
    listen: settings.gateway,
  };
  const stop = createAbort();
  let wake = createAbort();
  let port: number | undefined;
  let servers: NameServers | undefined;
  let running: Promise<void> | undefined;

  /** Before the first server queries are refused at once. */
  const tell = (): void =>
    context.ownTargets.set(
      `${DNS_SERVICE.namespace}/${DNS_SERVICE.name}`,
      port === undefined ? [] : [{ address: settings.gateway, port, isLocal: true }],
    );

  function createServers(): NameServers {
    const feed = createNameFeed(
      {
        services: feeds.of('services'),
        endpointSlices: feeds.of('endpointSlices'),
        namespaces: feeds.of('namespaces'),
      },
      { onSynced: () => servers?.tellAll(), onMessage: (message) => servers?.tell(message) },
    );
    return createNameServers({
      ...{ clock, rng: context.rng, logger, directory, command, zone, feed },
      program: programOf(command, zone),
      lastPort: port ?? 0,
      onChange: () => wake.abort(),
      onProblem: (problem) =>
        context.report('dns', problem === undefined ? undefined : { message: problem, isCutOff: false }),
    });
  }

  async function run(known: NameServers): Promise<void> {
    while (!stop.signal.aborted) {
      wake = createAbort();
      await lookOnce(known);
      await sleep(clock, LOOK_EVERY_MS, wake.signal);
      if (!stop.signal.aborted) await sleep(clock, LOOK_SOON_MS, stop.signal);
    }
    known[Symbol.dispose]();
  }

  async function lookOnce(known: NameServers): Promise<void> {
    try {
      await makeDirectory(directory, 0o700);
      const next = await known.reconcile();
      if (next === port) return;
      port = next;
      tell();
      if (port !== undefined) await writePrivateFile(join(directory, PORT_FILE), `${port}\n`);
    } catch (error) {
      logger.warn({ error: errorMessage(error) }, 'Cannot look after the DNS server');
    }
  }

  return {
    start() {
      // The server of an earlier agent still answers there: nothing changes until it is found.
      port ??= rememberedPort(directory);
      tell();
      servers ??= createServers();
      running ??= run(servers);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake.abort();
      await running;
    },
  };
}
