/** The sockets of a control plane: API server, presence among the others, webhooks. */
import { hostname } from 'node:os';
import { createAuthentication } from '../api/authn/authentication.ts';
import { createCertificateAuthenticator } from '../api/authn/certificates.ts';
import type { HealthCheck } from '../api/http/health.ts';
import type { WebhookHandler } from '../api/http/webhooks.ts';
import type { PeerOptions } from '../api/peers/types.ts';
import { type ApiServer, createApiServer } from '../api/server.ts';
import type { Scope } from '../base/scope.ts';
import { LEASE_NAMESPACE, leaseAgeMs } from '../controllers/node-lifecycle/plan-lease-renewals.ts';
import { monitorPeriodMs } from '../controllers/node-lifecycle/plan-node-health.ts';
import type { Queues } from '../queue/types.ts';
import type { ResourceCore } from '../resources/resource-core.ts';
import type { BoundWriter } from '../resources/writing/write-plan.ts';
import { objectKey } from '../schemas/object.ts';
import type { Lease } from '../schemas/types.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { Store } from '../store/types.ts';
import type { GenerationParts } from './generation-parts.ts';
import type { HistoryWatch } from './history/history.ts';
import { createPeerCredentials } from './identity/peer-credentials.ts';
import { addressesOf, serverIdOf, startPresence } from './server-presence.ts';
import { listenFailure } from './start/listen-failure.ts';
import { startWebhookServer } from './webhook-server.ts';

export interface ServeParts extends GenerationParts {
  readonly store: Store;
  readonly caches: CacheSet;
  readonly writer: BoundWriter;
  readonly core: ResourceCore;
  readonly queues: Queues;
  readonly history: HistoryWatch;
  readonly webhooks: WebhookHandler | undefined;
}

export type Served = Pick<ApiServer, 'url' | 'heartbeats' | 'usages'>;

export async function serveApi(parts: ServeParts, scope: Scope): Promise<Served> {
  const { config, dataDir, store, writer, caches, clock, rng, logger, webhooks } = parts;
  const host = hostname();
  const id = serverIdOf(host, dataDir.root);
  const holder = `${id}_${rng.uuid()}`;
  const presence = await startPresence({ store, writer, caches, clock, logger, id, hostname: host, holder });
  const peers: PeerOptions = {
    peers: () => presence.peers(),
    credentials: createPeerCredentials(parts.authority, clock),
    caPem: parts.tls.caPem,
  };
  const server = scope.use(
    await listen(parts, peers, await leaseAges(parts)).catch(async (error: unknown) => {
      await presence[Symbol.asyncDispose]();
      throw listenFailure(error, '--listen', config.listen);
    }),
  );
  scope.use(parts.serving.onChange((tls) => server.renewTls(tls)));
  // It ends before the server: others must not send anything here any more.
  scope.use(presence);
  presence.announce(...addressesOf(config, server.url));
  if (config.webhookListen && webhooks)
    scope.use(await startWebhookServer(config.webhookListen, webhooks, logger, clock));
  return server;
}

/** What the tunnels tell the agents of their Leases. */
async function leaseAges({ caches, clock }: ServeParts): Promise<(node: string) => number | undefined> {
  const leases = await caches.open<Lease>('leases.coordination.k8s.io');
  return (node) => leaseAgeMs(leases.get(objectKey(LEASE_NAMESPACE, node)), node, clock.now());
}

function listen(
  parts: ServeParts,
  peers: PeerOptions,
  leaseAge: (node: string) => number | undefined,
): Promise<ApiServer> {
  const { config, core, tls, tokens, serviceAccounts, metrics, audit, limits, clock, rng, logger } = parts;
  const certificates = createCertificateAuthenticator({ caPem: tls.caPem, clock });
  const authentication = createAuthentication({ core, table: tokens, serviceAccounts, certificates, rng });
  return createApiServer({
    ...{ core, peers, limits, clock, logger },
    listen: config.listen,
    heartbeats: {
      heartbeatMs: monitorPeriodMs(config.nodeGracePeriodMs),
      localNodes: parts.ownNodes ?? [],
      leaseAgeMs: leaseAge,
    },
    tls: parts.serving.current(),
    authenticator: authentication.authenticator,
    virtual: [...authentication.virtual],
    actions: [...authentication.actions],
    issuer: serviceAccounts.documents,
    ...(parts.webhooks ? { webhooks: parts.webhooks } : {}),
    metrics: metrics.source,
    connections: { maxConnectionsPerAddress: config.maxConnectionsPerAddress },
    onAnswer: (record) => {
      metrics.observe(record);
      audit?.record(record);
    },
    readinessChecks: readinessChecks(parts),
  });
}

function readinessChecks({ history, queues }: ServeParts): readonly HealthCheck[] {
  const check = (name: string, problem: () => string | undefined): HealthCheck => ({
    name,
    check() {
      const found = problem();
      if (found !== undefined) throw new Error(found);
    },
  });
  return [
    check('store', () => history.problem()),
    check('queues', () => (queues.healthy() ? undefined : 'a queue has a backlog and makes no progress')),
  ];
}
