/**
 * A socket that came out of an HTTP upgrade, as a stream of plain JavaScript.
 *
 * HTTP/2 takes a real socket over natively and then competes with what the HTTP/1 parser left behind on it: Node 20 reads
 * rubbish ("Protocol error") or even ends the process (an assertion in node_http2.cc). Through a plain stream it only sees
 * bytes.
 */
import { Duplex } from 'node:stream';

export function toPlainStream(socket: Duplex): Duplex {
  return Duplex.from({ readable: socket, writable: socket });
}
