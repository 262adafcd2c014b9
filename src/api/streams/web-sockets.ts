/** Accepts WebSockets: for exec and its like, logs and watches. */
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { MAX_FRAME_BYTES } from '../../base/channel-frames.ts';
import { badRequest } from '../../schemas/errors/status.ts';

export interface UpgradeSocket {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

const server = new WebSocketServer({
  noServer: true,
  // A container's input is not compressed, and a small message is not worth it.
  perMessageDeflate: false,
  maxPayload: MAX_FRAME_BYTES,
  clientTracking: false,
  handleProtocols: (_offered, request) => chosen.get(request) ?? false,
});

/** The protocol that was chosen for a client, until its handshake is answered. */
const chosen = new WeakMap<IncomingMessage, string>();

/** Rejects with 400 when the client leaves. The library refuses a wrong handshake, and closes. */
export function acceptWebSocket(
  { request, socket, head }: UpgradeSocket,
  protocol: string,
): Promise<WebSocket> {
  if (protocol !== '') chosen.set(request, protocol);
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(badRequest('the client left before the protocol was switched'));
    if (socket.closed) return leave();
    socket.once('close', leave);
    server.handleUpgrade(request, socket, head, resolve);
  });
}
