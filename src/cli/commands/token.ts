/**
 * `symphony token create|list|delete`: bootstrap tokens, with which agents join. They are Secrets
 * of the cluster, so that every API server knows them and expired ones are removed. `--node-name`
 * makes a token for one node beside the control plane's data instead, for hosts that cannot have a
 * certificate.
 */
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Argument } from 'commander';
import { createBootstrapToken } from '../../api/authn/bootstrap-tokens.ts';
import { openTokenTable } from '../../api/authn/token-table.ts';
import { systemClock, toRfc3339 } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import { readKubeconfig } from '../../client/kubeconfig.ts';
import { resources } from '../../client/types.ts';
import { parseDuration } from '../../config/values.ts';
import {
  BOOTSTRAP_NAMESPACE,
  BOOTSTRAP_PREFIX,
  BOOTSTRAP_TYPE,
  bootstrapExpiryMs,
  bootstrapField,
} from '../../schemas/bootstrap-token.ts';
import { isStatusError } from '../../schemas/errors/status.ts';
import type { Secret } from '../../schemas/types.ts';
import { formatJoinToken } from '../../server/identity/join-token.ts';
import { connect, kubeconfigPath } from '../cluster/api-connection.ts';
import type { CommandModule, Invocation } from '../run/command.ts';
import { addConfigFlags, configFrom } from '../run/config-flags.ts';
import { renderTokens, type TokenRow } from '../output/token-table.ts';

const USAGES = ['authentication', 'signing'];

export const tokenCommand: CommandModule = {
  configure(command) {
    command.addArgument(new Argument('<action>', 'what to do').choices(['create', 'list', 'delete']));
    command.argument('[ID]', 'the token to delete');
    command.option('--ttl <DURATION>', 'how long the token is valid; 0 for ever', '24h');
    command.option('--description <TEXT>', 'what the token is for');
    command.option('--usages <LIST>', `what the token is good for: ${USAGES.join(', ')}`, USAGES.join(','));
    command.option('--node-name <NAME>', 'make a token for one node that never asks for a certificate');
    addConfigFlags(command, 'client');
  },
  async run(invocation) {
    const [action = '', id, ...more] = invocation.args;
    if (more.length > 0 || (id !== undefined && action !== 'delete'))
      throw new UserError(`Cannot "token ${action}": too many arguments`);
    if (action === 'list') await list(invocation);
    else if (action === 'delete') await remove(invocation, id);
    else if (invocation.flags['nodeName'] === undefined) await create(invocation);
    else await createForNode(invocation);
    return 0;
  },
};

async function create(invocation: Invocation): Promise<void> {
  const { description } = invocation.flags;
  const ttlMs = ttlOf(invocation);
  const usages = usagesOf(invocation);
  const { id, secret, secretObject } = createBootstrapToken({
    expiresAtMs: ttlMs === 0 ? undefined : systemClock.now() + ttlMs,
    description: typeof description === 'string' ? description : undefined,
  });
  using client = await connect(invocation);
  const path = kubeconfigPath(configFrom(invocation, 'client'));
  const { ca } = await readKubeconfig(path);
  if (ca === undefined) throw new UserError(`Cannot make a join token: "${path}" names no authority`);
  await client.create(resources.secrets, { ...secretObject, data: usable(secretObject, usages) });
  invocation.io.stdout.write(`${formatJoinToken({ secret: `${id}.${secret}`, caPem: ca })}\n`);
}

function ttlOf({ flags }: Invocation): number {
  const text = String(flags['ttl'] ?? '');
  try {
    return text === '0' ? 0 : parseDuration(text);
  } catch (error) {
    throw new UserError(`--ttl: invalid value "${text}": ${(error as Error).message}`, { cause: error });
  }
}

function usagesOf({ flags }: Invocation): readonly string[] {
  const usages = String(flags['usages'] ?? '')
    .split(',')
    .map((usage) => usage.trim());
  const unknown = usages.find((usage) => !USAGES.includes(usage));
  if (unknown === undefined) return usages;
  throw new UserError(`--usages: invalid value "${unknown}": must be one of ${USAGES.join(', ')}`);
}

function usable({ data = {} }: Secret, usages: readonly string[]): Record<string, string> {
  const unwanted = USAGES.filter((usage) => !usages.includes(usage)).map(
    (usage) => `usage-bootstrap-${usage}`,
  );
  return Object.fromEntries(Object.entries(data).filter(([key]) => !unwanted.includes(key)));
}

async function list(invocation: Invocation): Promise<void> {
  using client = await connect(invocation);
  const { items } = await client.list<Secret>(resources.secrets, {
    namespace: BOOTSTRAP_NAMESPACE,
    fieldSelector: `type=${BOOTSTRAP_TYPE}`,
  });
  invocation.io.stdout.write(renderTokens(items.map(rowOf), systemClock.now()));
}

function rowOf(secret: Secret): TokenRow {
  const expiresAtMs = bootstrapExpiryMs(secret);
  return {
    id: bootstrapField(secret, 'token-id'),
    expiresAtMs,
    expires: expiresAtMs === undefined ? undefined : toRfc3339(expiresAtMs),
    usages: USAGES.filter((usage) => bootstrapField(secret, `usage-bootstrap-${usage}`) === 'true'),
    description: bootstrapField(secret, 'description'),
  };
}

/** The id alone, or a token that begins with it. */
async function remove(invocation: Invocation, text = ''): Promise<void> {
  const [id = ''] = text.split('.');
  if (!/^[a-z0-9]{6}$/.test(id))
    throw new UserError('Cannot delete a token: name it by its id, as "symphony token list" shows it');
  using client = await connect(invocation);
  try {
    await client.delete(resources.secrets, BOOTSTRAP_NAMESPACE, `${BOOTSTRAP_PREFIX}${id}`);
  } catch (error) {
    if (!isStatusError(error, 'NotFound')) throw error;
    throw new UserError(`Cannot delete token "${id}": there is none`, { cause: error });
  }
  invocation.io.stdout.write(`token "${id}" deleted\n`);
}

async function createForNode(invocation: Invocation): Promise<void> {
  const root = resolve(configFrom(invocation, 'client').dataDir);
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
}
