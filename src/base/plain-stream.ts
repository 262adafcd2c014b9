/**
 * A socket that came out of an HTTP upgrade, as a stream of plain JavaScript.
 *
 * HTTP/2 takes a real socket over natively and then competes with what the HTTP/1 parser left behind on it: Node 20 reads
 * rubbish ("Protocol error") or even ends the process (an assertion in node_http2.cc). Through a plain stream it only sees
 * bytes. Small frames (windows, pings) go out at once: waiting for more to send with them, as sockets do unless told, makes
 * each window of a large transfer cost a delayed acknowledgement, 40 ms.
 */
import { Socket } from 'node:net';
import { Duplex } from 'node:stream';

export function toPlainStream(socket: Duplex): Duplex {
  if (socket instanceof Socket) socket.setNoDelay(true);
  return Duplex.from({ readable: socket, writable: socket });
}
