/**
 * Finds wrong flags before anything is made: a start that could only fail ends at once, with
 * advice. What may come back by itself (a forge, a hung Engine) is no reason not to start.
 */
import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Clock, systemClock } from '../../base/clock.ts';
import { UserError, errorMessage } from '../../base/errors.ts';
import { type Config, defaultDockerHost } from '../../config/index.ts';
import { parseEngineAddress } from '../../node-agent/runtime/docker/engine.ts';
import { validateApplication } from '../../schemas/kinds/application/validation.ts';
import { parseRepoUrl, redactUrl } from '../../sync/git/git-url.ts';
import { normaliseTreePath, revisionCandidates } from '../../sync/git/revision.ts';
import { rootApplication } from '../../sync/root-application.ts';
import { repositoryUrl } from './repository-url.ts';

/** Somebody waits at a terminal; an Engine that is only slow is waited for later. */
const CONNECT_TIMEOUT_MS = 2_000;

/** Throws UserError. */
export async function checkRepository({
  repo,
  revision,
  path,
}: Pick<Config, 'repo' | 'revision' | 'path'>): Promise<void> {
  if (repo === undefined) return;
  const url = repositoryUrl(repo);
  if (parseRepoUrl(url, { allowFile: true }).transport === 'file')
    await checkFolder(url.startsWith('file:') ? fileURLToPath(url) : url, repo);
  revisionCandidates(revision);
  normaliseTreePath(path);
  // The API would refuse the Application again and again.
  const [error] = validateApplication(rootApplication({ repoURL: url, targetRevision: revision, path }));
  if (error === undefined) return;
  const [, flag = '--repo'] = FLAGS.find(([field]) => error.path.endsWith(field)) ?? [];
  const value = flag === '--repo' ? redactUrl(url) : error.value;
  throw new UserError(`Cannot use ${flag} ${JSON.stringify(value)}: ${error.detail}`);
}

/** Fields of the Application made for `--repo`, and what they come from. */
const FLAGS = [
  ['.path', '--path'],
  ['.targetRevision', '--revision'],
] as const;

async function checkFolder(folder: string, repo: string): Promise<void> {
  const refuse = (why: string): never => {
    throw new UserError(`Cannot use --repo "${repo}": ${why}`);
  };
  const found = await stat(folder).catch((error: unknown) => {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (!['ENOENT', 'ENOTDIR'].includes(code)) return refuse(errorMessage(error));
    const advice = /^[\w.-]+\.\w+[:/]/.test(repo)
      ? 'a URL begins with https:// or ssh://'
      : 'give the path of a Git repository, or its URL';
    return refuse(`there is no folder "${folder}"; ${advice}`);
  });
  // A bundle is a file; git itself knows best whether it is one.
  if (!found.isDirectory() || (await isRepository(folder))) return;
  for (let above = dirname(folder); above !== dirname(above); above = dirname(above)) {
    if (!(await isRepository(above))) continue;
    refuse(
      `it lies inside of the Git repository "${above}"; give --repo ${above} --path ${folder.slice(above.length + 1)}`,
    );
  }
  refuse(`"${folder}" is not a Git repository; make it one (git init, git add, git commit), or give another`);
}

/** With a work tree, or bare. */
async function isRepository(folder: string): Promise<boolean> {
  const has = (name: string): Promise<boolean> =>
    stat(join(folder, name)).then(
      () => true,
      () => false,
    );
  return (await has('.git')) || ((await has('HEAD')) && (await has('objects')) && (await has('refs')));
}

/** Throws UserError for an address that no Engine can have. */
export function checkEngineAddresses({
  dockerHosts,
  runtime,
}: Pick<Config, 'dockerHosts' | 'runtime'>): void {
  if (runtime === 'hollow') return;
  for (const host of hostsOf(dockerHosts)) {
    try {
      parseEngineAddress({ host });
    } catch (error) {
      throw new UserError(errorMessage(error), { cause: error });
    }
  }
}

/** Throws UserError where no Engine is there; with one of several, the nodes of the others wait. */
export async function checkEngines(
  config: Pick<Config, 'dockerHosts' | 'runtime'>,
  clock: Clock = systemClock,
): Promise<void> {
  if (config.runtime === 'hollow') return;
  checkEngineAddresses(config);
  const hosts = hostsOf(config.dockerHosts);
  const problems = await Promise.all(hosts.map((host) => missing(host, clock)));
  const [problem] = problems;
  if (problem === undefined || problems.includes(undefined)) return;
  throw new UserError(
    `Cannot use the Docker Engine at "${hosts[0]}": ${problem}; name another Engine with --docker-host, or try Symphony without one with --runtime hollow`,
  );
}

const hostsOf = (hosts: readonly string[]): readonly string[] =>
  hosts.length > 0 ? [...new Set(hosts)] : [defaultDockerHost()];

const START = 'start Docker (systemctl start docker)';

/** Why nothing is there; undefined for what may be an Engine. */
function missing(host: string, clock: Clock): Promise<string | undefined> {
  const address = parseEngineAddress({ host });
  const target = 'socketPath' in address ? { path: address.socketPath } : address;
  return new Promise((resolve) => {
    const end = (problem: string | undefined): void => {
      timer.cancel();
      socket.destroy();
      resolve(problem);
    };
    const socket = connect(target);
    const timer = clock.setTimer(() => end(undefined), CONNECT_TIMEOUT_MS);
    socket.once('connect', () => end(undefined));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const { code } = error;
      if (code === 'ENOENT') end(`there is no such socket; ${START}`);
      else if (code === 'ECONNREFUSED') end(`nothing listens there; ${START}`);
      else if (code === 'EACCES') end('permission denied; run as root, or as a member of the group docker');
      else end(errorMessage(error));
    });
  });
}
