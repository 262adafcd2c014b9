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
import { ensureDefaultPolicy } from '../api/authz/ensure-default-policy.ts';
import { ownPolicy } from '../api/authz/own-policy.ts';
import { createApiCore } from '../api/core/core.ts';
import type { AuditLog } from '../api/http/audit.ts';
import type { RateLimits } from '../api/http/rate-limits.ts';
import type { WebhookHandler } from '../api/http/webhooks.ts';
import { type ApiServer, createApiServer } from '../api/server.ts';
import { createAuthorizer } from '../api/authz/authorizer.ts';
import type { PeerOptions } from '../api/peers/types.ts';
import type { Authority } from '../api/tls/authority.ts';
import type { ServerTls } from '../api/tls/server-tls.ts';
import { anySignal, createAbort } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { type Rng, nameSuffix } from '../base/rng.ts';
import type { Config } from '../config/index.ts';
import type { CertificatesOptions } from '../controllers/certificates/certificates-controller.ts';
import { SYNC_USER } from '../diff/tracking.ts';
import { createBullQueues } from '../queue/bullmq-queues.ts';
import type { Queues } from '../queue/types.ts';
import { systemAuthor } from '../schemas/application-author.ts';
import { createDynamicRegistry } from '../schemas/registry.ts';
import type { Registry } from '../schemas/resource-kind.ts';
import { typeProblem } from '../schemas/soundness.ts';
import { type CacheSetOptions, createCacheSet } from '../store/cache-set.ts';
import type { CacheSet } from '../store/cache.ts';
import type { DelegateWrites } from '../store/delegated-writes.ts';
import { runWithLeadership } from '../store/leader.ts';
import { followDefinitions } from '../store/follow-definitions.ts';
import { createObjects } from '../store/objects.ts';
import { createPayloadCodec, loadOrCreateKey } from '../store/payload-codec.ts';
import { createRedisStore } from '../store/redis-store.ts';
import type { Store } from '../store/types.ts';
import { certificatesOptions } from './certificate-options.ts';
import { createPeerCredentials } from './peer-credentials.ts';
import { addressesOf, serverIdOf, startPresence } from './server-presence.ts';
import { checkStoreIdentity, rememberStoreIdentity, storeIdentityOf } from './store-identity.ts';
import { createClusterCondition } from './cluster-condition.ts';
import type { DataDir } from './data-dir.ts';
import { createGitOps, type GitOps } from './gitops.ts';
import { type HistoryWatch, openHistory } from './history.ts';
import { listenFailure } from './listen-failure.ts';
import type { Metrics } from './metrics.ts';
import { type LeaderLoops, startLeaderLoops } from './leader-loops.ts';
import type { ServingCertificate } from './serving-certificate.ts';
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
}

export interface Generation extends AsyncDisposable {
  readonly url: string;
  /** Resolves with the reason when the store is no longer the store that this generation was started on. */
  readonly historyLost: Promise<string>;
}

const LEADER_LEASE = 'control-plane';
/** Who the leader's loops are, for admission. */
const CONTROLLERS = { name: 'system:kube-controller-manager', groups: ['system:authenticated'] } as const;
const SYNC = { name: SYNC_USER, groups: ['system:authenticated'] } as const;
/** A leader that dies is replaced after this time at the latest. */
const LEADER_TTL_MS = 9_000;

export async function startGeneration(parts: GenerationParts): Promise<Generation> {
  const { config, dataDir, clock, rng, logger } = parts;
  const undo: AsyncDisposable[] = [];
  const keep = <T extends AsyncDisposable>(part: T): T => {
    undo.push(part);
    return part;
  };
  const dispose = async (): Promise<void> => {
    for (const part of undo.reverse()) await part[Symbol.asyncDispose]();
  };
  try {
    const key = await loadOrCreateKey(join(dataDir.identity, 'encryption.key'));
    const codec = createPayloadCodec(key);
    const identity = storeIdentityOf(parts.tls.caPem, key);
    const store = keep(await createRedisStore({ url: parts.redisUrl, logger, clock, codec }));
    await checkStoreIdentity(store, identity);
    const history = keep(await openHistory({ store, dataDir, clock, rng, logger }));
    const condition = createClusterCondition(history.phase);
    // Another control plane may lead the rebuild; whoever leads next must not begin it again.
    void history.rebuilt.then(() => condition.set('normal'));
    const registry = createDynamicRegistry();
    const problemOf: CacheSetOptions['problemOf'] = (resource, object) =>
      typeProblem(registry, resource, object);
    const caches = keep(createCacheSet({ store, clock, logger, problemOf }));
    keep(await followDefinitions(caches, registry));
    const objects = createObjects({ store, registry, clock, rng });
    const queues = keep(createBullQueues({ url: parts.redisUrl, logger, clock }));
    const policy = { defaultPodSecurity: config.defaultPodSecurity };
    const core = keep(createApiCore({ store, caches, objects, registry, clock, rng, logger, policy }));
    const gitOps = keep(await createGitOps({ config, dataDir, store, caches, queues, clock, logger }));
    // Before anybody asks: without these, nobody but administrators and nodes may do anything.
    await rememberStoreIdentity(store, objects, identity);
    await ensureDefaultPolicy({ store, objects, logger, more: ownPolicy });
    const host = hostname();
    const id = serverIdOf(host, dataDir.root);
    const holder = `${id}_${rng.uuid()}`;
    const presence = await startPresence({
      store,
      objects,
      caches,
      clock,
      logger,
      id,
      hostname: host,
      holder,
    });
    const peers: PeerOptions = {
      peers: () => presence.peers(),
      credentials: createPeerCredentials(parts.authority, clock),
      caPem: parts.tls.caPem,
    };
    const server = keep(
      await listen(parts, core, { history, queues, webhooks: gitOps.webhooks, peers }).catch(
        (error: unknown) => {
          throw listenFailure(error, '--listen', config.listen);
        },
      ),
    );
    const renewals = parts.serving.onChange((tls) => server.renewTls(tls));
    keep({ [Symbol.asyncDispose]: async () => renewals[Symbol.dispose]() });
    keep(presence);
    presence.announce(...addressesOf(config, server.url));
    if (config.webhookListen && gitOps.webhooks) {
      keep(await startWebhookServer(config.webhookListen, gitOps.webhooks, logger, clock));
    }
    const certificates = certificatesOptions(parts.authority, createAuthorizer(core.snapshots));
    keep(
      lead({
        ...parts,
        registry,
        certificates,
        store,
        caches,
        objects: core.objectsOf(CONTROLLERS),
        syncObjects: core.objectsOf(SYNC, systemAuthor),
        delegate: (author, namespace) => core.delegate(SYNC, author, namespace),
        queues,
        condition,
        history,
        gitOps,
      }),
    );
    return { url: server.url, historyLost: history.lost, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
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
  core: ReturnType<typeof createApiCore>,
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
          if (!parts.history.reachable()) throw new Error('the store does not answer');
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

interface LeadParts extends GenerationParts {
  readonly registry: Registry;
  readonly certificates: CertificatesOptions;
  readonly store: Store;
  readonly caches: CacheSet;
  readonly objects: ReturnType<typeof createObjects>;
  readonly syncObjects: ReturnType<typeof createObjects>;
  readonly delegate: DelegateWrites;
  readonly queues: Queues;
  readonly condition: ReturnType<typeof createClusterCondition>;
  readonly history: HistoryWatch;
  readonly gitOps: GitOps;
}

/** Tries to lead until disposed; runs the leader's loops whenever it does. */
function lead(parts: LeadParts): AsyncDisposable {
  const { config, tls, clock, rng, logger, history, gitOps } = parts;
  const abort = createAbort();
  const running = runWithLeadership({
    store: parts.store,
    lease: LEADER_LEASE,
    holder: `${hostname()}_${process.pid}_${nameSuffix(rng)}`,
    clock,
    ttlMs: LEADER_TTL_MS,
    logger: logger.child({ component: 'leader' }),
    signal: abort.signal,
    async lead(fence, signal) {
      const stop = createAbort();
      const ends = anySignal(signal, stop.signal);
      const loops: LeaderLoops = await startLeaderLoops(
        {
          ...parts,
          controllers: {
            podNetwork: { clusterCidr: config.clusterCidr, nodePrefix: config.nodeCidrMaskSize },
            caBundle: tls.caPem,
            certificates: parts.certificates,
            signSecretToken: (account, secret) => parts.serviceAccounts.sign(legacyClaims(account, secret)),
          },
          sync: gitOps.sync,
          ...(gitOps.rootApplication ? { rootApplication: gitOps.rootApplication } : {}),
          expectedNodes: history.expectedNodes,
        },
        fence,
        ends,
        () => stop.abort(),
      );
      const reporting = await gitOps.startReporting();
      const nodes = await parts.caches.open('nodes');
      // While nodes come back one by one, those that are still away must not be forgotten.
      const remember = (): void => {
        if (parts.condition.mayAct()) history.rememberNodes(nodes);
      };
      remember();
      const changes = parts.condition.onChange(remember);
      await new Promise<void>((resolve) => {
        if (ends.aborted) resolve();
        ends.addEventListener('abort', () => resolve(), { once: true });
      });
      changes[Symbol.dispose]();
      await reporting[Symbol.asyncDispose]();
      await loops[Symbol.asyncDispose]();
    },
  });
  running.catch((error: unknown) => logger.error({ error }, 'Cannot lead'));
  return {
    async [Symbol.asyncDispose]() {
      abort.abort();
      await running.catch(() => undefined);
    },
  };
}
