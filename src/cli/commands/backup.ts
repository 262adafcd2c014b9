/** `symphony backup volume NAMESPACE/CLAIM`: the data of a local volume as a tar stream. */
import { Argument } from 'commander';
import { UserError } from '../../base/errors.ts';
import { connect } from '../cluster/api-connection.ts';
import { openArchive, receiveArchive, sizeText, splitClaim } from '../cluster/volume-archive.ts';
import { progressOn } from '../output/progress.ts';
import type { CommandModule } from '../run/command.ts';
import { addConfigFlags } from '../run/config-flags.ts';

export const backupCommand: CommandModule = {
  configure(command) {
    command.addArgument(new Argument('<what>', 'what to back up').choices(['volume']));
    command.argument('<NAMESPACE/CLAIM>', 'the claim of the volume');
    addConfigFlags(command, 'client');
  },
  async run(invocation) {
    const { io, args, signal } = invocation;
    const claim = splitClaim(args[1] ?? '');
    if (io.stdout.isTTY === true)
      throw new UserError(
        `The archive is not for a terminal: symphony backup volume ${claim.namespace}/${claim.name} > FILE.tar`,
      );
    using client = await connect(invocation);
    const socket = await openArchive(client.connection, claim, 'backup', signal);
    const progress = progressOn(io.stderr);
    const bytes = await receiveArchive(socket, io.stdout, progress.show).finally(progress.end);
    io.stderr.write(`${claim.namespace}/${claim.name}: ${sizeText(bytes)} backed up\n`);
    return 0;
  },
};
