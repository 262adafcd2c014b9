/**
 * One life of the control plane on one history of the store: caches, API server, queues, and the
 * loops of the leader. Never disposes itself; reports lost history.
 */
import { join } from 'node:path';
import { legacyClaims } from '../api/authn/service-account-claims.ts';
import { ensureDefaultPolicy } from '../resources/authz/ensure-default-policy.ts';
import { ownPolicy } from '../resources/authz/own-policy.ts';
import { API_SERVER, createResourceCore } from '../resources/resource-core.ts';
import { defaultAddressSpace } from '../resources/services/service-addresses.ts';
import { createAuthorizer } from '../resources/authz/authorizer.ts';
import type { Timer } from '../base/clock.ts';
import { type Scope, openScope } from '../base/scope.ts';
import { SYNC_USER } from '../diff/tracking.ts';
import { createBullQueues } from '../queue/bullmq-queues.ts';
import { systemAuthor } from '../schemas/applications/application-author.ts';
import { builtinFormat, createDynamicRegistry } from '../schemas/registry.ts';
import { typeProblem } from '../schemas/soundness.ts';
import { type CacheSetOptions, createCacheSet } from '../store/cache/cache-set.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import { followDefinitions } from '../store/cache/follow-definitions.ts';
import { createPayloadCodec, loadOrCreateKey } from '../store/redis/payload-codec.ts';
import { createPlacementProofs } from '../resources/writing/placement-proof.ts';
import { withProofs } from '../resources/reading/proven-format.ts';
import { asSoleWriter } from '../store/embedded/sole-writer.ts';
import { createRedisStore } from '../store/redis/redis-store.ts';
import { certificatesOptions } from './identity/certificate-options.ts';
import { autoscalingOptions } from './autoscaling-options.ts';
import { checkStoreIdentity, rememberStoreIdentity, storeIdentityOf } from './identity/store-identity.ts';
import { type ClusterCondition, createClusterCondition } from './history/cluster-condition.ts';
import type { GenerationParts } from './generation-parts.ts';
import { createGitOps, type GitOps } from './gitops.ts';
import { type HistoryWatch, openHistory } from './history/history.ts';
import { lead, type LeadParts } from './lead.ts';
import { type Served, serveApi } from './serve-api.ts';
import type { RepositoryState } from './start/watch-repository.ts';

export interface Generation extends AsyncDisposable {
  readonly url: string;
  /** Resolves with the reason when the store no longer has the history of the start. */
  readonly historyLost: Promise<string>;
  /** See {@link GitOps}. */
  readonly repository: Promise<RepositoryState>;
}

/** The callers that the leader's loops are, for admission. */
const CONTROLLERS = { name: 'system:kube-controller-manager', groups: ['system:authenticated'] } as const;
const SYNC = { name: SYNC_USER, groups: ['system:authenticated'] } as const;

export function startGeneration(parts: GenerationParts): Promise<Generation> {
  return openScope((scope) => startOnHistory(parts, scope), parts.onStep);
}

async function startOnHistory(
  parts: GenerationParts,
  scope: Scope,
): Promise<Omit<Generation, typeof Symbol.asyncDispose>> {
  const { config, dataDir, clock, logger } = parts;
  const patience: { timer?: Timer } = {};
  scope.defer(() => patience.timer?.cancel());
  const opened = await openHistoryOf(parts, scope);
  const { store, history, identity } = opened;
  const cluster = await openCluster(parts, opened, scope);
  const { caches, queues, core } = cluster;
  const writer = core.as(API_SERVER);
  const gitOps = scope.use(await createGitOps({ config, dataDir, store, caches, queues, clock, logger }));
  // Before anybody asks: without these, nobody but administrators and nodes may do anything.
  await rememberStoreIdentity(store, writer, identity);
  await ensureDefaultPolicy({ store, writer, logger: logger.child({ component: 'rbac' }), more: ownPolicy });
  const served = await serveApi(
    { ...parts, ...opened, ...cluster, writer, webhooks: gitOps.webhooks },
    scope,
  );
  scope.use(lead(leadParts(parts, opened, cluster, gitOps, served)));
  scope.defer(() => {
    patience.timer = clock.setTimer(() => cut([store, queues]), STOP_PATIENCE_MS);
  });
  return { url: served.url, historyLost: history.lost, repository: gitOps.repository };
}

/** An orderly end takes far less. A service manager waits for a minute and more. */
const STOP_PATIENCE_MS = 3_000;

/**
 * Redis may end as well (systemd stops all processes of a unit at once). Without connections all
 * that waits for it fails, and the end goes on.
 */
function cut(connections: readonly AsyncDisposable[]): void {
  for (const connection of connections)
    Promise.resolve(connection[Symbol.asyncDispose]()).catch(() => undefined);
}

/** The store of this cluster, and its history as this control plane knows it. */
async function openHistoryOf(parts: GenerationParts, scope: Scope) {
  const { dataDir, clock, rng, logger, agentsMayExist } = parts;
  const key = await loadOrCreateKey(join(dataDir.identity, 'encryption.key'));
  const codec = createPayloadCodec(key);
  const identity = storeIdentityOf(parts.tls.caPem, key);
  const onUnreadable = parts.metrics.unreadable;
  const proofs = createPlacementProofs(key);
  const format = withProofs(builtinFormat, proofs);
  const redisStore = scope.use(
    await createRedisStore({ url: parts.redisUrl, logger, clock, codec, format, onUnreadable }),
  );
  const isEmbedded = parts.config.redisUrl === undefined;
  const store = isEmbedded ? asSoleWriter(redisStore, { logger }) : redisStore;
  await checkStoreIdentity(store, identity);
  const history = scope.use(await openHistory({ store, dataDir, clock, rng, logger, agentsMayExist }));
  const condition = createClusterCondition(history.phase);
  // Another control plane may lead the rebuild; whoever leads next must not begin it again.
  void history.rebuilt.then(() => condition.set('normal'));
  return { store, history, condition, identity, proofs };
}

type OpenedHistory = Awaited<ReturnType<typeof openHistoryOf>>;

/** Everything that stands on the store: caches, writing, queues, the resource core. */
async function openCluster(
  parts: GenerationParts,
  { store, history, condition, proofs }: OpenedHistory,
  scope: Scope,
) {
  const { config, clock, rng, logger } = parts;
  const registry = createDynamicRegistry();
  const problemOf: CacheSetOptions['problemOf'] = (resource, object) =>
    typeProblem(registry, resource, object);
  const caches = scope.use(createCacheSet({ store, clock, logger, problemOf }));
  scope.use(await followDefinitions(caches, registry));
  const queues = scope.use(createBullQueues({ url: parts.redisUrl, logger, clock }));
  const core = scope.use(
    createResourceCore({
      ...{ store, caches, registry, clock, rng, logger, proofs },
      policy: {
        defaultPodSecurity: config.defaultPodSecurity,
        allowedExternalIps: config.allowedExternalIps,
        tolerationSeconds: {
          notReady: config.defaultNotReadyTolerationSeconds,
          unreachable: config.defaultUnreachableTolerationSeconds,
        },
      },
      addresses: { ...defaultAddressSpace, serviceCidr: config.serviceCidr },
      onWaiting: parts.metrics.onWaiting,
    }),
  );
  scope.use(await rememberNodes(history, caches, condition));
  return { registry, caches, queues, core };
}

type OpenedCluster = Awaited<ReturnType<typeof openCluster>>;

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

function leadParts(
  parts: GenerationParts,
  { store, history, condition, proofs }: OpenedHistory,
  { registry, caches, queues, core }: OpenedCluster,
  gitOps: GitOps,
  { heartbeats, usages }: Served,
): LeadParts {
  const { config, dataDir, clock, rng, logger, serviceAccounts, ownNodes } = parts;
  const { rootApplication } = gitOps;
  return {
    ...{ store, caches, queues, registry, clock, rng, logger, condition, proofs, dataDir, ownNodes },
    writer: core.as({ user: CONTROLLERS }),
    syncWriter: core.as({ user: SYNC, author: systemAuthor }),
    delegate: (author, confinedTo) => core.as({ user: SYNC, author, confinedTo }),
    controllers: {
      loadBalancerPool: config.loadBalancerPool,
      podNetwork: { clusterCidr: config.clusterCidr, nodePrefix: config.nodeCidrMaskSize },
      nodeHealth: { gracePeriodMs: config.nodeGracePeriodMs, heartbeats },
      caBundle: parts.tls.caPem,
      eventTtlMs: config.eventTtlMs,
      ingressAddresses: config.ingressAddresses,
      autoscaling: autoscalingOptions(config, usages, clock),
      certificates: certificatesOptions(parts.authority, createAuthorizer(core.snapshots)),
      signSecretToken: (account, secret) => serviceAccounts.sign(legacyClaims(account, secret)),
    },
    sync: gitOps.sync,
    ...(rootApplication ? { rootApplication } : {}),
    expectedNodes: history.expectedNodes,
    startReporting: () => gitOps.startReporting(),
  };
}
