/**
 * The client's connection after its protocol was switched: messages in, messages out, with a limit on what waits on either
 * side. On a WebSocket a message is a message; on a plain socket it is whatever one read gave.
 */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';

export interface ByteChannel {
  /** In order; ends when the client is gone. */
  readonly messages: AsyncIterable<Buffer>;
  /** Resolves when the bytes have left; never fails: a client that is gone ends `messages`. */
  send(message: Buffer): Promise<void>;
  /** Something for the wire, so that a connection without traffic is neither forgotten nor dead unnoticed. */
  ping(): void;
  /** Says goodbye after what was sent; a client that does not answer in time is cut off. */
  close(code: number, reason: string): void;
}

/** How long a client may take to read the end. */
export const CLOSE_GRACE_MS = 5_000;

export function createSocketChannel(socket: Duplex, head: Buffer, clock: Clock): ByteChannel {
  if (head.length > 0) socket.unshift(head);
  socket.on('error', () => socket.destroy());
  return {
    messages: chunksOf(socket),
    send: (message) =>
      new Promise((resolve) => {
        if (socket.destroyed || socket.writableEnded) return resolve();
        socket.write(message, () => resolve());
      }),
    // The protocol on top has pings of its own.
    ping: () => undefined,
    close() {
      if (socket.destroyed) return;
      socket.end();
      const timer = clock.setTimer(() => socket.destroy(), CLOSE_GRACE_MS);
      socket.once('close', () => timer.cancel());
    },
  };
}

async function* chunksOf(socket: Duplex): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of socket.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch {
    // A client that breaks off is gone like any other.
  }
}
