/** `symphony sync [APPLICATION]`: fetch and apply now, and with --wait follow until the commit is settled. */
import { resources } from '../../client/types.ts';
import { coloursWanted } from '../../config/index.ts';
import { isRecord } from '../../base/json.ts';
import type { Application } from '../../schemas/types.ts';
import { connect, splitApplication } from '../api-connection.ts';
import type { CommandModule } from '../command.ts';
import { addConfigFlags } from '../config-flags.ts';
import { isSettled } from '../output/application-table.ts';
import { createColours } from '../output/colours.ts';
import { followApplications } from '../watch-applications.ts';

export const syncCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'client');
    command
      .argument('[application]', 'name or namespace/name', 'root')
      .option('--wait', 'follow until the commit has succeeded or failed');
  },
  async run(invocation) {
    const { io, args, flags, signal } = invocation;
    const { namespace, name } = splitApplication(args[0] ?? 'root');
    const client = await connect(invocation);
    try {
      const patch = {
        metadata: { annotations: { 'argocd.argoproj.io/refresh': 'hard' } },
        operation: { sync: {}, initiatedBy: { username: 'symphony sync' } },
      };
      await client.patch<Application>(resources.applications, namespace, name, patch);
      io.stdout.write(`Sync of ${namespace}/${name} requested\n`);
      if (flags['wait'] !== true) return 0;
      const taken = ({ operation, metadata }: Application): boolean =>
        !isRecord(operation) && metadata.annotations?.['argocd.argoproj.io/refresh'] === undefined;
      return await followApplications({
        client,
        io,
        colours: createColours(coloursWanted(io.stdout)),
        signal,
        selects: ({ metadata }) => metadata.name === name && metadata.namespace === namespace,
        done: (applications) =>
          applications.every((application) => taken(application) && isSettled(application)),
      });
    } finally {
      client[Symbol.dispose]();
    }
  },
};
