/**
 * port-forward over WebSocket channels (`v4.channel.k8s.io`, as @kubernetes/client-node and browsers speak it): the query
 * names the ports; port number i has the channels 2i (data) and 2i+1 (errors). Each channel's first message to the client is
 * its port, two bytes, little endian. One connection per port; the session lives as long as the WebSocket.
 */
import type { ClientHttp2Stream } from 'node:http2';
import { errorMessage } from '../../base/errors.ts';
import { writeToAgent } from './agent-stream.ts';
import { encodeMessage } from './channel-protocol.ts';
import type { ClientSocket } from './client-socket.ts';

export interface ForwardOptions {
  readonly client: ClientSocket;
  readonly ports: readonly number[];
  connect(port: number): Promise<ClientHttp2Stream>;
}

export async function bridgePorts({ client, ports, connect }: ForwardOptions): Promise<void> {
  const streams: (ClientHttp2Stream | undefined)[] = [];
  for (const [index, port] of ports.entries()) {
    const name = Buffer.alloc(2);
    name.writeUInt16LE(port);
    await client.send(encodeMessage(2 * index, name));
    await client.send(encodeMessage(2 * index + 1, name));
    const stream = await connect(port).catch(async (error: unknown) => {
      await client.send(encodeMessage(2 * index + 1, Buffer.from(errorMessage(error))));
      return undefined;
    });
    streams.push(stream);
  }
  const outputs = streams.map((stream, index) => copy(client, stream, 2 * index));
  // The last connection that ends takes the session with it.
  void Promise.all(outputs).then(() => client.close(1000, ''));
  for await (const message of client.messages) {
    const channel = message[0] ?? 1;
    const stream = channel % 2 === 0 ? streams[channel / 2] : undefined;
    if (stream && message.length > 1) await writeToAgent(stream, message.subarray(1));
  }
  for (const stream of streams) stream?.close();
}

async function copy(
  client: ClientSocket,
  stream: ClientHttp2Stream | undefined,
  channel: number,
): Promise<void> {
  if (!stream) return;
  stream.on('error', () => undefined);
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>)
      await client.send(encodeMessage(channel, chunk));
  } catch (error) {
    await client.send(encodeMessage(channel + 1, Buffer.from(errorMessage(error))));
  }
}
