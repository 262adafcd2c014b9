/** `symphony restore volume NAMESPACE/CLAIM`: puts a tar stream into a local volume. */
import { Argument } from 'commander';
import { connect } from '../cluster/api-connection.ts';
import { openArchive, sendArchive, sizeText, splitClaim } from '../cluster/volume-archive.ts';
import { progressOn } from '../output/progress.ts';
import type { CommandModule } from '../run/command.ts';
import { addConfigFlags } from '../run/config-flags.ts';

export const restoreCommand: CommandModule = {
  configure(command) {
    command.addArgument(new Argument('<what>', 'what to restore').choices(['volume']));
    command.argument('<NAMESPACE/CLAIM>', 'the claim of the volume');
    command.option('--force', 'replace the data of a volume that is used or not empty');
    addConfigFlags(command, 'client');
  },
  async run(invocation) {
    const { io, args, signal, flags } = invocation;
    const claim = splitClaim(args[1] ?? '');
    using client = await connect(invocation);
    const socket = await openArchive(client.connection, claim, 'restore', signal, flags['force'] === true);
    const progress = progressOn(io.stderr);
    const { entries, bytes } = await sendArchive(socket, io.stdin, progress.show).finally(progress.end);
    io.stderr.write(`${claim.namespace}/${claim.name}: ${entries} entries, ${sizeText(bytes)} restored\n`);
    return 0;
  },
};
