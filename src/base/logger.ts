/**
 * All logs are pino lines: a static message plus fields, never a secret. A repeated failure is
 * logged with back-off and its number. docs/ARCHITECTURE.md lists fields and levels.
 */
import { type DestinationStream, type Logger as PinoLogger, pino } from 'pino';
import { systemClock } from './clock.ts';
import { errorMessage, isDefect, messageWithCauses } from './errors.ts';
import { createLogBrake } from './log-brake.ts';
import { logText } from './log-text.ts';
import { printableJson } from './printable.ts';
import { cutMiddle } from './text.ts';

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
  /** The system's clock when left out. */
  readonly nowMs?: () => number;
}

/** Fields that name the subject of a line. Failures of different subjects are no repetitions. */
const SUBJECTS = [
  ...['application', 'node', 'pod', 'container', 'image', 'repository', 'resource', 'key', 'queue', 'forge'],
  ...[
    'server',
    'path',
    'file',
    'lease',
    'secretName',
    'condition',
    'errors',
    'problem',
    'why',
    'reason',
    'incident',
  ],
];
/** Beginning and end of a text are compared, as far as this. */
const MAX_COMPARED = 200;

export function createLogger({ level, text, destination, nowMs = systemClock.now }: LoggerOptions): Logger {
  const root = pino(
    {
      level,
      base: null,
      redact: REDACTED,
      serializers: { error: loggedError },
      hooks: { streamWrite: (line) => (text ? logText(line, text) : printableJson(line)) },
    },
    destination ?? standardError(),
  );
  const brake = createLogBrake();
  return withBindings(root, {}, (fields, message) => {
    const times = brake.pass(nowMs(), repetitionKey(fields, message));
    return times === undefined ? undefined : times === 1 ? fields : { ...fields, times };
  });
}

/** Leaves other properties out: clients attach requests to errors, passwords included. */
function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const message = messageWithCauses(error);
  return isDefect(error) ? { type: error.constructor.name, message, stack: error.stack } : message;
}

/** Log lines that wait while standard error cannot be written to. More are dropped. */
const MAX_WAITING_BYTES = 1024 * 1024;

/** A full disk below a redirected log, or a terminal that is gone, must not end the process. */
function standardError(): DestinationStream {
  const stream = pino.destination({ fd: 2, sync: true, maxLength: MAX_WAITING_BYTES });
  stream.on('error', () => undefined);
  return stream;
}

function repetitionKey(fields: LogFields, message: string): string {
  const { component, error } = fields;
  const subjects = SUBJECTS.map((name) => cutMiddle(subjectText(fields[name]), MAX_COMPARED));
  // Times, ports and counts within a text make no other failure.
  const cause =
    error === undefined ? '' : cutMiddle(errorMessage(error), MAX_COMPARED).replaceAll(/\d+/g, '0');
  return JSON.stringify([component, message, cause, ...subjects]);
}

const subjectText = (value: unknown): string =>
  typeof value === 'string' ? value : Array.isArray(value) ? value.join('\n') : '';

/** The fields to log, or undefined where the line is a repetition that says nothing new. */
type OnlyNews = (fields: LogFields, message: string) => LogFields | undefined;

/** pino would write a field of parent and child twice. Here the later one replaces the earlier. */
function withBindings(root: PinoLogger, bindings: LogFields, onlyNews: OnlyNews): Logger {
  const say =
    (method: LogMethod) =>
    (fields: LogFields, message: string): void => {
      // A line that nobody sees must not hold back one that is to be seen.
      if (!root.isLevelEnabled(method)) return;
      const all = { ...bindings, ...fields };
      const isFailure = method === 'warn' || method === 'error' || fields['error'] !== undefined;
      const said = isFailure ? onlyNews(all, message) : all;
      if (said) root[method](said, message);
    };
  return {
    debug: say('debug'),
    info: say('info'),
    warn: say('warn'),
    error: say('error'),
    child: (more) => withBindings(root, { ...bindings, ...more }, onlyNews),
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
