/** The logger of a long-running command: text with local times on a terminal, JSON otherwise. */
import { createLogger, type Logger } from '../../base/logger.ts';
import { type Config, coloursWanted } from '../../config/index.ts';
import type { CliIo } from '../run/command.ts';

export function commandLogger(
  { logLevel: level, logFormat }: Pick<Config, 'logLevel' | 'logFormat'>,
  { stderr }: Pick<CliIo, 'stderr'>,
): Logger {
  const isText = logFormat === 'text' || (logFormat === 'auto' && stderr.isTTY === true);
  return createLogger({ level, ...(isText ? { text: { colours: coloursWanted(stderr) } } : {}) });
}
