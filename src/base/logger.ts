/**
 * All logs are pino JSON lines: a static message plus fields, never a secret. Components take a {@link Logger}
 * as a parameter and call `child({ component })`.
 */
import { type DestinationStream, pino } from 'pino';
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

export function createLogger(level: LogLevel, destination?: DestinationStream): Logger {
  const options = {
    level,
    base: null,
    redact: REDACTED,
    serializers: { error: pino.stdSerializers.err },
    hooks: { streamWrite: printableJson },
  };
  return destination ? pino(options, destination) : pino(options, pino.destination(2));
}

export const silentLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  child: () => silentLogger,
};
