/**
 * One SPDY/3.1 connection, served. Flow control windows are not kept: spdystream, the clients'
 * library, neither sends nor heeds WINDOW_UPDATE. A slow side holds the whole connection back
 * instead. A violation of the protocol ends this connection alone.
 */
import type { Clock, Timer } from '../../../base/clock.ts';
import { errorMessage } from '../../../base/errors.ts';
import type { ByteChannel } from '../byte-channel.ts';
import { createSpdyReader, encodeSpdyFrame, resetStatus, type SpdyFrame } from './frames.ts';
import {
  createHeaderDecoder,
  createHeaderEncoder,
  type HeaderDecoder,
  type SpdyHeaders,
} from './header-block.ts';
import { type OpenStream, openStream, type SpdyStream } from './open-stream.ts';

export interface SpdyConnection {
  /** Reads until the client is gone; never rejects. */
  serve(): Promise<void>;
  ping(): void;
  /**
   * Announces the end. The client hangs up: spdystream loses what it has not handed out yet when
   * the connection ends under it. After `graceMs` it is cut off.
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
/** Unread bytes of clients over all streams; beyond it we stop reading. */
export const MAX_WAITING_BYTES = 1024 * 1024;

const NORMAL_CLOSURE = 1000;
const GOING_AWAY = 1001;
const PROTOCOL_ERROR = 1002;
const NO_HEADERS: SpdyHeaders = new Map();

interface Connection {
  readonly streams: Map<number, OpenStream>;
  readonly room: Room;
  readonly decoder: HeaderDecoder;
  readonly encodeHeaders: ReturnType<typeof createHeaderEncoder>;
  readonly onStream: SpdyOptions['onStream'];
  send(frame: SpdyFrame): Promise<void>;
  lastStreamId: number;
  goingAway: boolean;
}

export function createSpdyConnection({ channel, clock, onStream, onBroken }: SpdyOptions): SpdyConnection {
  const connection: Connection = {
    streams: new Map(),
    room: createRoom(),
    decoder: createHeaderDecoder(),
    encodeHeaders: createHeaderEncoder(),
    onStream,
    send: (frame) => channel.send(encodeSpdyFrame(frame)),
    lastStreamId: 0,
    goingAway: false,
  };
  const { streams, send } = connection;
  const read = createSpdyReader();
  // A server's pings have even numbers.
  let nextPing = 2;
  let cutOff: Timer | undefined;

  return {
    async serve() {
      try {
        for await (const chunk of channel.messages)
          for (const frame of read(chunk)) await takeFrame(connection, frame);
      } catch (error) {
        onBroken?.(errorMessage(error));
        channel.close(PROTOCOL_ERROR, 'the protocol was broken');
      } finally {
        cutOff?.cancel();
        channel.close(NORMAL_CLOSURE, '');
        connection.decoder.close();
        for (const stream of streams.values()) stream.lose();
      }
    },
    ping() {
      void send({ type: 'ping', id: nextPing });
      nextPing = nextPing >= 0x7fff_fffe ? 2 : nextPing + 2;
    },
    close(graceMs) {
      connection.goingAway = true;
      for (const stream of streams.values()) stream.ignoreInput();
      void send({ type: 'go-away', lastStreamId: connection.lastStreamId, status: 0 });
      cutOff?.cancel();
      cutOff = clock.setTimer(() => channel.close(GOING_AWAY, ''), graceMs);
    },
  };
}

async function takeFrame(connection: Connection, frame: SpdyFrame): Promise<void> {
  const { streams, decoder, send, room } = connection;
  switch (frame.type) {
    case 'syn-stream':
      return acceptStream(connection, frame);
    case 'data':
      room.fill(streams.get(frame.streamId)?.receive(frame.content, frame.fin) ?? 0);
      return room.wait();
    case 'rst-stream':
      return streams.get(frame.streamId)?.lose();
    case 'ping':
      // Odd numbers are the client's, and come back; even ones are answers to ours.
      return frame.id % 2 === 1 ? send(frame) : undefined;
    case 'headers':
    case 'syn-reply':
      // Their content is not used, but the state of the compression goes on with them.
      await decoder.decode(frame.block);
      return;
    case 'go-away':
      connection.goingAway = true;
  }
}

async function acceptStream(
  connection: Connection,
  frame: SpdyFrame & { readonly type: 'syn-stream' },
): Promise<void> {
  const { streams, decoder, encodeHeaders, send, room } = connection;
  const { streamId: id, fin, unidirectional } = frame;
  // Decoded even when the stream is refused: the next block builds on this one.
  const headers = await decoder.decode(frame.block);
  const isNew = id % 2 === 1 && id > connection.lastStreamId;
  if (!isNew) return send({ type: 'rst-stream', streamId: id, status: resetStatus.protocolError });
  connection.lastStreamId = id;
  const refused: SpdyFrame = { type: 'rst-stream', streamId: id, status: resetStatus.refusedStream };
  if (streams.size >= MAX_STREAMS || connection.goingAway) return send(refused);
  let over = false;
  const onOver = (): void => {
    over = true;
    streams.delete(id);
  };
  const stream = openStream({ id, headers, fin, unidirectional, send, onTaken: room.free, onOver });
  if (!over) streams.set(id, stream);
  // The reply goes first, for the client takes no data before it; sends keep their order.
  const replied = send({ type: 'syn-reply', streamId: id, fin: false, block: encodeHeaders(NO_HEADERS) });
  try {
    connection.onStream(stream);
  } catch {
    stream.abandon();
    return send(refused);
  }
  await replied;
}

interface Room {
  fill(bytes: number): void;
  free(bytes: number): void;
  /** Resolves when there is room. Readers that leave free theirs, so this ends with the client. */
  wait(): Promise<void>;
}

function createRoom(): Room {
  let waitingBytes = 0;
  let onRoom: () => void = () => undefined;
  return {
    fill(bytes) {
      waitingBytes += bytes;
    },
    free(bytes) {
      waitingBytes -= bytes;
      if (waitingBytes <= MAX_WAITING_BYTES) onRoom();
    },
    async wait() {
      while (waitingBytes > MAX_WAITING_BYTES) {
        await new Promise<void>((resolve) => {
          onRoom = resolve;
        });
      }
    },
  };
}
