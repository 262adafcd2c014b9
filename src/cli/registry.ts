/** Every command, in the order of the help. To add one: a file under commands/ and a line here. */
import type { CommandEntry } from './command.ts';

export const commands: ReadonlyMap<string, CommandEntry> = new Map<string, CommandEntry>([
  [
    'validate',
    {
      summary: 'check manifests without a cluster',
      load: async () => (await import('./commands/validate.ts')).validateCommand,
    },
  ],
]);
