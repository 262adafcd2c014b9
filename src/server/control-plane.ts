/**
 * A control plane process, composed from its real parts. It lives in *generations*: when the store
 * lost its history, the generation ends with its caches, and the next one rebuilds
 * (docs/INVARIANTS.md). Agents and kubectl see a restart of the API server.
 */
import { join, resolve } from 'node:path';
import { createAbort } from '../base/abort.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { claimDirectory, releaseDirectory } from '../base/directory-owner.ts';
import { type Scope, openScope } from '../base/scope.ts';
import { errorMessage } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { systemRng } from '../base/rng.ts';
import { createServiceAccountTokens } from '../api/authn/service-account-tokens.ts';
import { type TokenTable, openTokenTable } from '../api/authn/token-table.ts';
import { type Authority, hasAuthority, openAuthority } from '../api/tls/authority.ts';
import type { ServerTls } from '../api/tls/server-tls.ts';
import { type AuditLog, openAuditLog } from '../api/http/audit.ts';
import { createRateLimits, defaultRequestLimits, type RequestLimits } from '../api/http/rate-limits.ts';
import { ensureSigningKey } from '../api/tls/signing-key.ts';
import type { Config } from '../config/index.ts';
import { startEmbeddedRedis } from '../store/embedded/embedded-redis.ts';
import { giveAdminKubeconfig } from './identity/admin-kubeconfig.ts';
import { beginGeneration } from './begin-generation.ts';
import { type DataDir, openDataDir } from './start/data-dir.ts';
import { type Generation, startGeneration } from './generation.ts';
import type { GenerationParts } from './generation-parts.ts';
import { createMetrics } from './metrics/metrics.ts';
import { certificateHosts, kubeconfigUrl, localUrl, namesOfHost } from './addresses/server-addresses.ts';
import { sweepOrphans } from './start/sweep-orphans.ts';
import type { RepositoryState } from './start/watch-repository.ts';
import { openServingCertificate } from './identity/serving-certificate.ts';

export interface ControlPlane extends AsyncDisposable {
  /** For clients on this machine. */
  readonly url: string;
  readonly tokens: TokenTable;
  readonly authority: Authority;
  readonly tls: ServerTls;
  readonly dataDir: DataDir;
  /** The result of the first fetch of `--repo`; never settles where another control plane leads. */
  readonly repository: Promise<RepositoryState>;
  /** Rejects when the control plane cannot go on. */
  readonly failed: Promise<never>;
}

export interface ControlPlaneOptions {
  readonly config: Config;
  readonly logger: Logger;
  readonly clock?: Clock;
  /** Nodes that this process starts as well: the first pods wait for them. */
  readonly ownNodes?: readonly string[];
  /** Told after each part of the start; tests fail there. */
  readonly onStep?: () => void;
}

export function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  return openScope((scope) => startIn(scope, options), options.onStep);
}

async function startIn(
  scope: Scope,
  options: ControlPlaneOptions,
): Promise<Omit<ControlPlane, typeof Symbol.asyncDispose>> {
  const { config, ownNodes = [], clock = systemClock } = options;
  const logger = options.logger.child({ component: 'control-plane' });
  const dataDir = await openDataDir(resolve(config.dataDir), resolve(config.identityDir ?? config.dataDir));
  await claimDirectory(
    dataDir.root,
    (pid) =>
      `Cannot start in "${dataDir.root}": symphony (process ${pid}) is running there; stop it first, or choose another --data-dir`,
  );
  scope.defer(() => releaseDirectory(dataDir.root));
  await sweepOrphans(logger);
  const redisUrl =
    config.redisUrl ?? scope.use(await startEmbeddedRedis({ dir: dataDir.redis, clock, logger })).url;
  const agentsMayExist = await hasAuthority(dataDir.tls);
  const authority = await openAuthority({ directory: dataDir.tls, clock });
  const tokens = await openTokenTable(join(dataDir.identity, 'tokens.json'));
  const serviceAccounts = await createServiceAccountTokens(
    await ensureSigningKey({ directory: dataDir.tls }),
  );
  const audit = await startAudit(config, dataDir, { clock, logger });
  if (audit) scope.use(audit);
  const directory = dataDir.serving;
  const hosts = (): readonly string[] => certificateHosts(config, namesOfHost());
  const serving = scope.use(await openServingCertificate({ authority, directory, hosts, clock, logger }));
  const tls = serving.current();
  const parts = {
    config,
    dataDir,
    redisUrl,
    authority,
    tls,
    serving,
    tokens,
    serviceAccounts,
    clock,
    rng: systemRng,
    metrics: createMetrics(),
    audit,
    limits: createRateLimits(requestLimits(config), clock),
    logger,
    agentsMayExist,
    ownNodes,
    onStep: options.onStep,
  };
  parts.metrics.follow(parts.limits);
  const { first, failed } = await startGenerations(scope, parts);
  const url = kubeconfigUrl(first.url, config.advertiseAddress);
  await giveAdminKubeconfig({ dataDir, tokens, tls, url, clock });
  return { url: localUrl(first.url), tokens, authority, tls, dataDir, repository: first.repository, failed };
}

/** One generation after the other, until the end. */
async function startGenerations(
  scope: Scope,
  parts: GenerationParts,
): Promise<{ readonly first: Generation; readonly failed: Promise<never> }> {
  const stopping = createAbort();
  const begin = (patience: 'first' | 'later'): Promise<Generation> =>
    beginGeneration(() => startGeneration(parts), { ...parts, patience, signal: stopping.signal });
  const first = await begin('first');
  let generation = first;
  let replacing: Promise<void> = Promise.resolve();
  scope.defer(async () => {
    stopping.abort();
    await replacing;
    await generation[Symbol.asyncDispose]();
  });
  const failed = new Promise<never>((_, reject) => {
    const watch = (current: Generation): void => {
      void current.historyLost.then((why) => {
        if (stopping.signal.aborted) return;
        parts.logger.error({ why }, 'The store lost its history; starting over to rebuild it');
        replacing = replace(current).catch((error: unknown) => {
          reject(new Error(`Cannot rebuild the store: ${errorMessage(error)}`, { cause: error }));
        });
      });
    };
    const replace = async (current: Generation): Promise<void> => {
      await current[Symbol.asyncDispose]();
      if (stopping.signal.aborted) return;
      generation = await begin('later');
      watch(generation);
    };
    watch(generation);
  });
  failed.catch(() => undefined);
  return { first, failed };
}

function startAudit(
  { auditLog }: Config,
  dataDir: DataDir,
  parts: { readonly clock: Clock; readonly logger: Logger },
): Promise<AuditLog | undefined> {
  if (auditLog === 'none') return Promise.resolve(undefined);
  return openAuditLog({ path: auditLog ?? join(dataDir.root, 'audit.log'), ...parts });
}

const requestLimits = (config: Config): RequestLimits => ({
  ...defaultRequestLimits,
  requestsPerSecond: config.rateLimit,
  maxReadsInFlight: config.maxRequestsInflight,
  maxWritesInFlight: config.maxMutatingRequestsInflight,
});
