/** The shape of an option, and the parsers that several options share. */
import type { Config, ConfiguredCommand } from './config.ts';

/** The subjects of options, in the order in which the help shows them. */
export const optionGroups = [
  'Git',
  'Cluster',
  'Nodes',
  'API',
  'State',
  'Network',
  'Security',
  'Autoscaling',
  'Webhooks and commit statuses',
  'Limits of the API',
  'Logs',
] as const;
export type OptionGroup = (typeof optionGroups)[number];

export interface OptionSpec<Key extends keyof Config = keyof Config> {
  /** Field of {@link Config}. */
  readonly field: Key;
  /** The flag without its dashes. */
  readonly flag: string;
  /** The placeholder of the value in the help. */
  readonly placeholder: string;
  readonly description: string;
  readonly group: OptionGroup;
  readonly commands: readonly ConfiguredCommand[];
  /** As text, parsed like any other; absent: undefined (or empty, for a list). */
  readonly fallback?: string;
  /** May be given several times; commas separate values in the environment. */
  readonly list?: true;
  /** A relative path in the configuration file is relative to that file. */
  readonly isPath?: true;
  readonly choices?: readonly string[];
  /** A variable of other programs that counts if neither this nor the option `unless` is given. */
  readonly standardVariable?: { readonly name: string; readonly unless: keyof Config };
  parse(text: string): unknown;
}

/**
 * An option as its file states it. Default: the group of the file (options.ts), the commands that
 * run a control plane, and one of the choices or any text.
 */
export type GivenSpec = Omit<OptionSpec, 'group' | 'commands' | 'parse'> &
  Partial<Pick<OptionSpec, 'group' | 'commands' | 'parse'>>;

export const text = (value: string): string => {
  if (value === '') throw new Error('must not be empty');
  return value;
};
export const oneOf =
  (choices: readonly string[]) =>
  (value: string): string => {
    if (!choices.includes(value)) throw new Error(`must be one of ${choices.join(', ')}`);
    return value;
  };
/** Commands that run a control plane, that reach an engine, that stay and log; all of them. */
export const SERVERS: readonly ConfiguredCommand[] = ['up', 'control-plane'];
export const ENGINES: readonly ConfiguredCommand[] = ['up', 'agent', 'down'];
export const DAEMONS: readonly ConfiguredCommand[] = ['up', 'control-plane', 'agent'];
export const EVERY: readonly ConfiguredCommand[] = ['up', 'control-plane', 'agent', 'down', 'client'];
