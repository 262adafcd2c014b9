/**
 * exec and attach over SPDY. The client opens a stream each for error, stdin, stdout, stderr and
 * resize, told apart by the header `streamType`. The session begins when all are there.
 */
import { createAbort } from '../../base/abort.ts';
import { channels } from '../../base/channel-frames.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import type { ByteChannel } from './byte-channel.ts';
import { type ChannelMessage, statusText } from './channel-protocol.ts';
import type { SpdyProtocol } from './plan-upgrade.ts';
import type { SessionClient } from './session-client.ts';
import { createSpdyConnection, type SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/open-stream.ts';

/** As long as upstream waits for the client's streams. */
const CREATION_TIMEOUT_MS = 30_000;
/** How long a client may take to read the last output before it hangs up. */
const LINGER_MS = 60_000;

const channelOf: Readonly<Record<string, number>> = {
  error: channels.status,
  stdin: channels.stdin,
  stdout: channels.stdout,
  stderr: channels.stderr,
  resize: channels.resize,
};

export interface SpdySessionOptions {
  readonly channel: ByteChannel;
  readonly clock: Clock;
  readonly protocol: SpdyProtocol;
  /** Names of the streams without which the session does not begin. */
  readonly expected: readonly string[];
  onBroken(why: string): void;
}

export interface SpdySession {
  readonly connection: SpdyConnection;
  /** Undefined when the client's streams did not come. */
  readonly client: Promise<SessionClient | undefined>;
  /** The client has hung up. */
  readonly done: Promise<void>;
}

export function openSpdySession(options: SpdySessionOptions): SpdySession {
  const { channel, clock, protocol, expected, onBroken } = options;
  const streams = new Map<number, SpdyStream>();
  const begun = createAbort();

  function onStream(stream: SpdyStream): void {
    const type = channelOf[stream.headers.get('streamtype') ?? ''];
    if (type === undefined || streams.has(type)) throw new Error('no such stream is expected');
    streams.set(type, stream);
    if (type !== channels.stdin && type !== channels.resize) stream.ignoreInput();
    if (expected.every((name) => streams.has(channelOf[name] ?? -1))) begun.abort();
  }

  const connection = createSpdyConnection({ channel, clock, onStream, onBroken });
  const gone = connection.serve().finally(() => begun.abort());

  async function begin(): Promise<SessionClient | undefined> {
    await sleep(clock, CREATION_TIMEOUT_MS, begun.signal);
    if (!expected.every((name) => streams.has(channelOf[name] ?? -1))) {
      connection.close(0);
      return undefined;
    }
    let finished = false;
    return {
      input: merge(streams, gone),
      write: async (number, content) => streams.get(number)?.write(content),
      async finish(status) {
        if (finished) return;
        finished = true;
        const error = streams.get(channels.status);
        const words = protocol.statusAsJson ? status : statusText(status);
        if (words.length > 0) void error?.write(words);
        for (const stream of streams.values()) void stream.end();
        connection.close(LINGER_MS);
      },
    };
  }
  return { connection, client: begin(), done: gone };
}

/**
 * Messages of stdin and resize, as one sequence; at most one of each waits here. It ends with the
 * connection, not with the streams: a client whose input has ended still listens.
 */
async function* merge(
  streams: ReadonlyMap<number, SpdyStream>,
  gone: Promise<void>,
): AsyncGenerator<ChannelMessage> {
  const waiting: { readonly message: ChannelMessage; readonly taken: () => void }[] = [];
  let over = false;
  let wake: () => void = () => undefined;
  const put = (message: ChannelMessage): Promise<void> =>
    new Promise((taken) => {
      waiting.push({ message, taken });
      wake();
    });
  const pump = async (channel: number, { input }: SpdyStream): Promise<void> => {
    for await (const content of input) await put({ type: 'data', channel, content });
    await put({ type: 'close', channel });
  };
  for (const channel of [channels.stdin, channels.resize]) {
    const stream = streams.get(channel);
    if (stream) void pump(channel, stream);
  }
  void gone.then(() => {
    over = true;
    wake();
  });
  for (;;) {
    const next = waiting.shift();
    if (next) {
      next.taken();
      yield next.message;
    } else if (over) {
      return;
    } else {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  }
}
