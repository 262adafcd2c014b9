/**
 * The cluster of a client command: `--kubeconfig`, `$KUBECONFIG`, or the one in the data directory.
 * `--server` and `--token-file` override it, as in kubectl.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { systemClock } from '../../base/clock.ts';
import { UserError } from '../../base/errors.ts';
import { silentLogger } from '../../base/logger.ts';
import { type HttpApiClient, fromKubeconfig } from '../../client/http.ts';
import type { Config } from '../../config/index.ts';
import type { Invocation } from '../run/command.ts';
import { configFrom } from '../run/config-flags.ts';

export async function connect(invocation: Invocation): Promise<HttpApiClient> {
  const config = configFrom(invocation, 'client');
  const path = kubeconfigPath(config);
  const { server, tokenFile } = config;
  const overrides = {
    ...(server === undefined ? {} : { server }),
    ...(tokenFile === undefined ? {} : { token: await readToken(tokenFile) }),
  };
  try {
    return await fromKubeconfig(path, { clock: systemClock, logger: silentLogger }, overrides);
  } catch (error) {
    const { code, syscall, message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    const problem =
      code === 'ENOENT'
        ? `Cannot find kubeconfig "${path}"; start "symphony up", or name one with --kubeconfig`
        : `Cannot read kubeconfig "${path}": ${message}`;
    throw new UserError(problem, { cause: error });
  }
}

async function readToken(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new UserError(`Cannot read the file of --token-file: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

/** The kubeconfig that a client command uses. */
export function kubeconfigPath({ kubeconfig, dataDir }: Pick<Config, 'kubeconfig' | 'dataDir'>): string {
  return kubeconfig ?? join(dataDir, 'kubeconfig');
}

/** `name` or `namespace/name` of an Application. */
export function splitApplication(text: string): { readonly namespace: string; readonly name: string } {
  const [first = '', second, ...more] = text.split('/');
  if (first === '' || second === '' || more.length > 0)
    throw new UserError(`Cannot use "${text}": give an application as NAME or NAMESPACE/NAME`);
  return second === undefined
    ? { namespace: 'symphony-system', name: first }
    : { namespace: first, name: second };
}
