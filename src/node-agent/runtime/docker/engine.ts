/** The connection to one Docker Engine. It can hang with its socket open: calls have time-outs. */
import Docker, { type ContainerCreateOptions } from 'dockerode';
import { createAbort } from '../../../base/abort.ts';
import type { Clock } from '../../../base/clock.ts';
import { RuntimeError } from '../types.ts';
import { toRuntimeError } from './engine-errors.ts';

/** Ordinary calls; the Engine answers in milliseconds unless it is overloaded or stopped. */
export const CALL_TIMEOUT_MS = 30_000;
/** Create and start take seconds under load. After it the caller looks for the name again. */
export const LIFECYCLE_TIMEOUT_MS = 120_000;

export interface EngineAddress {
  /** Path of the unix socket; wins over `host`. */
  readonly socketPath?: string | undefined;
  /** `unix:///path`, `tcp://host:port`, `http://host:port`. */
  readonly host?: string | undefined;
}

export interface Engine {
  readonly docker: Docker;
  /** The Engine runs on this machine, so its files and processes can be read. */
  readonly local: boolean;
  /** `action` is the phrase after "Cannot" in the error's message. */
  readonly call: <T>(
    action: string,
    run: (options: { abortSignal: AbortSignal }) => Promise<T>,
    timeoutMs?: number,
  ) => Promise<T>;
}

/**
 * The client puts the members of a create call's body into the query as well, unless it gets
 * `_query` and `_body`. Labels in a URL would exceed its limit. Its types do not know these
 * members.
 */
export const asRequest = (
  name: string,
  body: ContainerCreateOptions,
  abortSignal: AbortSignal,
): ContainerCreateOptions => ({ _query: { name }, _body: body, abortSignal }) as object;

const DEFAULT_SOCKET = '/var/run/docker.sock';
const DEFAULT_TCP_PORT = 2375;

export function parseEngineAddress(
  address: EngineAddress,
): { readonly socketPath: string } | { readonly host: string; readonly port: number } {
  if (address.socketPath !== undefined) return { socketPath: address.socketPath };
  const host = address.host ?? `unix://${DEFAULT_SOCKET}`;
  if (host.startsWith('unix://')) return { socketPath: host.slice('unix://'.length) || DEFAULT_SOCKET };
  if (host.startsWith('/')) return { socketPath: host };
  const match = /^(?:tcp|http):\/\/(\[[^\]]+\]|[^:/]+)(?::(\d+))?\/?$/.exec(host);
  if (!match?.[1]) {
    throw new RuntimeError(
      'invalid',
      `Cannot use Docker host "${host}": expected unix:///path or tcp://host:port`,
    );
  }
  return { host: match[1].replace(/^\[|\]$/g, ''), port: match[2] ? Number(match[2]) : DEFAULT_TCP_PORT };
}

export function connectEngine(address: EngineAddress, clock: Clock): Engine {
  const target = parseEngineAddress(address);
  const local = 'socketPath' in target;
  // Every member is set: the client would read the environment for a missing one.
  const none = { socketPath: undefined, host: undefined, port: undefined };
  const docker = new Docker({ ...none, ...target, protocol: 'http' });
  return {
    docker,
    local,
    async call(action, run, timeoutMs = CALL_TIMEOUT_MS) {
      const abort = createAbort();
      const timer = clock.setTimer(() => abort.abort(), timeoutMs);
      try {
        return await run({ abortSignal: abort.signal });
      } catch (error) {
        if (!abort.signal.aborted) throw toRuntimeError(action, error);
        const detail = `no answer from the engine in ${Math.round(timeoutMs / 1000)} s`;
        throw new RuntimeError('unavailable', `Cannot ${action}: ${detail}`, { cause: error, detail });
      } finally {
        timer.cancel();
      }
    },
  };
}
