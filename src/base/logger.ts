/**
 * All logs are pino lines: a static message plus fields, never a secret. They are JSON, or text for people at a terminal.
 * Components take a {@link Logger} as a parameter and call `child({ component })`.
 */
import { type DestinationStream, pino } from 'pino';
import { logText } from './log-text.ts';
import { printableJson } from './printable.ts';

export type LogFields = Readonly<Record<string, unknown>>;

export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  child(bindings: LogFields): Logger;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Field names whose values never reach a log line. */
const REDACTED = ['token', 'password', 'secret', 'authorization', '*.token', '*.password', '*.secret'];

export interface LoggerOptions {
  readonly level: LogLevel;
  /** Text when given, JSON otherwise. */
  readonly text?: { readonly colours: boolean };
  /** Standard error when left out. */
  readonly destination?: DestinationStream;
}

export function createLogger({ level, text, destination }: LoggerOptions): Logger {
  const root = pino(
    {
      level,
      base: null,
      redact: REDACTED,
      serializers: { error: pino.stdSerializers.err },
      hooks: { streamWrite: (line) => (text ? logText(line, text) : printableJson(line)) },
    },
    destination ?? pino.destination(2),
  );
  return withBindings(root, {});
}

/** pino would write a binding of parent and child twice: here the later one stands for both, as do those of a message. */
function withBindings(root: Pick<Logger, LogMethod>, bindings: LogFields): Logger {
  const say =
    (method: LogMethod) =>
    (fields: LogFields, message: string): void =>
      root[method]({ ...bindings, ...fields }, message);
  return {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    child: (more) => withBindings(root, { ...bindings, ...more }),
  };
}

type LogMethod = 'debug' | 'info' | 'warn' | 'error';

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
