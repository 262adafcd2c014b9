/**
 * port-forward over WebSocket channels (`v4.channel.k8s.io`). The query names the ports; port
 * number i has the channels 2i (data) and 2i+1 (errors). Each channel's first message to the client
 * is its port, two bytes, little endian. The session lives as long as the WebSocket.
 */
import type { ClientHttp2Stream } from 'node:http2';
import { errorMessage } from '../../base/errors.ts';
import { writeToAgent } from './agent-stream.ts';
import type { ByteChannel } from './byte-channel.ts';
import { type ChannelProtocol, encodeMessage, parseMessage } from './channel-protocol.ts';

export interface ForwardChannelsOptions {
  readonly channel: ByteChannel;
  readonly protocol: ChannelProtocol;
  readonly ports: readonly number[];
  connect(port: number): Promise<ClientHttp2Stream>;
}

const NORMAL_CLOSURE = 1000;

export async function forwardChannels(options: ForwardChannelsOptions): Promise<void> {
  const { channel, protocol, ports, connect } = options;
  const send = (number: number, content: Buffer): Promise<void> =>
    channel.send(encodeMessage(number, content, protocol));
  const streams: (ClientHttp2Stream | undefined)[] = [];
  for (const [index, port] of ports.entries()) {
    const name = Buffer.alloc(2);
    name.writeUInt16LE(port);
    await send(2 * index, name);
    await send(2 * index + 1, name);
    const stream = await connect(port).catch(async (error: unknown) => {
      await send(2 * index + 1, Buffer.from(errorMessage(error)));
      return undefined;
    });
    streams.push(stream);
  }

  async function copy(stream: ClientHttp2Stream | undefined, number: number): Promise<void> {
    if (!stream) return;
    try {
      for await (const chunk of stream as AsyncIterable<Buffer>) await send(number, chunk);
    } catch (error) {
      await send(number + 1, Buffer.from(errorMessage(error)));
    }
  }

  const outputs = streams.map((stream, index) => copy(stream, 2 * index));
  // The last connection that ends takes the session with it.
  void Promise.all(outputs).then(() => channel.close(NORMAL_CLOSURE, ''));
  for await (const bytes of channel.messages) {
    const message = parseMessage(bytes, protocol);
    if (message?.type !== 'data' || message.channel % 2 !== 0) continue;
    const stream = streams[message.channel / 2];
    if (stream && message.content.length > 0) await writeToAgent(stream, message.content);
  }
  for (const stream of streams) stream?.close();
}
