/** One stream of a SPDY connection. Each side ends by itself; the stream ends with both. */
import type { SpdyFrame } from './frames.ts';
import { resetStatus } from './frames.ts';
import type { SpdyHeaders } from './header-block.ts';
import { createStreamInput } from './stream-input.ts';

export interface SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** The client's data until its FIN, its RST_STREAM or the connection's end. Read it once. */
  readonly input: AsyncIterable<Buffer>;
  /** True when the client will not read what is written any more. */
  readonly wasReset: boolean;
  ignoreInput(): void;
  /** Resolves when the bytes have left. */
  write(content: Buffer): Promise<void>;
  /** Ends our side. */
  end(): Promise<void>;
  reset(): void;
}

/** The connection's view of a stream. */
export interface OpenStream extends SpdyStream {
  /** Returns the bytes that now wait for their reader. */
  receive(content: Buffer, fin: boolean): number;
  /** Nothing is read from the client or written to it any more. */
  lose(): void;
  /** Ends both sides without a word. */
  abandon(): void;
}

export interface OpenStreamOptions {
  readonly id: number;
  readonly headers: SpdyHeaders;
  readonly fin: boolean;
  readonly unidirectional: boolean;
  send(frame: SpdyFrame): Promise<void>;
  /** A reader has taken bytes, or dropped them. */
  onTaken(bytes: number): void;
  onOver(): void;
}

export function openStream(options: OpenStreamOptions): OpenStream {
  const { id, headers, send } = options;
  const input = createStreamInput(options.onTaken);
  let inputOver = false;
  let outputOver = options.unidirectional;
  let wasReset = false;

  function settle(): void {
    if (inputOver && outputOver) options.onOver();
  }

  function endInput(): void {
    inputOver = true;
    input.end();
    settle();
  }

  const stream: OpenStream = {
    id,
    headers,
    input,
    get wasReset() {
      return wasReset;
    },
    ignoreInput: () => input.ignore(),
    async write(content) {
      if (outputOver || content.length === 0) return;
      await send({ type: 'data', streamId: id, fin: false, content });
    },
    async end() {
      if (outputOver) return;
      outputOver = true;
      settle();
      await send({ type: 'data', streamId: id, fin: true, content: Buffer.alloc(0) });
    },
    reset() {
      if (inputOver && outputOver) return;
      stream.abandon();
      void send({ type: 'rst-stream', streamId: id, status: resetStatus.cancel });
    },
    receive(content, fin) {
      // Late data on a side that is over is dropped.
      if (inputOver) return 0;
      const waits = content.length > 0 && input.push(content);
      if (fin) endInput();
      return waits ? content.length : 0;
    },
    lose() {
      wasReset = true;
      outputOver = true;
      endInput();
    },
    abandon() {
      outputOver = true;
      input.ignore();
      endInput();
    },
  };
  if (options.fin) endInput();
  return stream;
}
