/** The GitOps parts of a control plane: mirrors, forge, webhooks, and the root Application. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { WebhookHandler } from '../api/http/webhooks.ts';
import type { Clock } from '../base/clock.ts';
import { UserError } from '../base/errors.ts';
import type { Logger } from '../base/logger.ts';
import { type Config, gitProcessEnvironment } from '../config/index.ts';
import type { Queues } from '../queue/types.ts';
import { SYSTEM_NAMESPACE } from '../schemas/applications/application-author.ts';
import type { Application } from '../schemas/types.ts';
import type { CacheSet } from '../store/cache/cache.ts';
import type { Store } from '../store/types.ts';
import type { ApplicationControllerOptions } from '../sync/application-controller.ts';
import { createCommitStatusPoster } from '../sync/forge/commit-status-poster.ts';
import { createHttpClient } from '../sync/forge/http.ts';
import { createForge } from '../sync/forge/index.ts';
import { createWebhookHandler } from '../sync/forge/webhook-handler.ts';
import { parseRepoUrl, redactUrl } from '../sync/git/git-url.ts';
import { createGitMirror } from '../sync/git/git-mirror.ts';
import type { GitMirror } from '../sync/git/types.ts';
import { createRenderers } from '../sync/render/index.ts';
import { rootApplication } from '../sync/root-application.ts';
import { defaultCommitStatusLimits } from '../sync/status/plan-commit-status.ts';
import type { DataDir } from './start/data-dir.ts';
import { repositoryUrl } from './start/repository-url.ts';
import { type RepositoryState, watchRepository } from './start/watch-repository.ts';

export interface GitOps extends AsyncDisposable {
  readonly sync: Pick<
    ApplicationControllerOptions,
    'createMirror' | 'pollIntervalMs' | 'commitStatusLimits' | 'defaultPodSecurity' | 'renderers'
  >;
  readonly rootApplication: Application | undefined;
  readonly webhooks: WebhookHandler | undefined;
  /** The result of the first fetch of `--repo`; never settles where another control plane leads. */
  readonly repository: Promise<RepositoryState>;
  /** Posts commit statuses while this process leads. */
  startReporting(): Promise<AsyncDisposable>;
}

export interface GitOpsOptions {
  readonly config: Config;
  readonly dataDir: DataDir;
  readonly store: Store;
  readonly caches: CacheSet;
  readonly queues: Queues;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Tells the statuses of several clusters on one commit apart. */
const ENVIRONMENT = 'default';
/** Any user name goes with a token at GitHub, GitLab and Gitea. */
const TOKEN_USER = 'x-access-token';

export async function createGitOps(options: GitOpsOptions): Promise<GitOps> {
  const { config, dataDir, store, caches, queues, clock, logger } = options;
  const repoURL = config.repo === undefined ? undefined : repositoryUrl(config.repo);
  const token =
    config.forgeTokenFile === undefined
      ? undefined
      : await followSecret(config.forgeTokenFile, '--forge-token-file');
  const environment = gitProcessEnvironment();

  const watch = watchRepository(config);
  const mirrors = new Map<string, GitMirror>();
  const createMirror = (url: string, asOperator: boolean): GitMirror => {
    const isOwn = asOperator && url === repoURL;
    if (!asOperator) refuseOperatorsKeys(url);
    const made = createGitMirror({
      url,
      directory: join(dataDir.mirrors, mirrorName(url, asOperator)),
      clock,
      logger,
      environment,
      // Files of this machine, and credentials, are for the operator's repository only.
      allowFile: isOwn,
      ...(isOwn && token !== undefined && url.startsWith('https://')
        ? { credentials: async () => ({ username: TOKEN_USER, password: await token() }) }
        : {}),
    });
    const mirror = isOwn ? watch.follow(made) : made;
    mirrors.set(`${asOperator} ${url}`, mirror);
    return mirror;
  };

  const webhooks = await createWebhooks(options, repoURL);
  return {
    sync: {
      createMirror,
      pollIntervalMs: config.pollIntervalMs,
      defaultPodSecurity: config.defaultPodSecurity,
      renderers: createRenderers({
        binary: config.kustomizeBinary,
        searchPath: environment['PATH'] ?? '',
      }),
      commitStatusLimits: { ...defaultCommitStatusLimits, stabilityWindowMs: config.stabilityWindowMs },
    },
    rootApplication:
      repoURL === undefined
        ? undefined
        : withName(
            rootApplication({ repoURL, targetRevision: config.revision, path: config.path }),
            config.applicationName,
          ),
    repository: watch.first,
    webhooks: webhooks && ((provider, headers, body) => webhooks.handle(provider, headers, body)),
    startReporting() {
      const forge = createForge({
        name: config.commitStatus,
        ...(config.forgeUrl === undefined ? {} : { url: config.forgeUrl }),
        ...(token === undefined ? {} : { token }),
        ...(config.forgeRepo === undefined ? {} : { repository: config.forgeRepo }),
        ...(repoURL === undefined ? {} : { repoURL }),
        http: createHttpClient(clock),
        clock,
        mirrorOf: (url, asOperator) => mirrors.get(`${asOperator} ${url}`) ?? createMirror(url, asOperator),
      });
      const parts = { store, caches, queues, forge, clock, logger };
      return createCommitStatusPoster({ ...parts, environment: ENVIRONMENT });
    },
    async [Symbol.asyncDispose]() {
      webhooks?.[Symbol.dispose]();
    },
  };
}

function mirrorName(url: string, asOperator: boolean): string {
  const hash = createHash('sha256').update(asOperator ? url : `${url} of others`);
  return hash.digest('hex').slice(0, 16);
}

/** ssh would log in with the keys of the user that the control plane runs as. */
function refuseOperatorsKeys(url: string): void {
  if (parseRepoUrl(url, { allowFile: false }).transport !== 'ssh') return;
  throw new UserError(
    `Cannot use repository "${redactUrl(url)}": ssh has the operator's keys, which only Applications in ${SYSTEM_NAMESPACE} and those of administrators may use; name it by https`,
  );
}

async function createWebhooks(
  { config, caches, queues, clock, logger }: GitOpsOptions,
  repoURL: string | undefined,
): Promise<ReturnType<typeof createWebhookHandler> | undefined> {
  if (config.webhookSecretFile === undefined) return undefined;
  const applications = await caches.open<Application>('applications.argoproj.io');
  return createWebhookHandler({
    secret: await readSecret(config.webhookSecretFile, '--webhook-secret-file'),
    applications: () => applications.list(),
    queues,
    clock,
    logger,
    ...(config.forgeRepo !== undefined && repoURL !== undefined
      ? { alias: { fullName: config.forgeRepo, repoURL } }
      : {}),
  });
}

function withName(application: Application, name: string): Application {
  return { ...application, metadata: { ...application.metadata, name } };
}

async function readSecret(path: string, flag: string): Promise<string> {
  let text: string;
  try {
    text = (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new UserError(`Cannot read the file of ${flag}: ${(error as Error).message}`, { cause: error });
  }
  if (text === '') throw new UserError(`Cannot use the file of ${flag}: "${path}" is empty`);
  return text;
}

/** Reads it anew each time, as tokens are replaced. The last good one counts meanwhile. */
async function followSecret(path: string, flag: string): Promise<() => Promise<string>> {
  let last = await readSecret(path, flag);
  return async () => {
    last = await readSecret(path, flag).catch(() => last);
    return last;
  };
}
