/** The flags that each command really has, for tests of texts that name them. */
import { Command } from 'commander';
import { commands } from '../../src/cli/registry.ts';

export async function flagsOfCommands(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const flags = await Promise.all(
    [...commands].map(async ([name, entry]) => {
      const command = new Command(name);
      (await entry.load()).configure(command);
      const long = command.options.flatMap((option) => (option.long == null ? [] : [option.long]));
      return [name, new Set([...long, '--help'])] as const;
    }),
  );
  return new Map(flags);
}

/**
 * The calls of `symphony` in a shell text: their command, and the flags that they name. Continued
 * lines are one.
 */
export function callsIn(
  text: string,
): readonly { readonly command: string; readonly flags: readonly string[] }[] {
  return text
    .replaceAll(/\\\n\s*/g, ' ')
    .split(/\n|&&|[;|]|\$\(/)
    .flatMap((line) => {
      const [, command, rest = ''] = /(?:^|[\s`=/])symphony ([a-z][a-z-]*)\b(.*)/.exec(line) ?? [];
      if (command === undefined) return [];
      return [{ command, flags: flagsIn(rest.split(/ # |`/)[0] ?? '') }];
    });
}

export const flagsIn = (text: string): readonly string[] =>
  [...text.matchAll(/(?<![-\w])--[a-z][a-z0-9-]*/g)].map(([flag]) => flag);
