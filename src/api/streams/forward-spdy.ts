/**
 * port-forward over SPDY. For each connection the client opens an error and a data stream, paired
 * by `requestID`. An error of one is written to its error stream, and the others go on.
 */
import type { ClientHttp2Stream } from 'node:http2';
import type { Clock, Timer } from '../../base/clock.ts';
import { errorMessage } from '../../base/errors.ts';
import { writeToAgent } from './agent-stream.ts';
import type { ByteChannel } from './byte-channel.ts';
import { createSpdyConnection, type SpdyConnection } from './spdy/connection.ts';
import type { SpdyStream } from './spdy/open-stream.ts';

/** As long as upstream waits for the other half of a pair. */
const PAIR_TIMEOUT_MS = 30_000;

export interface ForwardSpdyOptions {
  readonly channel: ByteChannel;
  readonly clock: Clock;
  connect(port: number): Promise<ClientHttp2Stream>;
  onBroken(why: string): void;
}

interface Pair {
  readonly timer: Timer;
  error?: SpdyStream;
  data?: SpdyStream;
}

export interface SpdyForwarding {
  readonly connection: SpdyConnection;
  readonly done: Promise<void>;
}

export function forwardSpdy({ channel, clock, connect, onBroken }: ForwardSpdyOptions): SpdyForwarding {
  const pairs = new Map<string, Pair>();

  function pairOf(requestId: string): Pair {
    const known = pairs.get(requestId);
    if (known) return known;
    const pair: Pair = {
      timer: clock.setTimer(() => {
        pairs.delete(requestId);
        for (const stream of [pair.error, pair.data]) stream?.reset();
      }, PAIR_TIMEOUT_MS),
    };
    pairs.set(requestId, pair);
    return pair;
  }

  function onStream(stream: SpdyStream): void {
    const type = stream.headers.get('streamtype');
    const port = portOf(stream.headers.get('port') ?? '');
    if (type !== 'error' && type !== 'data') throw new Error(`invalid stream type "${type ?? ''}"`);
    // Clients of before `requestID` open the data stream right after its error stream.
    const byNumber = String(type === 'error' ? stream.id : stream.id - 2);
    const requestId = stream.headers.get('requestid') ?? byNumber;
    const pair = pairOf(requestId);
    if (pair[type]) throw new Error(`there is a stream for request "${requestId}" already`);
    pair[type] = stream;
    if (type === 'error') stream.ignoreInput();
    const { error, data } = pair;
    if (!error || !data) return;
    pair.timer.cancel();
    pairs.delete(requestId);
    void forward(port, data, error, connect);
  }

  const connection = createSpdyConnection({ channel, clock, onStream, onBroken });
  const done = connection.serve().finally(() => {
    for (const { timer } of pairs.values()) timer.cancel();
  });
  return { connection, done };
}

/** One connection, from its beginning to its end; never rejects. */
async function forward(
  port: number,
  data: SpdyStream,
  error: SpdyStream,
  connect: ForwardSpdyOptions['connect'],
): Promise<void> {
  try {
    const agent = await connect(port);
    const input = copyInput(data, agent);
    for await (const chunk of agent as AsyncIterable<Buffer>) {
      if (data.wasReset) break;
      await data.write(chunk);
    }
    agent.close();
    data.ignoreInput();
    await input;
  } catch (failure) {
    // A client that has left its connection is no error.
    if (!data.wasReset) await error.write(Buffer.from(errorMessage(failure)));
    data.ignoreInput();
  }
  await Promise.all([data.end(), error.end()]);
}

async function copyInput(data: SpdyStream, agent: ClientHttp2Stream): Promise<void> {
  for await (const content of data.input) await writeToAgent(agent, content);
  if (data.wasReset) agent.close();
  else if (!agent.destroyed) agent.end();
}

function portOf(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65_535) throw new Error(`"${text}" is not a port`);
  return port;
}
