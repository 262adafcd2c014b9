/** The client's connection after the protocol was switched, as messages in both directions. */
import type { Duplex } from 'node:stream';
import type { Clock } from '../../base/clock.ts';

export interface ByteChannel {
  /** In order; ends when the client is gone. */
  readonly messages: AsyncIterable<Buffer>;
  /** Resolves when the bytes have left; never fails: a client that is gone ends `messages`. */
  send(message: Buffer): Promise<void>;
  /** Traffic for a quiet connection, so that it is not forgotten and its death is noticed. */
  ping(): void;
  /** Closes after the sent bytes; a client that does not answer in time is cut off. */
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
    // A client that breaks off has gone like any other.
  }
}
