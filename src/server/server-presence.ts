/**
 * Shows this API server to the others: by its Lease `kube-system/apiserver-<id>`, as upstream's,
 * and in the Endpoints of `default/kubernetes`, which hold the servers that live. A server lives
 * while its lease is seen to be renewed, by our own clock.
 */
import { createHash } from 'node:crypto';
import { isIPv4 } from 'node:net';
import { type Clock, type Timer, toRfc3339Micro } from '../base/clock.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { Config } from '../config/index.ts';
import { formatHostPort } from '../config/values.ts';
import { openEndpoints } from './publish-endpoints.ts';
import { defaultNodeIp } from './identity/cluster-identity.ts';
import { isEverywhere } from './addresses/server-addresses.ts';
import type { Peer } from '../api/peers/types.ts';
import { isStatusError } from '../schemas/errors/status.ts';
import type { Lease } from '../schemas/types.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { BoundWriter, Write } from '../resources/writing/write-plan.ts';
import type { Store } from '../store/types.ts';

export interface PresenceOptions {
  readonly store: Store;
  readonly writer: BoundWriter;
  readonly caches: CacheSet;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly id: string;
  readonly hostname: string;
  readonly holder: string;
}

export interface Presence extends AsyncDisposable {
  /** The other servers that live. */
  peers(): readonly Peer[];
  /** Once the server listens. `endpointIp`: the address for pods; undefined for none. */
  announce(address: { readonly host: string; readonly port: number }, endpointIp: string | undefined): void;
}

const LEASES = 'leases.coordination.k8s.io';
const NAMESPACE = 'kube-system';
const IDENTITY_LABEL = 'apiserver.kubernetes.io/identity';
/** Upstream's: where other servers reach this one. */
const ADDRESS = 'kubernetes.io/peer-advertise-address';
const ENDPOINT = 'symphony.dev/endpoint';
const RENEW_MS = 4_000;
/** A server alone renews rarely, and at once when another one comes. Upstream's. */
const RENEW_ALONE_MS = 10_000;
const ALIVE_MS = 12_000;
/** A lease that was last renewed longer ago, by its own word, is not alive at first sight. */
const FRESH_MS = 60_000;
/** Upstream's; leases of servers that are gone for good are removed by then. */
const LEASE_SECONDS = 3_600;

/**
 * The address for other servers, and the one for pods. As upstream: a server on loopback or every
 * address is said to be at the machine's.
 */
export function addressesOf(
  { advertiseAddress }: Pick<Config, 'advertiseAddress'>,
  serverUrl: string,
): [{ readonly host: string; readonly port: number }, string | undefined] {
  const url = new URL(serverUrl);
  const listens = { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port || '443') };
  const address =
    advertiseAddress ?? (isEverywhere(listens.host) ? { ...listens, host: defaultNodeIp() } : listens);
  const isLoopback = !isIPv4(address.host) || address.host.startsWith('127.');
  const ip = isLoopback ? defaultNodeIp() : address.host;
  return [address, ip.startsWith('127.') ? undefined : ip];
}

export function serverIdOf(hostname: string, directory: string): string {
  const hash = createHash('sha256').update(`${hostname}\n${directory}`).digest('hex');
  return `apiserver-${hash.slice(0, 26)}`;
}

export async function startPresence(options: PresenceOptions): Promise<Presence> {
  const { clock, id, caches } = options;
  const leases = await caches.open<Lease>(LEASES);
  const publish = await openEndpoints(caches, options.writer);
  const seen = new Map<string, { readonly renewTime: string; readonly atMs: number }>();
  const held: { timer?: Timer } = {};
  let own: { readonly address: string; readonly endpoint: string | undefined } | undefined;
  let stopped = false;
  let turn: Promise<void> = Promise.resolve();

  const isOther = ({ metadata }: Lease): boolean =>
    metadata.labels?.[IDENTITY_LABEL] !== undefined && metadata.name !== id;
  const others = (): readonly Lease[] => leases.list(NAMESPACE).filter(isOther);

  function look(): void {
    const now = clock.now();
    const present = others();
    for (const { metadata, spec } of present) {
      const renewTime = spec.renewTime ?? '';
      const before = seen.get(metadata.name);
      if (before?.renewTime === renewTime) continue;
      const isNews = before !== undefined || Math.abs(now - Date.parse(renewTime)) < FRESH_MS;
      seen.set(metadata.name, { renewTime, atMs: isNews ? now : Number.NEGATIVE_INFINITY });
    }
    const names = new Set(present.map(({ metadata }) => metadata.name));
    for (const name of seen.keys()) if (!names.has(name)) seen.delete(name);
  }

  function alive(): readonly Lease[] {
    look();
    const now = clock.now();
    // A clock that was set back must not keep a server alive.
    return others().filter(({ metadata }) => {
      const { atMs = Number.NEGATIVE_INFINITY } = seen.get(metadata.name) ?? {};
      return Math.abs(now - atMs) < ALIVE_MS;
    });
  }

  async function round(): Promise<void> {
    held.timer?.cancel();
    delete held.timer;
    if (!own || stopped) return;
    try {
      await renew(options, leases.get(`${NAMESPACE}/${id}`), own);
      const endpoints = alive().map(({ metadata }) => metadata.annotations?.[ENDPOINT]);
      await publish([own.endpoint, ...endpoints].filter((endpoint) => endpoint !== undefined));
      await removeExpired(options, others());
    } catch (error) {
      const fields = { error: errorMessage(error) };
      options.logger.error(fields, 'Cannot renew the lease of this server; trying again');
    }
    const waitMs = others().length === 0 ? RENEW_ALONE_MS : RENEW_MS;
    if (!stopped) held.timer = clock.setTimer(() => void (turn = round()), waitMs);
  }

  const subscription = leases.subscribe(({ type, object }) => {
    if (type === 'ADDED' && isOther(object) && held.timer) turn = round();
  });

  return {
    peers: () =>
      alive().flatMap(({ metadata }) => {
        const url = urlOf(metadata.annotations?.[ADDRESS]);
        if (!url) return [];
        const host = url.hostname.replace(/^\[|\]$/g, '');
        return [{ id: metadata.name, host, port: Number(url.port || '443') }];
      }),
    announce({ host, port }, endpointIp) {
      own = {
        address: formatHostPort({ host, port }),
        endpoint: endpointIp === undefined ? undefined : `${endpointIp}:${port}`,
      };
      turn = round();
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      subscription[Symbol.dispose]();
      held.timer?.cancel();
      await turn;
      await leave(options);
    },
  };
}

function urlOf(address: string | undefined): URL | undefined {
  try {
    return new URL(`https://${address ?? ''}`);
  } catch {
    return undefined;
  }
}

/** `found` may be behind: the write is refused then, and the next round tries again. */
async function renew(
  { writer, clock, id, hostname, holder }: PresenceOptions,
  found: Lease | undefined,
  own: { readonly address: string; readonly endpoint: string | undefined },
): Promise<void> {
  const spec = {
    holderIdentity: holder,
    leaseDurationSeconds: LEASE_SECONDS,
    renewTime: toRfc3339Micro(clock.now()),
  };
  const labels = { [IDENTITY_LABEL]: 'kube-apiserver', 'kubernetes.io/hostname': hostname };
  const annotations = {
    [ADDRESS]: own.address,
    ...(own.endpoint === undefined ? {} : { [ENDPOINT]: own.endpoint }),
  };
  const type = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease' };
  const metadata = { ...(found?.metadata ?? { name: id, namespace: NAMESPACE }), labels, annotations };
  const write: Write = found
    ? { verb: 'update', object: { ...found, metadata, spec } }
    : { verb: 'create', object: { ...type, metadata, spec } };
  await writer.write({ writes: [write] });
}

async function leave({ writer, store, id, logger }: PresenceOptions): Promise<void> {
  try {
    const found = await store.get(LEASES, `${NAMESPACE}/${id}`);
    if (found) await writer.write({ writes: [{ verb: 'delete', object: found }] });
  } catch (error) {
    logger.debug({ error: errorMessage(error) }, 'Cannot take the lease of this server away');
  }
}

async function removeExpired({ writer, clock }: PresenceOptions, leases: readonly Lease[]): Promise<void> {
  for (const object of leases) {
    const ends = Date.parse(object.spec.renewTime ?? '') + LEASE_SECONDS * 1_000;
    if (ends >= clock.now()) continue;
    await writer.write({ writes: [{ verb: 'delete', object }] }).catch((error: unknown) => {
      if (!isStatusError(error)) throw error;
    });
  }
}
