/**
 * One SPDY/3.1 connection, served: the client opens streams, we answer each and carry its bytes. Windows are not kept,
 * since spdystream, which is what the clients are made of, neither sends nor heeds WINDOW_UPDATE; a slow side holds the whole
 * connection back instead, through the socket. What breaks the protocol ends this connection and nothing else.
 */
import type { Clock, Timer } from '../../../base/clock.ts';
import { errorMessage } from '../../../base/errors.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { createSpdyReader, encodeSpdyFrame, resetStatus, type SpdyFrame } from './frames.ts';
import { createHeaderDecoder, createHeaderEncoder, type SpdyHeaders } from './header-block.ts';
import { createStreamInput, type StreamInput } from './stream-input.ts';

export interface SpdyStream {
  readonly id: number;
  readonly headers: SpdyHeaders;
  /** What the client writes; ends with its FIN, its RST_STREAM or the connection. To be read once, or ignored. */
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

export interface SpdyConnection {
  /** Reads until the client is gone; never rejects. */
  serve(): Promise<void>;
  ping(): void;
  /**
   * Announces the end after what was sent, and leaves it to the client to hang up: spdystream forgets what it has not handed
   * out yet when the connection ends under it. A client that does not hang up within `graceMs` is cut off.
   */
  close(graceMs: number): void;
}

export interface SpdyOptions {
  readonly channel: ByteChannel;
  readonly clock: Clock;
  /** Throws to refuse the stream. */
  onStream(stream: SpdyStream): void;
  onBroken?(why: string): void;
}

/** A forwarded connection takes two streams: a browser opens a few dozen connections at once. */
export const MAX_STREAMS = 512;
/** What clients have sent and nobody has taken yet, over all streams of a connection; beyond it we stop to read. */
export const MAX_WAITING_BYTES = 1024 * 1024;

const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const NO_HEADERS: SpdyHeaders = new Map();

interface OpenStream {
  readonly input: StreamInput;
  inputOver: boolean;
  outputOver: boolean;
  wasReset: boolean;
}

export function createSpdyConnection({ channel, clock, onStream, onBroken }: SpdyOptions): SpdyConnection {
  const read = createSpdyReader();
  const encodeHeaders = createHeaderEncoder();
  const decoder = createHeaderDecoder();
  const streams = new Map<number, OpenStream>();
  let lastStreamId = 0;
  // A server's pings have even numbers.
  let nextPing = 2;
  let waitingBytes = 0;
  let goingAway = false;
  let onRoom: () => void = () => undefined;
  let cutOff: Timer | undefined;

  const send = (frame: SpdyFrame): Promise<void> => channel.send(encodeSpdyFrame(frame));

  function taken(bytes: number): void {
    waitingBytes -= bytes;
    if (waitingBytes <= MAX_WAITING_BYTES) onRoom();
  }

  async function roomForMore(): Promise<void> {
    while (waitingBytes > MAX_WAITING_BYTES) {
      await new Promise<void>((resolve) => {
        onRoom = resolve;
      });
    }
  }

  function settle(id: number, { inputOver, outputOver }: OpenStream): void {
    if (inputOver && outputOver) streams.delete(id);
  }

  function endInput(id: number, stream: OpenStream): void {
    stream.inputOver = true;
    stream.input.end();
    settle(id, stream);
  }

  async function open(frame: SpdyFrame & { readonly type: 'syn-stream' }): Promise<void> {
    const { streamId: id, fin } = frame;
    // Decoded even when the stream is refused: the next block builds on this one.
    const headers = await decoder.decode(frame.block);
    const isNew = id % 2 === 1 && id > lastStreamId;
    if (!isNew) return send({ type: 'rst-stream', streamId: id, status: resetStatus.protocolError });
    lastStreamId = id;
    const refused: SpdyFrame = { type: 'rst-stream', streamId: id, status: resetStatus.refusedStream };
    if (streams.size >= MAX_STREAMS || goingAway) return send(refused);
    const stream: OpenStream = {
      input: createStreamInput(taken),
      inputOver: fin,
      outputOver: frame.unidirectional,
      wasReset: false,
    };
    if (fin) stream.input.end();
    streams.set(id, stream);
    settle(id, stream);
    // The reply goes first, for the client takes no data before it; sends keep their order.
    const replied = send({ type: 'syn-reply', streamId: id, fin: false, block: encodeHeaders(NO_HEADERS) });
    try {
      onStream(handleOf(id, headers, stream));
    } catch {
      close(id, stream);
      return send(refused);
    }
    await replied;
  }

  function close(id: number, stream: OpenStream): void {
    stream.outputOver = true;
    stream.input.ignore();
    endInput(id, stream);
  }

  function handleOf(id: number, headers: SpdyHeaders, stream: OpenStream): SpdyStream {
    return {
      id,
      headers,
      input: stream.input,
      get wasReset() {
        return stream.wasReset;
      },
      ignoreInput: () => stream.input.ignore(),
      async write(content) {
        if (stream.outputOver || content.length === 0) return;
        await send({ type: 'data', streamId: id, fin: false, content });
      },
      async end() {
        if (stream.outputOver) return;
        stream.outputOver = true;
        settle(id, stream);
        await send({ type: 'data', streamId: id, fin: true, content: Buffer.alloc(0) });
      },
      reset() {
        if (stream.inputOver && stream.outputOver) return;
        close(id, stream);
        void send({ type: 'rst-stream', streamId: id, status: resetStatus.cancel });
      },
    };
  }

  async function take(frame: SpdyFrame): Promise<void> {
    switch (frame.type) {
      case 'syn-stream':
        return open(frame);
      case 'data': {
        const stream = streams.get(frame.streamId);
        // Late words on a stream that is over.
        if (!stream || stream.inputOver) return;
        if (frame.content.length > 0 && stream.input.push(frame.content))
          waitingBytes += frame.content.length;
        if (frame.fin) endInput(frame.streamId, stream);
        return roomForMore();
      }
      case 'rst-stream': {
        const stream = streams.get(frame.streamId);
        if (!stream) return;
        stream.wasReset = true;
        stream.outputOver = true;
        return endInput(frame.streamId, stream);
      }
      case 'ping':
        // Odd numbers are the client's, and come back; even ones are answers to ours.
        return frame.id % 2 === 1 ? send(frame) : undefined;
      case 'headers':
      case 'syn-reply':
        // They say nothing to us, but the state of the compression goes on with them.
        await decoder.decode(frame.block);
        return;
      case 'go-away':
        goingAway = true;
        return;
      case 'settings':
      case 'window-update':
        return;
    }
  }

  return {
    async serve() {
      try {
        for await (const chunk of channel.messages) for (const frame of read(chunk)) await take(frame);
      } catch (error) {
        onBroken?.(errorMessage(error));
        channel.close(PROTOCOL_ERROR, 'the protocol was broken');
      } finally {
        cutOff?.cancel();
        channel.close(NORMAL_CLOSURE, '');
        decoder.close();
        for (const stream of streams.values()) {
          stream.wasReset = true;
          stream.outputOver = true;
          stream.input.end();
        }
        streams.clear();
      }
    },
    ping() {
      void send({ type: 'ping', id: nextPing });
      nextPing = nextPing >= 0x7fff_fffe ? 2 : nextPing + 2;
    },
    close(graceMs) {
      goingAway = true;
      for (const stream of streams.values()) stream.input.ignore();
      void send({ type: 'go-away', lastStreamId, status: 0 });
      cutOff?.cancel();
      cutOff = clock.setTimer(() => channel.close(GOING_AWAY, ''), graceMs);
    },
  };
}
