/** Limits of a socket before its client is known. Invalid HTTP is answered, and ends its socket. */
import {
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { failure, type Status, type StatusReason } from '../../schemas/errors/status.ts';
import { statusAnswer } from './answers.ts';

export interface ConnectionLimits {
  readonly handshakeTimeoutMs: number;
  /** From the first byte (or the connection) to the end of the headers. */
  readonly headersTimeoutMs: number;
  /** From the first byte to the last one of the body. */
  readonly requestTimeoutMs: number;
  /** How long a connection may be idle between requests. */
  readonly keepAliveTimeoutMs: number;
  /** How long a stop waits for requests in flight and for sessions. */
  readonly stopGraceMs: number;
  /** How often slow requests are looked for. */
  readonly checkIntervalMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaders: number;
  /** 0 is no limit. This machine is not limited: its nodes and proxies share one address. */
  readonly maxConnectionsPerAddress: number;
  readonly limitsLoopback: boolean;
}

export const defaultConnectionLimits: ConnectionLimits = {
  handshakeTimeoutMs: 10_000,
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 60_000,
  keepAliveTimeoutMs: 90_000,
  // A write takes milliseconds; a client that does not read must not hold a restart up.
  stopGraceMs: 2_000,
  checkIntervalMs: 5_000,
  // Tokens with many groups are a few KiB; Node's own limit is 16.
  maxHeaderBytes: 32 * 1024,
  // An impersonation has a header per group.
  maxHeaders: 200,
  // A node has a dozen watches; several hundred nodes may share an address.
  maxConnectionsPerAddress: 10_000,
  limitsLoopback: false,
};

/** Options of Node's servers. */
export const serverOptions = (limits: ConnectionLimits): ServerOptions => ({
  headersTimeout: limits.headersTimeoutMs,
  requestTimeout: limits.requestTimeoutMs,
  keepAliveTimeout: limits.keepAliveTimeoutMs,
  connectionsCheckingInterval: limits.checkIntervalMs,
  maxHeaderSize: limits.maxHeaderBytes,
  insecureHTTPParser: false,
  requireHostHeader: true,
});

const LOOPBACK = /^(?:::1|(?:::ffff:)?127\.)/;

export function limitConnections(server: Server, limits: ConnectionLimits): void {
  // Node drops headers beyond this silently; one more is let through, to be refused.
  server.maxHeadersCount = limits.maxHeaders + 1;
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress;
    if (address === undefined || limits.maxConnectionsPerAddress <= 0) return;
    if (!limits.limitsLoopback && LOOPBACK.test(address)) return;
    const count = (open.get(address) ?? 0) + 1;
    if (count > limits.maxConnectionsPerAddress) return void socket.destroy();
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left > 0) open.set(address, left);
      else open.delete(address);
    });
  });
}

/** Throws 431 for a head of too many lines. */
export function checkHead({ rawHeaders }: IncomingMessage, { maxHeaders }: ConnectionLimits): void {
  if (rawHeaders.length / 2 > maxHeaders)
    throw failure(431, 'BadRequest', `the request has more than ${maxHeaders} headers`);
}

const ANSWERS: Readonly<Record<string, readonly [number, StatusReason, string]>> = {
  HPE_HEADER_OVERFLOW: [431, 'BadRequest', 'the headers are too large'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'BadRequest', 'the chunk extensions are too large'],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'Timeout', 'the request did not come in time'],
};
const NOT_HTTP = [400, 'BadRequest', 'the request is not valid HTTP'] as const;

/** Sockets whose body passes through to a pod. It takes as long as its client and the pod want. */
const passing = new WeakSet<object>();

/** Node has one limit of time for the bodies of a server; this request has none. */
export function letBodyPass({ socket }: IncomingMessage, response: ServerResponse): void {
  passing.add(socket);
  response.once('close', () => passing.delete(socket));
}

/** For `clientError`, when the parser refuses a request. The socket is closed. */
export function answerClientError(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' && passing.has(socket)) return;
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  endWithStatus(socket, failure(...(ANSWERS[error.code ?? ''] ?? NOT_HTTP)).status);
}

/** Answers on a socket that no response of Node's belongs to, and closes it. */
export function endWithStatus(socket: Duplex, status: Status): void {
  const { contentType, body, headers = {} } = statusAnswer(status);
  const head = {
    'content-type': contentType,
    'content-length': Buffer.byteLength(body as string),
    connection: 'close',
    ...headers,
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(
    `HTTP/1.1 ${status.code} ${STATUS_CODES[status.code] ?? ''}\r\n${lines.join('')}\r\n${body as string}`,
    () => socket.destroy(),
  );
}
