/** exec and attach over channels of a WebSocket. */
import { channels } from '../../base/channel-frames.ts';
import type { ByteChannel } from './byte-channel.ts';
import {
  type ChannelMessage,
  type ChannelProtocol,
  encodeMessage,
  isInput,
  parseMessage,
  statusText,
} from './channel-protocol.ts';
import type { SessionClient } from './session-client.ts';

const NORMAL_CLOSURE = 1000;

export function openChannelSession(channel: ByteChannel, protocol: ChannelProtocol): SessionClient {
  let finished = false;
  const write = (number: number, content: Buffer): Promise<void> =>
    channel.send(encodeMessage(number, content, protocol));

  async function* input(): AsyncGenerator<ChannelMessage> {
    for await (const bytes of channel.messages) {
      const message = parseMessage(bytes, protocol);
      if (message && isInput(message.channel)) yield message;
    }
  }

  // An empty message announces that the session has begun, as upstream's does.
  void write(channels.stdout, Buffer.alloc(0));
  return {
    input: input(),
    write,
    async finish(status) {
      if (finished) return;
      finished = true;
      const words = protocol.statusAsJson ? status : statusText(status);
      // A client that does not read cannot delay the end: the close has a limit of its own.
      if (words.length > 0) void write(channels.status, words);
      channel.close(NORMAL_CLOSURE, '');
    },
  };
}
