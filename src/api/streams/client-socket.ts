/**
 * The client's end of a session: a WebSocket as an iterable of messages and a bounded sender. A client that does not read
 * stops us from reading the container; messages that nobody takes stop the client.
 */
import type { WebSocket } from 'ws';
import { type AsyncQueue, createAsyncQueue } from '../../base/async-queue.ts';

export interface ClientSocket {
  /** Binary messages, in order; ends when the client is gone. */
  readonly messages: AsyncIterable<Buffer>;
  /** Resolves when the bytes have left; never fails: a client that is gone ends `messages`. */
  send(message: Buffer): Promise<void>;
  close(code: number, reason: string): void;
}

/** Messages that may wait for the container before the client is held back. */
const MAX_WAITING = 16;

export function createClientSocket(socket: WebSocket): ClientSocket {
  const queue: AsyncQueue<Buffer> = createAsyncQueue<Buffer>();
  let waiting = 0;
  socket.on('message', (data: Buffer | ArrayBuffer | Buffer[]) => {
    waiting += 1;
    queue.push(toBuffer(data));
    if (waiting >= MAX_WAITING) socket.pause();
  });
  socket.on('close', () => queue.close());
  socket.on('error', () => socket.terminate());
  async function* messages(): AsyncGenerator<Buffer> {
    for await (const message of queue) {
      yield message;
      waiting -= 1;
      if (waiting === 0 && socket.isPaused) socket.resume();
    }
  }
  return {
    messages: messages(),
    send: (message) =>
      new Promise((resolve) => {
        socket.send(message, { binary: true }, () => resolve());
      }),
    close: (code, reason) => socket.close(code, reason),
  };
}

function toBuffer(data: Buffer | ArrayBuffer | Buffer[]): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
