/**
 * Caddy on this host. It outlives the agent, and starts with the configuration that it took last, so
 * that it serves on after a crash of either. Configurations are loaded over a unix socket in a
 * private directory. Caddy keeps the one it has where it refuses another.
 */
import { request, type IncomingMessage } from 'node:http';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { uninterrupted } from '../../base/abort.ts';
import { signalDetached } from '../../base/child-processes/detached-process.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { ensurePrivateFile, readIfThere, writePrivateFile } from '../../base/private-file.ts';
import { createDetachedProgram } from '../detached-program.ts';
import { programPath } from '../run-program.ts';
import { ADMIN_HOST, ADMIN_SOCKET } from './render-caddy.ts';

export interface CaddyProcess extends AsyncDisposable {
  /** The configuration that it serves; undefined while it does not run. */
  readonly loaded: string | undefined;
  /** Does nothing if it was started before. `first` is what it begins with if it has nothing else. */
  start(first: string): void;
  /** Throws an Error with its complaint where it refuses. */
  load(config: string): Promise<void>;
  /** Ends it, and forgets its configuration. */
  stop(): Promise<void>;
}

export interface CaddyProcessOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onUp: () => void;
  readonly onDown: (reason: string) => void;
}

const CONFIG_FILE = 'config.json';
/** Changes with the way in which it is started: the next agent then starts it anew. */
const VERSION = '1';
/** Caddy waits for requests that began with the old configuration: GRACE of render-caddy.ts. */
const LOAD_TIMEOUT_MS = 90_000;
/** Caddy opens its socket soon after its start. Later, somebody has removed the socket. */
const OPENS_WITHIN_MS = 10_000;
const OPEN_POLL_MS = 100;
const IS_CLOSED = /ENOENT|ECONNREFUSED/;
/** The beginning of its complaint. */
const MAX_COMPLAINT_BYTES = 4_000;

export function createCaddyProcess(options: CaddyProcessOptions): CaddyProcess {
  const { directory, onUp, onDown } = options;
  const file = join(directory, CONFIG_FILE);
  let loaded: string | undefined;
  let beginning = '{}';
  const env = { PATH: programPath, HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory };

  const program = createDetachedProgram({
    ...options,
    async command() {
      await ensurePrivateFile(file, () => beginning);
      return {
        name: 'caddy',
        version: VERSION,
        program: 'caddy',
        args: ['run', '--config', CONFIG_FILE],
        env,
      };
    },
    onUp: () => {
      void readIfThere(file).then((text) => {
        loaded = text;
        onUp();
      });
    },
    onDown(reason) {
      loaded = undefined;
      onDown(reason);
    },
  });

  return {
    get loaded() {
      return program.process ? loaded : undefined;
    },
    start(first) {
      beginning = first;
      program.start();
    },
    async load(config) {
      const { process } = program;
      if (!process) throw new Error('Caddy does not run');
      // A path below /proc is short: that of a socket has 107 bytes at most.
      const socket = `/proc/${process.pid}/cwd/${ADMIN_SOCKET}`;
      const until = options.clock.now() + OPENS_WITHIN_MS;
      for (let isDone = false; !isDone; )
        try {
          await post(socket, config);
          isDone = true;
        } catch (error) {
          if (!IS_CLOSED.test(errorMessage(error))) throw error;
          if (!program.process) throw new Error('Caddy does not run', { cause: error });
          if (options.clock.now() > until) {
            // It is started again, and makes its socket anew.
            await signalDetached(process, 'SIGTERM');
            throw new Error('Caddy has no admin socket any more; it is started again', { cause: error });
          }
          await sleep(options.clock, OPEN_POLL_MS, uninterrupted);
        }
      await writePrivateFile(file, config);
      loaded = config;
    },
    async stop() {
      await program.stop();
      loaded = undefined;
      await rm(file, { force: true });
    },
    [Symbol.asyncDispose]: program[Symbol.asyncDispose],
  };
}

function post(socketPath: string, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const asked = request({
      socketPath,
      path: '/load',
      method: 'POST',
      headers: {
        host: ADMIN_HOST,
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
      },
      timeout: LOAD_TIMEOUT_MS,
    });
    asked.once('timeout', () => asked.destroy(new Error('Caddy does not answer')));
    asked.once('error', reject);
    asked.once('response', (answer) => {
      complaintOf(answer).then(
        (complaint) => (answer.statusCode === 200 ? resolve() : reject(new Error(complaint))),
        reject,
      );
    });
    asked.end(body);
  });
}

/** `{"error":"loading config: …"}` */
async function complaintOf(answer: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of answer) if (text.length < MAX_COMPLAINT_BYTES) text += String(chunk);
  try {
    const { error } = JSON.parse(text) as { error?: unknown };
    return typeof error === 'string' ? error : text;
  } catch (error) {
    return text || errorMessage(error);
  }
}
