/** A WebSocket as a channel. A side that does not read holds the other side back. */
import type { WebSocket } from 'ws';
import { type AsyncQueue, createAsyncQueue } from '../../base/async-queue.ts';
import type { Clock } from '../../base/clock.ts';
import { type ByteChannel, CLOSE_GRACE_MS } from './byte-channel.ts';

export interface ClientSocketOptions {
  readonly clock: Clock;
  /** Messages to the client are text; what is sent must be. */
  readonly text?: boolean;
}

/** Bytes that may wait for the container before the client is held back. */
const MAX_WAITING_BYTES = 256 * 1024;

export function createClientSocket(
  socket: WebSocket,
  { clock, text = false }: ClientSocketOptions,
): ByteChannel {
  const queue: AsyncQueue<Buffer> = createAsyncQueue<Buffer>();
  let waitingBytes = 0;
  socket.on('message', (data: Buffer | ArrayBuffer | Buffer[]) => {
    const message = toBuffer(data);
    waitingBytes += message.length;
    queue.push(message);
    if (waitingBytes >= MAX_WAITING_BYTES) socket.pause();
  });
  socket.on('close', () => queue.close());
  socket.on('error', () => socket.terminate());
  async function* messages(): AsyncGenerator<Buffer> {
    for await (const message of queue) {
      waitingBytes -= message.length;
      if (waitingBytes < MAX_WAITING_BYTES && socket.isPaused) socket.resume();
      yield message;
    }
  }
  return {
    messages: messages(),
    send: (message) =>
      new Promise((resolve) => {
        socket.send(message, { binary: !text }, () => resolve());
      }),
    ping() {
      if (socket.readyState === socket.OPEN) socket.ping(() => undefined);
    },
    close(code, reason) {
      if (socket.readyState === socket.CLOSED) return;
      // No more messages are needed, but the client's close frame must be read.
      if (socket.isPaused) socket.resume();
      socket.close(code, reason);
      const timer = clock.setTimer(() => socket.terminate(), CLOSE_GRACE_MS);
      socket.once('close', () => timer.cancel());
    },
  };
}

function toBuffer(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
