/** The cluster that a client command speaks to: `--kubeconfig`, or the one in the data directory. */
import { join } from 'node:path';
import { systemClock } from '../base/clock.ts';
import { UserError } from '../base/errors.ts';
import { silentLogger } from '../base/logger.ts';
import { type HttpApiClient, fromKubeconfig } from '../client/http.ts';
import type { Invocation } from './command.ts';
import { configFrom } from './config-flags.ts';

export async function connect(invocation: Invocation): Promise<HttpApiClient> {
  const config = configFrom(invocation, 'client');
  const path = config.kubeconfig ?? join(config.dataDir, 'kubeconfig');
  try {
    return await fromKubeconfig(path, { clock: systemClock, logger: silentLogger });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new UserError(
      `Cannot find kubeconfig "${path}"; start "symphony up", or name one with --kubeconfig`,
    );
  }
}

/** `name` or `namespace/name` of an Application. */
export function splitApplication(text: string): { readonly namespace: string; readonly name: string } {
  const [first = '', second] = text.split('/');
  return second === undefined
    ? { namespace: 'symphony-system', name: first }
    : { namespace: first, name: second };
}
