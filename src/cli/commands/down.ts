/** `symphony down`: removes the containers and networks of a stopped `up` or `agent`. */
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { claimDirectory, livingOwnerOf, releaseDirectory } from '../../base/directory-owner.ts';
import { TransientError, UserError } from '../../base/errors.ts';
import { type Config, defaultDockerHost } from '../../config/index.ts';
import {
  findNodes,
  nodeNamesIn,
  removeNodes,
  type RemovalProblem,
} from '../../server/removal/remove-nodes.ts';
import type { CommandModule } from '../run/command.ts';
import { addConfigFlags, configFrom } from '../run/config-flags.ts';

export const downCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'down');
    command.option('--volumes', 'remove the data of local volumes, too; it is kept otherwise');
    command.option('--force', 'forget the containers on Docker Engines that do not answer');
  },
  async run(invocation) {
    const config = configFrom(invocation, 'down');
    const root = resolve(config.dataDir);
    const say = (line: string): void => void invocation.io.stdout.write(`${line}\n`);
    const force = invocation.flags['force'] === true;
    const volumes = invocation.flags['volumes'] === true;
    const names = await namesIn(root);
    const problem = (pid: number): string =>
      `Cannot remove the containers of "${root}": symphony (process ${pid}) is running there and would start them again; stop it first`;
    // An earlier release claims the directory of its Redis alone.
    const running = await livingOwnerOf(join(root, 'redis'));
    if (running !== undefined) throw new UserError(problem(running));
    const claimed: string[] = [];
    const claim = async (directory: string): Promise<void> => {
      await claimDirectory(directory, problem);
      claimed.push(directory);
    };
    try {
      await claim(root);
      const nodes = await findNodes(root, fallbackHosts(config), say);
      for (const { directory } of nodes) await claim(directory);
      if (nodes.length === 0) say('Nothing to remove');
      report(await removeNodes(nodes, { root, given: config.dockerHosts, force, volumes, say }), force, say);
      if (names.includes('tls')) say(`The data of the cluster stays in ${root}`);
    } finally {
      for (const directory of claimed) await releaseDirectory(directory);
    }
    return 0;
  },
};

/** Where a node without a record may have containers. */
function fallbackHosts({ runtime, dockerHosts }: Config): readonly string[] {
  if (runtime === 'hollow') return [];
  return dockerHosts.length > 0 ? dockerHosts : [defaultDockerHost()];
}

const WAYS_OUT =
  'Start that Docker Engine, or name its new address with --docker-host, and run symphony down again; with --force its containers are forgotten';

function report(problems: readonly RemovalProblem[], force: boolean, say: (line: string) => void): void {
  if (problems.length === 0) return;
  if (force) return problems.forEach(({ problem }) => say(`forgotten (--force): ${problem}`));
  const text = [...problems.map(({ problem }) => problem), WAYS_OUT].join('\n');
  throw problems.every(({ type }) => type === 'away') ? new TransientError(text) : new UserError(text);
}

/** A control plane makes these first. Names alone prove nothing: /etc has a redis, too. */
const MARKS = [join('tls', 'ca.crt'), 'address-ranges.json', 'leader.json', join('redis', 'appendonlydir')];
/** All that a start leaves that failed at once. */
const EARLY = ['agents', 'redis', 'tls'];

/** Reads the data directory; throws UserError for any other directory. */
async function namesIn(root: string): Promise<readonly string[]> {
  const names = await readdir(root).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new UserError(`Cannot find "${root}"; set --data-dir`);
    throw error;
  });
  const isEarly = names.every((name) => EARLY.includes(name));
  if (isEarly || MARKS.some((mark) => existsSync(join(root, mark)))) return names;
  if ((await nodeNamesIn(root)).length > 0) return names;
  throw new UserError(`Cannot use "${root}": it is no data directory of symphony; set --data-dir`);
}
