/** Puts the options of src/config on a command, and hands what was given back to loadConfig. */
import { type Command, Option } from 'commander';
import {
  type Config,
  type ConfiguredCommand,
  environmentName,
  loadConfig,
  options,
} from '../../config/index.ts';
import { OTHER_GROUP } from './help.ts';
import type { Invocation } from './command.ts';

export function addConfigFlags(command: Command, name: ConfiguredCommand): void {
  for (const spec of options) {
    if (!spec.commands.includes(name)) continue;
    const choices = spec.choices ? ` (${spec.choices.join(', ')})` : '';
    const fallback = spec.fallback === undefined ? '' : ` [default: ${spec.fallback}]`;
    const description = `${spec.description}${choices}${fallback} (env: ${environmentName(spec)})`;
    const option = new Option(`--${spec.flag} <${spec.placeholder}>`, description).helpGroup(
      `${spec.group}:`,
    );
    if (spec.list)
      option.argParser((value: string, previous: string[] | undefined) => [...(previous ?? []), value]);
    command.addOption(option);
  }
  const file = 'YAML file with options, such as "pollInterval: 1m" (env: SYMPHONY_CONFIG)';
  command.addOption(new Option('--config <FILE>', file).helpGroup(OTHER_GROUP));
}

/** For a command that answers people and programs. */
export const outputOption = (): Option =>
  new Option('-o, --output <format>', 'form of the result').choices(['text', 'json']).default('text');

export function configFrom(invocation: Invocation, command: ConfiguredCommand): Config {
  const flags: Record<string, string | readonly string[]> = {};
  for (const [name, value] of Object.entries(invocation.flags)) {
    if (value !== undefined && typeof value !== 'boolean') flags[name] = value;
  }
  return loadConfig({ command, flags });
}
