/** exec and attach: what the client's channels say goes to the agent's stream and back, until the session has a status. */
import type { ClientHttp2Stream } from 'node:http2';
import { channels, createFrameReader, encodeFrame } from '../../base/channel-frames.ts';
import { errorMessage } from '../../base/errors.ts';
import { writeToAgent } from './agent-stream.ts';
import { encodeMessage, failureStatus, isInput, parseMessage } from './channel-protocol.ts';
import type { ClientSocket } from './client-socket.ts';

const NORMAL_CLOSURE = 1000;

export async function bridgeSession(
  client: ClientSocket,
  agent: ClientHttp2Stream,
  protocol: string,
): Promise<void> {
  agent.on('error', () => undefined);
  const input = readClient(client, agent, protocol).finally(() => agent.close());
  const ended = await readAgent(client, agent);
  if (!ended)
    await client.send(encodeMessage(channels.status, failureStatus('the connection to the node was lost')));
  client.close(NORMAL_CLOSURE, '');
  await input;
}

async function readClient(client: ClientSocket, agent: ClientHttp2Stream, protocol: string): Promise<void> {
  for await (const bytes of client.messages) {
    const message = parseMessage(bytes, protocol);
    if (!message || !isInput(message.channel)) continue;
    if (message.type === 'close') {
      if (message.channel === channels.stdin)
        await writeToAgent(agent, encodeFrame(channels.stdin, Buffer.alloc(0)));
    } else if (message.content.length > 0) {
      // Clients open their channels with empty messages; to the agent an empty frame would be the end.
      await writeToAgent(agent, encodeFrame(message.channel, message.content));
    }
  }
}

/** True when the session came to its end with a status. */
async function readAgent(client: ClientSocket, agent: ClientHttp2Stream): Promise<boolean> {
  const read = createFrameReader();
  try {
    for await (const chunk of agent as AsyncIterable<Buffer>) {
      for (const { channel, content } of read(chunk)) {
        await client.send(encodeMessage(channel, content));
        if (channel === channels.status) return true;
      }
    }
  } catch (error) {
    await client.send(encodeMessage(channels.status, failureStatus(errorMessage(error))));
    return true;
  }
  return false;
}
