/** `symphony token create`: a token for an agent, made beside the control plane's data. */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { openTokenTable } from '../../api/authn/token-table.ts';
import { UserError } from '../../base/errors.ts';
import { formatJoinToken } from '../../server/join-token.ts';
import type { CommandModule } from '../command.ts';
import { addConfigFlags, configFrom } from '../config-flags.ts';

export const tokenCommand: CommandModule = {
  configure(command) {
    command.argument('<action>', 'create');
    command.requiredOption('--node-name <NAME>', 'the node that the token is for');
    addConfigFlags(command, 'client');
  },
  async run(invocation) {
    if (invocation.args[0] !== 'create')
      throw new UserError(`Cannot "token ${invocation.args[0] ?? ''}": only "create" is known`);
    const { dataDir } = configFrom(invocation, 'client');
    const root = resolve(dataDir);
    let caPem: string;
    try {
      caPem = await readFile(join(root, 'tls', 'ca.crt'), 'utf8');
    } catch (error) {
      throw new UserError(`Cannot find a control plane in "${root}": start it once, or set --data-dir`, {
        cause: error,
      });
    }
    const tokens = await openTokenTable(join(root, 'tokens.json'));
    const user = `system:node:${String(invocation.flags['nodeName'])}`;
    const secret = await tokens.issue(user, ['system:nodes', 'system:authenticated']);
    invocation.io.stdout.write(`${formatJoinToken({ secret, caPem })}\n`);
    return 0;
  },
};
