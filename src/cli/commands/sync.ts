/**
 * `symphony sync [APPLICATION]`: fetches and applies now. `--wait` follows until this very sync has
 * ended and its commit has succeeded or failed. The request carries an id, so that an earlier
 * sync's result is never taken for this one's.
 */
import { systemRng } from '../../base/rng.ts';
import { resources } from '../../client/types.ts';
import { coloursWanted } from '../../config/index.ts';
import type { Application } from '../../schemas/types.ts';
import { connect, splitApplication } from '../cluster/api-connection.ts';
import type { CommandModule } from '../run/command.ts';
import { addConfigFlags, outputOption } from '../run/config-flags.ts';
import { hasEnded, hasTaken, isSettled } from '../output/application-table.ts';
import { createColours } from '../output/colours.ts';
import { followApplications } from '../cluster/watch-applications.ts';
import { renderJson } from '../output/json.ts';

export const syncCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'client');
    command
      .argument('[application]', 'name or namespace/name', 'root')
      .option('--prune', 'delete what Git no longer holds, also where that is not automated')
      .option('--wait', 'follow until the commit has succeeded or failed')
      .addOption(outputOption());
  },
  async run(invocation) {
    const { io, args, flags, signal } = invocation;
    const { namespace, name } = splitApplication(args[0] ?? 'root');
    const json = flags['output'] === 'json';
    using client = await connect(invocation);
    const request = systemRng.uuid();
    const patch = {
      metadata: { annotations: { 'argocd.argoproj.io/refresh': 'hard' } },
      operation: {
        sync: flags['prune'] === true ? { prune: true } : {},
        initiatedBy: { username: 'symphony sync' },
        info: [{ name: 'symphony.dev/request', value: request }],
      },
    };
    const patched = await client.patch<Application>(resources.applications, namespace, name, patch);
    if (flags['wait'] !== true) {
      io.stdout.write(json ? renderJson(patched) : `Sync of ${namespace}/${name} requested\n`);
      return 0;
    }
    if (!json) io.stdout.write(`Sync of ${namespace}/${name} requested\n`);
    return await followApplications({
      client,
      io,
      colours: createColours(coloursWanted(io.stdout)),
      signal,
      json,
      selects: ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
      done: (applications) =>
        applications.every(
          (application) => hasTaken(application, request) && hasEnded(application) && isSettled(application),
        ),
    });
  },
};
