/**
 * A socket that came out of an HTTP upgrade, as a stream of plain JavaScript.
 *
 * HTTP/2 takes a real socket over natively and competes with what the HTTP/1 parser left behind:
 * Node 20 reads rubbish ("Protocol error") or ends the process (an assertion in node_http2.cc). A
 * plain stream shows it bytes only. Small frames (windows, pings) go out at once: by default a
 * socket waits for more, and each window of a large transfer costs a delayed acknowledgement, 40
 * ms.
 */
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export function toPlainStream(socket: Duplex): Duplex {
  if (socket instanceof Socket) socket.setNoDelay(true);
  return Duplex.from({ readable: socket, writable: socket });
}
