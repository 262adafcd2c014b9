/** `symphony apps`: every application with its sync, health and commit status. */
import { resources } from '../../client/types.ts';
import { coloursWanted } from '../../config/index.ts';
import type { Application } from '../../schemas/types.ts';
import { connect } from '../cluster/api-connection.ts';
import type { CommandModule } from '../run/command.ts';
import { addConfigFlags, outputOption } from '../run/config-flags.ts';
import { renderApplications } from '../output/application-table.ts';
import { createColours } from '../output/colours.ts';
import { renderJson } from '../output/json.ts';

export const appsCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'client');
    command.addOption(outputOption());
  },
  async run(invocation) {
    const { io, flags } = invocation;
    using client = await connect(invocation);
    const { items } = await client.list<Application>(resources.applications);
    if (flags['output'] === 'json') io.stdout.write(renderJson(items));
    else io.stdout.write(renderApplications(items, createColours(coloursWanted(io.stdout))));
    return 0;
  },
};
