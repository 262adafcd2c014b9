/** `symphony status [APPLICATION]`: progress of the newest commit; `--watch` follows it. */
import { resources } from '../../client/types.ts';
import { coloursWanted } from '../../config/index.ts';
import type { Application } from '../../schemas/types.ts';
import { connect, splitApplication } from '../cluster/api-connection.ts';
import type { CommandModule } from '../run/command.ts';
import { addConfigFlags, outputOption } from '../run/config-flags.ts';
import { hasFailed, renderApplications } from '../output/application-table.ts';
import { createColours } from '../output/colours.ts';
import { followApplications } from '../cluster/watch-applications.ts';
import { renderJson } from '../output/json.ts';

export const statusCommand: CommandModule = {
  configure(command) {
    addConfigFlags(command, 'client');
    command
      .argument('[application]', 'name or namespace/name; all when left out')
      .option('-w, --watch', 'follow until every application is settled')
      .addOption(outputOption());
  },
  async run(invocation) {
    const { io, args, flags, signal } = invocation;
    const colours = createColours(coloursWanted(io.stdout));
    const wanted = args[0] === undefined ? undefined : splitApplication(args[0]);
    const selects = ({ metadata }: Application): boolean =>
      wanted === undefined || (metadata.name === wanted.name && metadata.namespace === wanted.namespace);
    using client = await connect(invocation);
    if (wanted) await client.get<Application>(resources.applications, wanted.namespace, wanted.name);
    const json = flags['output'] === 'json';
    if (flags['watch'] === true)
      return await followApplications({ client, io, colours, signal, selects, json });
    const { items } = await client.list<Application>(resources.applications);
    const shown = items.filter(selects);
    io.stdout.write(json ? renderJson(shown) : renderApplications(shown, colours));
    return shown.some(hasFailed) ? 1 : 0;
  },
};
