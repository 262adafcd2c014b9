/**
 * The API as pods reach it: connections to `default/kubernetes` go to the API servers, or through
 * this agent where the host does not reach them, such as one that listens on another machine's
 * loopback. It listens on the gateway of the pods' network.
 */
import { join } from 'node:path';
import { connect } from 'node:net';
import { createAbort } from '../../base/abort.ts';
import { sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { jsonEqual } from '../../base/json.ts';
import { readIfThere, writePrivateFile } from '../../base/private-file.ts';
import type { HostNetworkContext, HostNetworkPart } from '../host-network.ts';
import type { Target } from '../services/select-endpoints.ts';
import { API_SERVICE, type ApiTargets, apiServers, planApiTargets } from './plan-api-targets.ts';
import { startTcpRelay, type TcpRelay } from './tcp-relay.ts';

/** How often the ways to the API are tried, and at once when its endpoints change. */
const CHECK_MS = 10_000;
const CONNECT_MS = 2_000;

export function createApiRelay({
  clock,
  logger,
  settings,
  feeds,
  ownTargets,
}: HostNetworkContext): HostNetworkPart {
  const slices = feeds.of('endpointSlices');
  const upstream = hostPortOf(settings.server);
  const stop = createAbort();
  let changed = createAbort();
  let running: Promise<void> | undefined;
  let relay: TcpRelay | undefined;
  let now: ApiTargets = 'unknown';
  let failure = '';

  async function check(): Promise<void> {
    if (!slices.isSynced) return;
    const servers = apiServers(slices.items.values());
    const tried = await Promise.all(
      servers.map(async (server) => ((await answers(server.address, server.port)) ? [server] : [])),
    );
    const reached = new Set(tried.flat());
    const isRelayUseful = reached.size === 0 && (await answers(upstream.host, upstream.port));
    const next = planApiTargets({ servers, reached, isRelayUseful, before: now });
    if (next === 'relay') relay ??= await openRelay();
    if (jsonEqual(next, now)) return;
    now = next;
    logger.info({ way: typeof next === 'string' ? next : 'some' }, 'The way of pods to the API has changed');
    ownTargets.set(API_SERVICE, targetsOf(next));
  }

  function targetsOf(next: ApiTargets): readonly Target[] | undefined {
    if (next === 'relay' && relay) return [{ address: settings.gateway, port: relay.port, isLocal: true }];
    return typeof next === 'string' ? undefined : next;
  }

  /** The port of before, which the kernel's rules have. */
  async function openRelay(): Promise<TcpRelay> {
    const file = join(settings.directory, 'api-relay-port');
    const before = Number((await readIfThere(file)) ?? 0) || 0;
    const open = (port: number): Promise<TcpRelay> =>
      startTcpRelay({ listen: { host: settings.gateway, port }, target: upstream });
    const opened = await open(before).catch((error: unknown) => {
      if (before === 0 || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      return open(0);
    });
    if (opened.port !== before) await writePrivateFile(file, `${opened.port}\n`);
    return opened;
  }

  async function loop(): Promise<void> {
    while (!stop.signal.aborted) {
      changed = createAbort();
      try {
        await check();
        failure = '';
      } catch (error) {
        // The pods' network has no interface while the engine is away. It may last.
        const why = errorMessage(error);
        if (why !== failure) logger.warn({ error: why }, 'Cannot carry connections of pods to the API yet');
        failure = why;
      }
      await sleep(clock, CHECK_MS, changed.signal);
    }
  }

  const wake = (): void => changed.abort();
  return {
    start() {
      // A key of its slices begins so; they are few.
      slices.onChange((key) => (key === undefined || key.startsWith(API_SERVICE)) && wake());
      running = loop();
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      wake();
      await running;
      await relay?.[Symbol.asyncDispose]();
    },
  };
}

/** Whether anything takes connections there. */
function answers(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (ok: boolean): void => {
      socket.destroy();
      resolve(ok);
    };
    socket.setTimeout(CONNECT_MS, () => end(false));
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
  });
}

function hostPortOf(server: string): { readonly host: string; readonly port: number } {
  const { hostname, port } = new URL(server);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || '443') };
}
