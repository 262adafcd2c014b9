/**
 * One API server as seen by HTTP: where it is, whom we trust, who we are. Requests share a keep-alive agent;
 * watches and upgrades have sockets of their own, so that they never take a request's place.
 *
 * A server that cannot be reached, hangs, or breaks off is a TransientError; an answer that is not 2xx is the
 * StatusError it carries.
 */
import {
  Agent as HttpAgent,
  type IncomingMessage,
  type RequestOptions,
  request as httpRequest,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../base/clock.ts';
import { TransientError } from '../base/errors.ts';
import { goWords } from '../base/go-words.ts';
import { isRecord } from '../base/json.ts';
import { cutMiddle } from '../base/text.ts';
import { type Status, StatusError, failure } from '../schemas/errors/status.ts';
import { certificateAdvice } from './certificate-advice.ts';
import { type ClientIdentity, fixedIdentity, type IdentitySource } from './identity.ts';

export interface ConnectionOptions {
  /** `https://host:port`, perhaps with a base path. */
  readonly server: string;
  /** PEM of the authority that signed the server's certificate; the system's authorities when absent. */
  readonly ca?: string;
  readonly token?: string;
  readonly clientCert?: string;
  readonly clientKey?: string;
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
  /** Called when the identity has changed: what was opened before goes on, but should be opened anew. */
  onRenewal(listener: () => void): Disposable;
}

/** What requests of one identity share. */
interface Credentials {
  readonly token: string | undefined;
  readonly secureContext: SecureContext | undefined;
  readonly agent: HttpAgent | HttpsAgent;
}

/** A write waits for the store, so this is longer than any sane answer takes but finite. */
const REQUEST_TIMEOUT_MS = 30_000;
/** Parallel requests of one process to one server; more wait in line. */
const MAX_SOCKETS = 32;
/** Lists of a large cluster; beyond this a client must page. */
const MAX_RESPONSE_BYTES = 512 * 1024 * 1024;
/** Finds half-open connections under a watch. */
const TCP_KEEP_ALIVE_MS = 10_000;

export function openConnection(options: ConnectionOptions): Connection {
  const url = new URL(options.server);
  const secure = url.protocol === 'https:';
  const timeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS;
  const identity = options.identity ?? fixedIdentity(givenIdentity(options));
  const keepAlive = { keepAlive: true, keepAliveMsecs: TCP_KEEP_ALIVE_MS, maxSockets: MAX_SOCKETS };
  const renewals = new Set<() => void>();
  let credentials = present(identity.current());
  const identityChanges = identity.onChange(() => {
    const { agent } = credentials;
    credentials = present(identity.current());
    retire(agent);
    for (const listener of [...renewals]) listener();
  });
  const basePath = url.pathname.replace(/\/$/, '');

  function present({ token, certificate }: ClientIdentity): Credentials {
    if (!secure) return { token, secureContext: undefined, agent: new HttpAgent(keepAlive) };
    const secureContext = createSecureContext({
      ...(options.ca === undefined ? {} : { ca: options.ca }),
      ...(certificate ? { cert: certificate.certPem, key: certificate.keyPem } : {}),
    });
    return { token, secureContext, agent: new HttpsAgent({ ...keepAlive, secureContext }) };
  }

  function open(path: string, extra: RequestOptions): ReturnType<typeof httpRequest> {
    const { token, secureContext } = credentials;
    const base: RequestOptions = {
      protocol: url.protocol,
      hostname: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (secure ? 443 : 80) : url.port,
      path: `${basePath}${path}`,
      ...extra,
      headers: {
        accept: 'application/json',
        'user-agent': 'symphony',
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(extra.headers as Readonly<Record<string, string | number>> | undefined),
      },
    };
    if (!secureContext) return httpRequest(base);
    // A socket of its own still has our identity.
    const agent = extra.agent === false ? new HttpsAgent({ secureContext }) : extra.agent;
    return httpsRequest({ ...base, agent });
  }

  const unreachable = (what: string, cause: unknown): TransientError => {
    const why = certificateAdvice(cause, url.hostname) ?? goWords(cause, url.host);
    // A query says nothing of why, and may be long.
    const shown = what.replace(/\?\S*/, '');
    return new TransientError(`Cannot ${shown} ${url.origin}: ${why}`, { cause });
  };

  /** Sends a request; resolves with the head of the answer. The timer covers everything until `finished` is called. */
  function send(
    input: RequestInput,
  ): Promise<{ response: IncomingMessage; finished: () => void; reused: boolean }> {
    return new Promise((resolve, reject) => {
      const payload = input.body === undefined ? undefined : Buffer.from(JSON.stringify(input.body));
      const request = open(input.path, {
        method: input.method,
        agent: credentials.agent,
        headers: payload
          ? { 'content-type': input.contentType ?? 'application/json', 'content-length': payload.length }
          : {},
      });
      const timer = options.clock.setTimer(
        () => request.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      request.on('error', (error) => {
        timer.cancel();
        reject(Object.assign(error, { reusedSocket: request.reusedSocket }));
      });
      request.on('response', (response) =>
        resolve({ response, finished: () => timer.cancel(), reused: request.reusedSocket }),
      );
      request.end(payload);
    });
  }

  async function once(input: RequestInput): Promise<unknown> {
    const { response, finished } = await send(input);
    try {
      return answerOf(response, await readAll(response));
    } finally {
      finished();
    }
  }

  async function request(input: RequestInput): Promise<unknown> {
    try {
      return await once(input);
    } catch (error) {
      if (error instanceof StatusError) throw error;
      // The server closed an idle socket just as we used it: nothing was read from us, so a GET may go again.
      if (input.method !== 'GET' || !isRecord(error) || error['reusedSocket'] !== true) {
        throw unreachable(`${input.method} ${input.path} at`, error);
      }
    }
    try {
      return await once(input);
    } catch (error) {
      throw error instanceof StatusError ? error : unreachable(`${input.method} ${input.path} at`, error);
    }
  }

  async function stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      const stream = open(path, { method: 'GET', agent: false, signal });
      const timer = options.clock.setTimer(
        () => stream.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      stream.on('error', (error) => {
        timer.cancel();
        reject(unreachable(`GET ${path} at`, error));
      });
      stream.on('response', (head) => {
        timer.cancel();
        head.socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
        resolve(head);
      });
      stream.end();
    });
    if (response.statusCode !== 200) {
      try {
        answerOf(response, await readAll(response));
      } catch (error) {
        throw error instanceof StatusError ? error : unreachable(`GET ${path} at`, error);
      }
      throw unreachable(`GET ${path} at`, new Error(`unexpected answer ${response.statusCode ?? 0}`));
    }
    return chunksOf(response, (cause) => unreachable(`read ${path} from`, cause), signal);
  }

  function upgrade(path: string, protocol: string, signal: AbortSignal): Promise<Duplex> {
    return new Promise((resolve, reject) => {
      const attempt = open(path, {
        method: 'GET',
        agent: false,
        signal,
        headers: { connection: 'Upgrade', upgrade: protocol },
      });
      const timer = options.clock.setTimer(
        () => attempt.destroy(new Error(`no answer within ${timeoutMs} ms`)),
        timeoutMs,
      );
      attempt.on('error', (error) => {
        timer.cancel();
        reject(unreachable(`upgrade ${path} at`, error));
      });
      attempt.on('response', (response) => {
        timer.cancel();
        readAll(response).then(
          (body) => {
            try {
              answerOf(response, body);
              reject(unreachable(`upgrade ${path} at`, new Error(`answer ${response.statusCode ?? 0}`)));
            } catch (error) {
              reject(error instanceof Error ? error : unreachable(`upgrade ${path} at`, error));
            }
          },
          (error: unknown) => reject(unreachable(`upgrade ${path} at`, error)),
        );
      });
      attempt.on('upgrade', (_response, socket, head) => {
        timer.cancel();
        if (head.length > 0) socket.unshift(head);
        resolve(socket);
      });
      attempt.end();
    });
  }

  return {
    server: options.server,
    request,
    stream,
    upgrade,
    onRenewal(listener) {
      renewals.add(listener);
      return { [Symbol.dispose]: () => void renewals.delete(listener) };
    },
    [Symbol.dispose]() {
      identityChanges[Symbol.dispose]();
      credentials.agent.destroy();
    },
  };
}

function givenIdentity({ token, clientCert, clientKey }: ConnectionOptions): ClientIdentity {
  const certificate =
    clientCert === undefined || clientKey === undefined
      ? {}
      : { certificate: { certPem: clientCert, keyPem: clientKey } };
  return { ...(token === undefined ? {} : { token }), ...certificate };
}

/** Requests under way end as they began; no socket of the old identity is used again. */
function retire(agent: HttpAgent | HttpsAgent): void {
  agent.maxFreeSockets = 0;
  for (const sockets of Object.values(agent.freeSockets))
    for (const socket of sockets ?? []) socket.destroy();
}

async function readAll(response: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`the answer is longer than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
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

/** The JSON of a 2xx answer; every other answer throws the Status it carries, or one made of its code. */
function answerOf(response: IncomingMessage, body: Buffer): unknown {
  const code = response.statusCode ?? 0;
  const text = body.toString('utf8');
  let parsed: unknown;
  try {
    parsed = text === '' ? undefined : (JSON.parse(text) as unknown);
  } catch {
    parsed = undefined;
  }
  if (code >= 200 && code < 300) return parsed;
  if (isStatus(parsed)) throw new StatusError(parsed);
  throw failure(code, reasonOf(code), cutMiddle(text, 1_000) || `the server answered ${code}`);
}

export function isStatus(value: unknown): value is Status {
  return isRecord(value) && value['kind'] === 'Status' && typeof value['code'] === 'number';
}

function reasonOf(code: number): NonNullable<Status['reason']> {
  switch (code) {
    case 400:
      return 'BadRequest';
    case 401:
      return 'Unauthorized';
    case 403:
      return 'Forbidden';
    case 404:
      return 'NotFound';
    case 409:
      return 'Conflict';
    case 410:
      return 'Expired';
    case 413:
      return 'RequestEntityTooLarge';
    case 422:
      return 'Invalid';
    case 429:
      return 'TooManyRequests';
    case 503:
      return 'ServiceUnavailable';
    case 504:
      return 'Timeout';
    default:
      return 'InternalError';
  }
}
