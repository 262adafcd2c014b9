/** `symphony version`: what `symphony --version` prints. */
import packageJson from '../../../package.json' with { type: 'json' };
import type { CommandModule } from '../run/command.ts';

export const versionCommand: CommandModule = {
  configure: () => undefined,
  async run({ io }) {
    io.stdout.write(`${packageJson.version}\n`);
    return 0;
  },
};
