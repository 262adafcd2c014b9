/** The server and the credentials of a kubeconfig's current context. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { delimiter, dirname, resolve } from 'node:path';
import { load } from 'js-yaml';
import { errorMessage, UserError } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';
import { asRecords, asString } from '../schemas/json-access.ts';

export interface Endpoint {
  /** `https://host:port`, perhaps with a base path. */
  readonly server: string;
  /** PEM of the server's authority; the system's authorities when absent. */
  readonly ca?: string;
  readonly token?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
}

/**
 * Reads the kubeconfig at `path`, or several files as `KUBECONFIG` lists them (`a:b`): the first
 * file that names a thing wins; missing and empty files are passed over. Paths in a kubeconfig are
 * relative to it. Throws UserError that names the file; ENOENT if there is none at all.
 */
export async function readKubeconfig(path: string): Promise<Endpoint> {
  const files = await readFiles(path);
  const current = files.map(({ config }) => asString(config['current-context'])).find((name) => name !== '');
  if (current === undefined)
    throw new UserError(`Cannot use kubeconfig "${path}": it has no current-context`);
  const context = entry(files, 'contexts', 'context', current, path).value;
  const cluster = entry(files, 'clusters', 'cluster', asString(context['cluster']), path);
  const user = entry(files, 'users', 'user', asString(context['user']), path);
  const server = cluster.value['server'];
  if (typeof server !== 'string') throw new UserError(`Cannot use kubeconfig "${path}": no server is named`);
  const ca = await material(cluster, 'certificate-authority');
  const clientCert = await material(user, 'client-certificate');
  const clientKey = await material(user, 'client-key');
  const { token: given } = user.value;
  const token = typeof given === 'string' ? given : (await fileOf(user, 'tokenFile'))?.trim();
  return {
    server,
    ...(ca === undefined ? {} : { ca }),
    ...(token === undefined ? {} : { token }),
    ...(clientCert === undefined ? {} : { clientCert }),
    ...(clientKey === undefined ? {} : { clientKey }),
  };
}

interface ConfigFile {
  readonly path: string;
  readonly config: Record<string, unknown>;
}

/** One entry of a kubeconfig, and its file. */
interface Entry {
  readonly path: string;
  readonly value: Record<string, unknown>;
}

async function readFiles(path: string): Promise<readonly ConfigFile[]> {
  // The name of a folder may hold the delimiter.
  const paths = existsSync(path) ? [path] : path.split(delimiter).filter((part) => part !== '');
  const found: ConfigFile[] = [];
  let missing: NodeJS.ErrnoException | undefined;
  let isEmpty = false;
  for (const file of paths) {
    try {
      const config = parse(await readFile(file, 'utf8'), file);
      if (config) found.push({ path: file, config });
      else isEmpty = true;
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      if (failure.code !== 'ENOENT') throw error;
      missing ??= failure;
    }
  }
  if (found.length > 0) return found;
  if (isEmpty) throw new UserError(`Cannot use kubeconfig "${path}": it is empty`);
  if (missing) throw missing;
  return found;
}

/** The parser refuses a text without a document. */
const hasContent = (text: string): boolean => text.split('\n').some((line) => !/^\s*(?:#.*)?$/.test(line));

/** Undefined for an empty file. */
function parse(text: string, path: string): Record<string, unknown> | undefined {
  let config: unknown;
  try {
    config = hasContent(text) ? load(text) : undefined;
  } catch (error) {
    throw new UserError(`Cannot read kubeconfig "${path}": ${errorMessage(error)}`, { cause: error });
  }
  if (config === undefined || config === null) return undefined;
  if (!isRecord(config)) throw new UserError(`Cannot read kubeconfig "${path}": it is not a mapping`);
  return config;
}

function entry(
  files: readonly ConfigFile[],
  list: string,
  member: string,
  name: string,
  path: string,
): Entry {
  for (const file of files) {
    const value = asRecords(file.config[list]).find((item) => item['name'] === name)?.[member];
    if (isRecord(value)) return { path: file.path, value };
  }
  throw new UserError(`Cannot use kubeconfig "${path}": no ${member} "${name}"`);
}

/** `<field>-data` (base64) wins over `<field>` (a file). */
async function material(source: Entry, field: string): Promise<string | undefined> {
  const data = source.value[`${field}-data`];
  return typeof data === 'string' ? Buffer.from(data, 'base64').toString('utf8') : fileOf(source, field);
}

async function fileOf({ path, value }: Entry, field: string): Promise<string | undefined> {
  const file = value[field];
  if (typeof file !== 'string') return undefined;
  try {
    return await readFile(resolve(dirname(path), file), 'utf8');
  } catch (error) {
    throw new UserError(`Cannot use kubeconfig "${path}": ${field}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
