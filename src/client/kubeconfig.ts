/** The part of a kubeconfig that says where the current context's server is and how to identify oneself to it. */
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { load } from 'js-yaml';
import { UserError } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';

export interface KubeconfigEndpoint {
  readonly server: string;
  readonly ca?: string;
  readonly token?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/** Reads the text of the file at `path`; files that it names are relative to it. Throws UserError. */
export async function parseKubeconfig(text: string, path: string): Promise<KubeconfigEndpoint> {
  const config = load(text);
  if (!isRecord(config)) throw new UserError(`Cannot read kubeconfig "${path}": it is not a mapping`);
  const current = textOf(config['current-context']);
  const context = entry(config, 'contexts', 'context', current, path);
  const cluster = entry(config, 'clusters', 'cluster', textOf(context['cluster']), path);
  const user = entry(config, 'users', 'user', textOf(context['user']), path);
  const server = cluster['server'];
  if (typeof server !== 'string') throw new UserError(`Cannot read kubeconfig "${path}": no server is named`);
  const read = (source: Record<string, unknown>, field: string): Promise<string | undefined> =>
    material(source, field, path);
  const ca = await read(cluster, 'certificate-authority');
  const clientCert = await read(user, 'client-certificate');
  const clientKey = await read(user, 'client-key');
  const tokenFile = user['tokenFile'];
  const token =
    typeof user['token'] === 'string'
      ? user['token']
      : typeof tokenFile === 'string'
        ? (await readFile(resolve(dirname(path), tokenFile), 'utf8')).trim()
        : undefined;
  return {
    server,
    ...(ca === undefined ? {} : { ca }),
    ...(token === undefined ? {} : { token }),
    ...(clientCert === undefined ? {} : { clientCert }),
    ...(clientKey === undefined ? {} : { clientKey }),
  };
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function entry(
  config: Record<string, unknown>,
  list: string,
  member: string,
  name: string,
  path: string,
): Record<string, unknown> {
  const items: readonly unknown[] = Array.isArray(config[list]) ? config[list] : [];
  const found = items.find((item) => isRecord(item) && item['name'] === name);
  const value = isRecord(found) ? found[member] : undefined;
  if (!isRecord(value)) throw new UserError(`Cannot read kubeconfig "${path}": no ${member} "${name}"`);
  return value;
}

/** `<field>-data` (base64) wins over `<field>` (a file). */
async function material(
  source: Record<string, unknown>,
  field: string,
  path: string,
): Promise<string | undefined> {
  const data = source[`${field}-data`];
  if (typeof data === 'string') return Buffer.from(data, 'base64').toString('utf8');
  const file = source[field];
  return typeof file === 'string' ? readFile(resolve(dirname(path), file), 'utf8') : undefined;
}
