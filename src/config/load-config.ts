/** The only reader of the environment: collects it and the file for {@link resolveConfig}. */
import { readFileSync } from 'node:fs';
import { errorMessage, UserError } from '../base/errors.ts';
import type { Config } from './config.ts';
import { type ConfigInputs, resolveConfig } from './resolve-config.ts';

/** `flags.config` or SYMPHONY_CONFIG names the file. Throws UserError with one problem per line. */
export function loadConfig(inputs: Pick<ConfigInputs, 'command' | 'flags'>): Config {
  const env = process.env;
  const flag = inputs.flags['config'];
  const path = typeof flag === 'string' ? flag : env['SYMPHONY_CONFIG'];
  if (path === undefined || path === '') return resolveConfig({ ...inputs, env });
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    const from = typeof flag === 'string' ? '--config' : 'SYMPHONY_CONFIG';
    throw new UserError(`${from}: cannot read "${path}": ${errorMessage(error)}`, { cause: error });
  }
  return resolveConfig({ ...inputs, env, file: { path, bytes } });
}

/** Whether `stream` may be coloured: a terminal, and not forbidden (https://no-color.org). */
export function coloursWanted(stream: { readonly isTTY?: boolean }): boolean {
  const { NO_COLOR: no, FORCE_COLOR: force, TERM: term } = process.env;
  if (no !== undefined && no !== '') return false;
  if (force !== undefined && force !== '' && force !== '0') return true;
  return stream.isTTY === true && term !== 'dumb';
}
