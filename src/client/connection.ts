/**
 * One API server over HTTP. Requests share kept sockets; watches and upgrades have sockets of their
 * own, so that they never take a request's place.
 *
 * A server that cannot be reached, hangs or breaks off is a TransientError. An answer that is not
 * 2xx is the StatusError it carries.
 */
import {
  type ClientRequest,
  type IncomingMessage,
  type RequestOptions,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Clock } from '../base/clock.ts';
import { TransientError } from '../base/errors.ts';
import { goWords } from '../base/go-words.ts';
import { isRecord } from '../base/json.ts';
import { StatusError } from '../schemas/errors/status.ts';
import { readAnswer } from './answer.ts';
import { certificateAdvice } from './certificate-advice.ts';
import { type Credentials, presentIdentity, TCP_KEEP_ALIVE_MS } from './credentials.ts';
import { type ClientIdentity, fixedIdentity, type IdentitySource } from './identity.ts';
import type { Endpoint } from './kubeconfig.ts';

export interface ConnectionOptions extends Endpoint {
  /** In place of token, certificate and key: one that may change. */
  readonly identity?: IdentitySource;
  readonly clock: Clock;
  readonly requestTimeoutMs?: number;
}

export interface RequestInput {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Path and query, beginning with `/`. */
  readonly path: string;
  readonly body?: unknown;
  readonly contentType?: string;
}

export interface Connection extends Disposable {
  readonly server: string;
  /** One request, one JSON answer. */
  request(input: RequestInput): Promise<unknown>;
  /** The body of a long answer; aborting the signal destroys the socket. */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /** A socket that the server has switched to `protocol` (`Connection: Upgrade`). */
  upgrade(path: string, protocol: string, signal: AbortSignal): Promise<Duplex>;
  /** Called when the identity has changed: open streams go on, but should be opened anew. */
  onRenewal(listener: () => void): Disposable;
}

/** A write waits for the store, so this is longer than any sane answer takes. */
const REQUEST_TIMEOUT_MS = 30_000;

export function openConnection(options: ConnectionOptions): Connection {
  const url = new URL(options.server);
  const isSecure = url.protocol === 'https:';
  const identity = presentIdentity(
    options.identity ?? fixedIdentity(givenIdentity(options)),
    isSecure ? { ca: options.ca } : undefined,
  );
  const sendTimed = <T>(
    extra: RequestOptions,
    use: (head: Head) => Promise<T>,
    payload?: Buffer,
  ): Promise<T> => {
    const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
    return send(openRequest(url, identity.current, extra), options.clock, timeoutMs, use, payload);
  };

  /** Gives failures that are no answers their words. */
  async function telling<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    try {
      return await attempt();
    } catch (error) {
      throw error instanceof StatusError ? error : unreachable(url, what, error);
    }
  }

  function once({ method, path, body, contentType = 'application/json' }: RequestInput): Promise<unknown> {
    const payload = body === undefined ? undefined : Buffer.from(JSON.stringify(body));
    const headers = payload ? { 'content-type': contentType, 'content-length': payload.length } : {};
    const { agent } = identity.current;
    return sendTimed({ method, path, agent, headers }, ({ response }) => readAnswer(response), payload);
  }

  return {
    server: options.server,
    request: (input) =>
      telling(`${input.method} ${input.path} at`, async () => {
        try {
          return await once(input);
        } catch (error) {
          // The server closed a kept socket just as it was used again. A GET may be repeated.
          if (input.method !== 'GET' || !isRecord(error) || error['reusedSocket'] !== true) throw error;
          return once(input);
        }
      }),
    async stream(path, signal) {
      const response = await telling(`GET ${path} at`, () =>
        sendTimed({ path, agent: false, signal }, async ({ response }) => {
          if (response.statusCode === 200) return response;
          await readAnswer(response);
          throw new Error(`unexpected answer ${response.statusCode ?? 0}`);
        }),
      );
      response.socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
      return chunksOf(response, (cause) => unreachable(url, `read ${path} from`, cause), signal);
    },
    upgrade: (path, protocol, signal) =>
      telling(`upgrade ${path} at`, () => {
        const headers = { connection: 'Upgrade', upgrade: protocol };
        return sendTimed({ path, agent: false, signal, headers }, async ({ response, socket }) => {
          if (socket) return socket;
          await readAnswer(response);
          throw new Error(`answer ${response.statusCode ?? 0}`);
        });
      }),
    onRenewal: identity.onRenewal,
    [Symbol.dispose]: () => identity[Symbol.dispose](),
  };
}

/** The head of an answer, and the socket after an upgrade. */
interface Head {
  readonly response: IncomingMessage;
  readonly socket?: Duplex;
}

function openRequest(url: URL, { token, secureContext }: Credentials, extra: RequestOptions): ClientRequest {
  const base: RequestOptions = {
    method: 'GET',
    protocol: url.protocol,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? (secureContext ? 443 : 80) : url.port,
    ...extra,
    path: `${url.pathname.replace(/\/$/, '')}${extra.path ?? ''}`,
    headers: {
      accept: 'application/json',
      'user-agent': 'symphony',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(extra.headers as Readonly<Record<string, string | number>> | undefined),
    },
  };
  if (!secureContext) return httpRequest(base);
  // A socket of its own presents our identity, too.
  const agent = extra.agent === false ? new HttpsAgent({ secureContext }) : extra.agent;
  return httpsRequest({ ...base, agent });
}

/** Sends a request and answers what `use` makes of its answer; one time-out covers both. */
async function send<T>(
  request: ClientRequest,
  clock: Clock,
  timeoutMs: number,
  use: (head: Head) => Promise<T>,
  payload?: Buffer,
): Promise<T> {
  const timer = clock.setTimer(
    () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    const head = await new Promise<Head>((resolve, reject) => {
      request.on('error', (error) => reject(Object.assign(error, { reusedSocket: request.reusedSocket })));
      request.on('response', (response) => resolve({ response }));
      request.on('upgrade', (response, socket, rest) => {
        if (rest.length > 0) socket.unshift(rest);
        resolve({ response, socket });
      });
      request.end(payload);
    });
    return await use(head);
  } finally {
    timer.cancel();
  }
}

function unreachable(url: URL, what: string, cause: unknown): TransientError {
  const why = certificateAdvice(cause, url.hostname) ?? goWords(cause, url.host);
  // A query does not explain a failure, and may be long.
  const shown = what.replace(/\?\S*/, '');
  return new TransientError(`Cannot ${shown} ${url.origin}: ${why}`, { cause });
}

function givenIdentity({ token, clientCert: certPem, clientKey: keyPem }: Endpoint): ClientIdentity {
  const certificate =
    certPem === undefined || keyPem === undefined ? {} : { certificate: { certPem, keyPem } };
  return { ...(token === undefined ? {} : { token }), ...certificate };
}

/** Reading stops quietly when the caller aborts; any other break is an error. */
async function* chunksOf(
  response: AsyncIterable<Buffer> & { destroy(): void },
  wrap: (cause: unknown) => Error,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* response;
  } catch (error) {
    if (!signal.aborted) throw wrap(error);
  } finally {
    response.destroy();
  }
}
