/**
 * The other end of peer-tunnels.ts: other servers' requests for agents with a tunnel here,
 * and for their signs of life.
 */
import { createServer, type IncomingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { createAbort } from '../../base/abort.ts';
import { errorMessage } from '../../base/errors.ts';
import type { Logger } from '../../base/logger.ts';
import { toPlainStream } from '../../base/plain-stream.ts';
import type { Tunnels } from '../tunnel.ts';
import { HEARTBEATS_PATH, NODE_HEADER, NOT_HERE, PEER_PROTOCOL } from './types.ts';

const SWITCHING_PROTOCOLS = `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${PEER_PROTOCOL}\r\n\r\n`;

export interface PeerService extends Disposable {
  accept(socket: Duplex, head: Buffer): void;
}

/** `local` are the tunnels of this server alone: a request is passed on only once. */
export function createPeerService(local: Tunnels, logger: Logger): PeerService {
  const server = createServer();
  const sockets = new Set<Duplex>();
  server.on('sessionError', (error) => logger.debug({ error }, 'The connection of another server failed'));
  server.on('stream', (stream, headers) => {
    serve(local, stream, headers).catch((error: unknown) => {
      if (stream.destroyed) return;
      if (stream.headersSent) return stream.close(2);
      stream.respond({ ':status': 503, 'content-type': 'text/plain; charset=utf-8' });
      stream.end(errorMessage(error));
    });
  });
  return {
    accept(socket, head) {
      if (head.length > 0) socket.unshift(head);
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => sockets.delete(socket));
      socket.write(SWITCHING_PROTOCOLS);
      server.emit('connection', toPlainStream(socket));
    },
    [Symbol.dispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

async function serve(local: Tunnels, stream: ServerHttp2Stream, headers: IncomingHttpHeaders): Promise<void> {
  const abort = createAbort();
  stream.on('close', () => abort.abort());
  stream.on('error', () => abort.abort());
  const node = String(headers[NODE_HEADER] ?? '');
  if (node === '' && headers[':path'] === HEARTBEATS_PATH) {
    const ages = Object.fromEntries(await local.heartbeats(abort.signal));
    stream.respond({ ':status': 200, 'content-type': 'application/json' });
    stream.end(JSON.stringify(ages));
    return;
  }
  if (!local.nodes.includes(node)) {
    stream.respond({ ':status': NOT_HERE });
    stream.end();
    return;
  }
  const method = headers[':method'] === 'POST' ? 'POST' : 'GET';
  const path = headers[':path'] ?? '/';
  const writable = method === 'POST' && !stream.readableEnded;
  const answer = await local.request({ node, method, path, signal: abort.signal, writable });
  if (stream.destroyed) return answer.stream.close();
  const { status, contentType } = answer;
  stream.respond({
    ':status': status,
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
  });
  answer.stream.on('error', () => stream.close(2));
  answer.stream.pipe(stream);
  if (writable) stream.pipe(answer.stream);
}
