/** An HTTP request on a stream to a pod. Body and answer pass as streams, a piece at a time. */
import { type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';
import { hasBody } from '../http/read-body.ts';
import { type FoundBackend, unreachableBy } from './proxy-backend.ts';
import { requestHeaders } from './proxy-headers.ts';

export interface ProxiedRequest {
  readonly request: IncomingMessage;
  /** The path that the client asked for. */
  readonly asked: string;
  /** The path in the pod's own URL space, with its query: `/healthz?full=1`. */
  readonly path: string;
  readonly backend: FoundBackend;
  readonly stream: Duplex;
  /** Ends when the client has gone. */
  readonly signal: AbortSignal;
}

/** The pod's answer, its body still to be read. Rejects with 503. */
export function sendToPod(proxied: ProxiedRequest): Promise<IncomingMessage> {
  const { request, backend } = proxied;
  return new Promise((resolve, reject) => {
    const sent = begin(proxied, { connection: 'close', ...framing(request) });
    sent.on('response', resolve);
    sent.on('error', (error) => reject(unreachableBy(error, backend)));
    if (hasBody(request)) request.pipe(sent);
    else sent.end();
  });
}

/** A body of unknown length needs a frame of its own on the pod's connection. */
const framing = (request: IncomingMessage) =>
  hasBody(request) && request.headers['content-length'] === undefined
    ? { 'transfer-encoding': 'chunked' }
    : {};

export type UpgradeAnswer =
  | {
      readonly isSwitched: true;
      readonly answer: IncomingMessage;
      readonly socket: Duplex;
      readonly head: Buffer;
    }
  | { readonly isSwitched: false; readonly answer: IncomingMessage };

/** Asks the pod for another protocol. Rejects with 503. */
export function askPodToUpgrade(proxied: ProxiedRequest): Promise<UpgradeAnswer> {
  const { request, backend } = proxied;
  return new Promise((resolve, reject) => {
    const sent = begin(proxied, { connection: 'Upgrade', upgrade: request.headers.upgrade ?? '' });
    sent.on('upgrade', (answer, socket, head) => resolve({ isSwitched: true, answer, socket, head }));
    sent.on('response', (answer) => resolve({ isSwitched: false, answer }));
    sent.on('error', (error) => reject(unreachableBy(error, backend)));
    sent.end();
  });
}

function begin(
  { request, asked, path, backend, stream, signal }: ProxiedRequest,
  more: Readonly<Record<string, string>>,
): ClientRequest {
  const { method = 'GET', headers, socket } = request;
  const forwarded = { client: socket.remoteAddress, path: asked };
  const options = { method, path, signal, headers: { ...requestHeaders(headers, forwarded), ...more } };
  if (backend.scheme === 'http') return httpRequest({ ...options, createConnection: () => stream });
  // The certificate of a pod says nothing that we could check: the tunnel is what is trusted.
  return httpsRequest({
    ...options,
    createConnection: () => connect({ socket: stream, rejectUnauthorized: false }),
  });
}
