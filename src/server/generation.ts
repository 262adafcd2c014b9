/**
 * One life of the control plane on one history of the store: caches, API server, queues, and the leader's loops while it
 * leads. Ends itself never; says when the history was lost.
 */
import { hostname } from 'node:os';
import { join } from 'node:path';
import { createAuthentication } from '../api/authn/authentication.ts';
import { createCertificateAuthenticator } from '../api/authn/certificates.ts';
import { legacyClaims } from '../api/authn/service-account-claims.ts';
import type { ServiceAccountTokens } from '../api/authn/service-account-tokens.ts';
import type { TokenTable } from '../api/authn/token-table.ts';
import { ensureDefaultPolicy } from '../resources/authz/ensure-default-policy.ts';
import { ownPolicy } from '../resources/authz/own-policy.ts';
import { createResourceCore } from '../resources/resource-core.ts';
import { defaultAddressSpace } from '../resources/services/service-addresses.ts';
import type { AuditLog } from '../api/http/audit.ts';
import type { RateLimits } from '../api/http/rate-limits.ts';
import type { WebhookHandler } from '../api/http/webhooks.ts';
import { type ApiServer, createApiServer } from '../api/server.ts';
import { createAuthorizer } from '../resources/authz/authorizer.ts';
import type { PeerOptions } from '../api/peers/types.ts';
import type { Authority } from '../api/tls/authority.ts';
import type { ServerTls } from '../api/tls/server-tls.ts';
import type { Clock, Timer } from '../base/clock.ts';
import { type Scope, openScope } from '../base/scope.ts';
import type { Logger } from '../base/logger.ts';
import type { Rng } from '../base/rng.ts';
import type { Config } from '../config/index.ts';
import { SYNC_USER } from '../diff/tracking.ts';
import { createBullQueues } from '../queue/bullmq-queues.ts';
import type { Queues } from '../queue/types.ts';
import { systemAuthor } from '../schemas/applications/application-author.ts';
import { createDynamicRegistry } from '../schemas/registry.ts';
import { typeProblem } from '../schemas/soundness.ts';
import { type CacheSetOptions, createCacheSet } from '../store/cache/cache-set.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import { followDefinitions } from '../store/cache/follow-definitions.ts';
import { createObjects } from '../resources/writing/objects.ts';
import { createPayloadCodec, loadOrCreateKey } from '../store/redis/payload-codec.ts';
import { createPlacementProofs } from '../resources/writing/placement-proof.ts';
import { createRedisStore } from '../store/redis/redis-store.ts';
import { certificatesOptions } from './identity/certificate-options.ts';
import { createPeerCredentials } from './identity/peer-credentials.ts';
import { addressesOf, serverIdOf, startPresence } from './server-presence.ts';
import { checkStoreIdentity, rememberStoreIdentity, storeIdentityOf } from './identity/store-identity.ts';
import { type ClusterCondition, createClusterCondition } from './history/cluster-condition.ts';
import type { DataDir } from './start/data-dir.ts';
import { createGitOps } from './gitops.ts';
import { type HistoryWatch, openHistory } from './history/history.ts';
import { listenFailure } from './start/listen-failure.ts';
import type { Metrics } from './metrics/metrics.ts';
import { lead } from './lead.ts';
import type { ServingCertificate } from './identity/serving-certificate.ts';
import type { RepositoryState } from './start/watch-repository.ts';
import { startWebhookServer } from './webhook-server.ts';

export interface GenerationParts {
  readonly config: Config;
  readonly dataDir: DataDir;
  readonly redisUrl: string;
  readonly authority: Authority;
  readonly tls: ServerTls;
  readonly serving: ServingCertificate;
  readonly tokens: TokenTable;
  readonly serviceAccounts: ServiceAccountTokens;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly metrics: Metrics;
  readonly audit: AuditLog | undefined;
  readonly limits: RateLimits;
  readonly logger: Logger;
  /** Nodes that this process starts itself. */
  readonly ownNodes: readonly string[];
  /** False where the authority was made just now: no agent can have anything to restore. */
  readonly agentsMayExist: boolean;
}

export interface Generation extends AsyncDisposable {
  readonly url: string;
  /** Resolves with the reason when the store is no longer the store that this generation was started on. */
  readonly historyLost: Promise<string>;
  /** See {@link GitOps}. */
  readonly repository: Promise<RepositoryState>;
}

/** Who the leader's loops are, for admission. */
const CONTROLLERS = { name: 'system:kube-controller-manager', groups: ['system:authenticated'] } as const;
const SYNC = { name: SYNC_USER, groups: ['system:authenticated'] } as const;

export function startGeneration(parts: GenerationParts): Promise<Generation> {
  return openScope((started) => startOnHistory(parts, started));
}

async function startOnHistory(
  parts: GenerationParts,
  started: Scope,
): Promise<Omit<Generation, typeof Symbol.asyncDispose>> {
  const { config, dataDir, clock, rng, logger } = parts;
  const patience: { timer?: Timer } = {};
  started.defer(() => patience.timer?.cancel());
  const key = await loadOrCreateKey(join(dataDir.identity, 'encryption.key'));
  const codec = createPayloadCodec(key);
  const proofs = createPlacementProofs(key);
  const identity = storeIdentityOf(parts.tls.caPem, key);
  const store = started.use(
    await createRedisStore({
      url: parts.redisUrl,
      logger,
      clock,
      codec,
      onUnreadable: parts.metrics.unreadable,
    }),
  );
  await checkStoreIdentity(store, identity);
  const { agentsMayExist } = parts;
  const history = started.use(await openHistory({ store, dataDir, clock, rng, logger, agentsMayExist }));
  const condition = createClusterCondition(history.phase);
  // Another control plane may lead the rebuild; whoever leads next must not begin it again.
  void history.rebuilt.then(() => condition.set('normal'));
  const registry = createDynamicRegistry();
  const problemOf: CacheSetOptions['problemOf'] = (resource, object) =>
    typeProblem(registry, resource, object);
  const caches = started.use(createCacheSet({ store, clock, logger, problemOf }));
  started.use(await followDefinitions(caches, registry));
  const objects = createObjects({ store, registry, clock, rng, proofs });
  const queues = started.use(createBullQueues({ url: parts.redisUrl, logger, clock }));
  const policy = { defaultPodSecurity: config.defaultPodSecurity };
  const addresses = { ...defaultAddressSpace, serviceCidr: config.serviceCidr };
  const { onWaiting } = parts.metrics;
  const core = started.use(
    createResourceCore({
      store,
      caches,
      objects,
      registry,
      clock,
      rng,
      logger,
      policy,
      proofs,
      addresses,
      onWaiting,
    }),
  );
  started.use(await rememberNodes(history, caches, condition));
  const gitOps = started.use(await createGitOps({ config, dataDir, store, caches, queues, clock, logger }));
  // Before anybody asks: without these, nobody but administrators and nodes may do anything.
  await rememberStoreIdentity(store, objects, identity);
  await ensureDefaultPolicy({ store, objects, logger: logger.child({ component: 'rbac' }), more: ownPolicy });
  const host = hostname();
  const id = serverIdOf(host, dataDir.root);
  const holder = `${id}_${rng.uuid()}`;
  const presence = await startPresence({ store, objects, caches, clock, logger, id, hostname: host, holder });
  const peers: PeerOptions = {
    peers: () => presence.peers(),
    credentials: createPeerCredentials(parts.authority, clock),
    caPem: parts.tls.caPem,
  };
  const server = started.use(
    await listen(parts, core, { history, queues, webhooks: gitOps.webhooks, peers }).catch(
      (error: unknown) => {
        throw listenFailure(error, '--listen', config.listen);
      },
    ),
  );
  started.use(parts.serving.onChange((tls) => server.renewTls(tls)));
  started.use(presence);
  presence.announce(...addressesOf(config, server.url));
  if (config.webhookListen && gitOps.webhooks) {
    started.use(await startWebhookServer(config.webhookListen, gitOps.webhooks, logger, clock));
  }
  const certificates = certificatesOptions(parts.authority, createAuthorizer(core.snapshots));
  started.use(
    lead({
      store,
      caches,
      objects: core.objectsOf(CONTROLLERS),
      syncObjects: core.objectsOf(SYNC, systemAuthor),
      delegate: (author, namespace) => core.delegate(SYNC, author, namespace),
      queues,
      registry,
      clock,
      rng,
      logger,
      condition,
      proofs,
      controllers: {
        podNetwork: { clusterCidr: config.clusterCidr, nodePrefix: config.nodeCidrMaskSize },
        caBundle: parts.tls.caPem,
        eventTtlMs: config.eventTtlMs,
        certificates,
        signSecretToken: (account, secret) => parts.serviceAccounts.sign(legacyClaims(account, secret)),
      },
      sync: gitOps.sync,
      ...(gitOps.rootApplication ? { rootApplication: gitOps.rootApplication } : {}),
      expectedNodes: history.expectedNodes,
      ownNodes: parts.ownNodes,
      startReporting: () => gitOps.startReporting(),
      dataDir,
    }),
  );
  started.defer(() => {
    patience.timer = clock.setTimer(() => cut([store, queues]), STOP_PATIENCE_MS);
  });
  return { url: server.url, historyLost: history.lost, repository: gitOps.repository };
}

/** An orderly end takes far less; a service manager that gets no end waits for a minute and more. */
const STOP_PATIENCE_MS = 3_000;

/**
 * Redis may be ending as well (systemd stops all processes of a unit at once). Once its connections are cut, whatever
 * waits for it fails, and the end goes on.
 */
function cut(connections: readonly AsyncDisposable[]): void {
  for (const connection of connections)
    Promise.resolve(connection[Symbol.asyncDispose]()).catch(() => undefined);
}

/** While nodes come back one by one, those that are still away must not be forgotten. */
async function rememberNodes(
  history: HistoryWatch,
  caches: CacheSet,
  condition: ClusterCondition,
): Promise<Disposable> {
  const nodes = await caches.open('nodes');
  const remember = (): void => {
    if (condition.mayAct()) history.rememberNodes(nodes);
  };
  remember();
  return condition.onChange(remember);
}

function listen(
  {
    config,
    tls,
    serving,
    tokens,
    serviceAccounts,
    clock,
    rng,
    metrics,
    audit,
    limits,
    logger,
  }: GenerationParts,
  core: ReturnType<typeof createResourceCore>,
  parts: {
    readonly history: HistoryWatch;
    readonly queues: Queues;
    readonly webhooks: WebhookHandler | undefined;
    readonly peers: PeerOptions;
  },
): Promise<ApiServer> {
  const certificates = createCertificateAuthenticator({ caPem: tls.caPem, clock });
  const authentication = createAuthentication({ core, table: tokens, serviceAccounts, certificates, rng });
  return createApiServer({
    core,
    listen: config.listen,
    tls: serving.current(),
    authenticator: authentication.authenticator,
    virtual: [...authentication.virtual],
    actions: [...authentication.actions],
    issuer: serviceAccounts.documents,
    ...(parts.webhooks ? { webhooks: parts.webhooks } : {}),
    peers: parts.peers,
    metrics: metrics.source,
    limits,
    connections: { maxConnectionsPerAddress: config.maxConnectionsPerAddress },
    onAnswer: (record) => {
      metrics.observe(record);
      audit?.record(record);
    },
    readinessChecks: [
      {
        name: 'store',
        check: () => {
          const problem = parts.history.problem();
          if (problem !== undefined) throw new Error(problem);
        },
      },
      {
        name: 'queues',
        check: () => {
          if (!parts.queues.healthy()) throw new Error('a queue has a backlog and makes no progress');
        },
      },
    ],
    clock,
    logger,
  });
}
