import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteChannel } from '../../../../src/api/streams/byte-channel.ts';
import {
  createSpdyConnection,
  MAX_STREAMS,
  MAX_WAITING_BYTES,
  type SpdyConnection,
} from '../../../../src/api/streams/spdy/connection.ts';
import {
  createSpdyReader,
  encodeSpdyFrame,
  type SpdyFrame,
} from '../../../../src/api/streams/spdy/frames.ts';
import type { SpdyStream } from '../../../../src/api/streams/spdy/open-stream.ts';
import { createHeaderEncoder } from '../../../../src/api/streams/spdy/header-block.ts';
import { createAsyncQueue } from '../../../../src/base/async-queue.ts';
import { createFakeClock, settle } from '../../../support/fake-clock.ts';

interface World {
  readonly connection: SpdyConnection;
  readonly streams: SpdyStream[];
  /** The frames that the client got. */
  readonly frames: SpdyFrame[];
  readonly closed: { code: number | undefined };
  /** Messages that were taken from the wire. */
  readonly taken: { count: number };
  readonly done: Promise<void>;
  feed(...frames: readonly SpdyFrame[]): void;
  feedBytes(bytes: Buffer): void;
  hangUp(): void;
  openStream(id: number, headers?: Record<string, string>): SpdyFrame;
}

function createWorld(onStream: (stream: SpdyStream) => void = () => undefined): World {
  const queue = createAsyncQueue<Buffer>();
  const read = createSpdyReader();
  const encodeHeaders = createHeaderEncoder();
  const frames: SpdyFrame[] = [];
  const streams: SpdyStream[] = [];
  const closed: World['closed'] = { code: undefined };
  const taken = { count: 0 };
  async function* messages(): AsyncGenerator<Buffer> {
    for await (const message of queue) {
      taken.count += 1;
      yield message;
    }
  }
  const channel: ByteChannel = {
    messages: messages(),
    send: async (bytes) => void frames.push(...read(bytes)),
    ping: () => undefined,
    close(code) {
      closed.code ??= code;
      queue.close();
    },
  };
  const connection = createSpdyConnection({
    channel,
    clock: createFakeClock(),
    onStream(stream) {
      onStream(stream);
      streams.push(stream);
    },
  });
  return {
    connection,
    streams,
    frames,
    closed,
    taken,
    done: connection.serve(),
    feed: (...sent) => sent.forEach((frame) => queue.push(encodeSpdyFrame(frame))),
    feedBytes: (bytes) => void queue.push(bytes),
    hangUp: () => queue.close(),
    openStream: (streamId, headers = {}) => ({
      type: 'syn-stream',
      streamId,
      fin: false,
      unidirectional: false,
      block: encodeHeaders(new Map(Object.entries(headers))),
    }),
  };
}

const data = (streamId: number, text: string | Buffer, fin = false): SpdyFrame => ({
  type: 'data',
  streamId,
  fin,
  content: Buffer.from(text),
});
const typesOf = (frames: readonly SpdyFrame[]): readonly string[] => frames.map(({ type }) => type);
/** Real zlib works in a thread of its own: a condition is waited for. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await settle(1);
}

describe('a connection of SPDY', () => {
  it('answers a stream, carries its bytes both ways, and ends with both sides', async () => {
    const world = createWorld();
    world.feed(world.openStream(1, { streamtype: 'data', port: '80' }), data(1, 'ping'), data(1, '!', true));
    await until(() => world.streams.length === 1);
    const [stream] = world.streams;
    expect(stream?.headers).toEqual(
      new Map([
        ['streamtype', 'data'],
        ['port', '80'],
      ]),
    );
    const said: string[] = [];
    for await (const content of stream?.input ?? []) said.push(content.toString());
    expect(said).toEqual(['ping', '!']);
    await stream?.write(Buffer.from('pong'));
    await stream?.end();
    await stream?.write(Buffer.from('too late'));
    expect(world.frames).toMatchObject([
      { type: 'syn-reply', streamId: 1 },
      { type: 'data', streamId: 1, fin: false, content: Buffer.from('pong') },
      { type: 'data', streamId: 1, fin: true },
    ]);
    world.hangUp();
    await world.done;
  });

  it('takes no more than its limit when nobody reads, and goes on when somebody does', async () => {
    const world = createWorld();
    const chunk = Buffer.alloc(MAX_WAITING_BYTES / 4);
    world.feed(world.openStream(1));
    for (let index = 0; index < 40; index += 1) world.feed(data(1, chunk));
    await until(() => world.taken.count >= 6);
    await settle(20);
    expect(world.taken.count).toBe(6);
    let bytes = 0;
    world.hangUp();
    for await (const content of world.streams[0]?.input ?? []) bytes += content.length;
    expect(bytes).toBe(40 * chunk.length);
  });

  it('is not held back by input that nobody wants', async () => {
    const world = createWorld((stream) => stream.ignoreInput());
    const chunk = Buffer.alloc(MAX_WAITING_BYTES / 4);
    world.feed(world.openStream(1));
    for (let index = 0; index < 40; index += 1) world.feed(data(1, chunk));
    world.hangUp();
    await world.done;
    expect(world.taken.count).toBe(41);
  });

  it('refuses streams whose number is not a new one of the client, that are too many, or that nobody expects', async () => {
    const world = createWorld((stream) => {
      if (stream.headers.get('streamtype') === 'odd') throw new Error('no');
    });
    world.feed(world.openStream(2), world.openStream(3), world.openStream(3), world.openStream(1));
    world.feed(world.openStream(5, { streamtype: 'odd' }));
    for (let index = 0; index < MAX_STREAMS; index += 1) world.feed(world.openStream(7 + 2 * index));
    world.hangUp();
    await world.done;
    const resets = world.frames.filter((frame) => frame.type === 'rst-stream');
    expect(resets).toEqual([
      { type: 'rst-stream', streamId: 2, status: 1 },
      { type: 'rst-stream', streamId: 3, status: 1 },
      { type: 'rst-stream', streamId: 1, status: 1 },
      { type: 'rst-stream', streamId: 5, status: 3 },
      { type: 'rst-stream', streamId: 7 + 2 * (MAX_STREAMS - 1), status: 3 },
    ]);
  });

  it('answers pings of the client, and passes over what does not matter', async () => {
    const world = createWorld();
    world.feed({ type: 'ping', id: 7 }, { type: 'ping', id: 2 }, data(99, 'to nobody'));
    world.hangUp();
    await world.done;
    expect(world.frames).toEqual([{ type: 'ping', id: 7 }]);
    expect(world.closed.code).toBe(1000);
  });

  it('tells a stream that was reset from one that has ended', async () => {
    const world = createWorld();
    world.feed(world.openStream(1), { type: 'rst-stream', streamId: 1, status: 5 });
    await until(() => world.streams[0]?.wasReset === true);
    for await (const content of world.streams[0]?.input ?? []) expect(content).toBeUndefined();
    await world.streams[0]?.write(Buffer.from('x'));
    expect(typesOf(world.frames)).toEqual(['syn-reply']);
  });

  it('says goodbye and leaves it to the client to hang up', async () => {
    const world = createWorld();
    world.feed(world.openStream(1));
    await until(() => world.streams.length === 1);
    world.connection.close(1_000);
    expect(typesOf(world.frames)).toEqual(['syn-reply', 'go-away']);
    expect(world.closed.code).toBeUndefined();
    world.hangUp();
    await world.done;
  });

  it('ends, and does nothing worse, whatever bytes come', async () => {
    const chunk = fc.uint8Array({ minLength: 1, maxLength: 60 }).map((bytes) => Buffer.from(bytes));
    await fc.assert(
      fc.asyncProperty(
        fc.array(chunk, { maxLength: 6 }),
        fc.nat(40),
        fc.nat(255),
        async (chunks, at, value) => {
          const world = createWorld((stream) => stream.ignoreInput());
          const whole = Buffer.concat([
            encodeSpdyFrame(world.openStream(1)),
            encodeSpdyFrame(data(1, 'hello')),
          ]);
          whole[at % whole.length] = value;
          world.feedBytes(whole);
          for (const bytes of chunks) world.feedBytes(bytes);
          world.hangUp();
          await world.done;
          expect(world.closed.code).toBeGreaterThanOrEqual(1000);
        },
      ),
      { numRuns: 60 },
    );
  });
});
