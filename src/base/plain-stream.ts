/**
 * A socket that came out of an HTTP upgrade, as a stream of plain JavaScript. HTTP/2 takes a real
 * socket over natively and competes with the rests of the HTTP/1 parser: Node 20 reads rubbish
 * ("Protocol error") or ends the process (an assertion in node_http2.cc).
 *
 * Small frames (windows, pings) go out at once: a delayed one costs each window of a large transfer
 * 40 ms.
 */
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export function toPlainStream(socket: Duplex): Duplex {
  if (socket instanceof Socket) socket.setNoDelay(true);
  return Duplex.from({ readable: socket, writable: socket });
}
