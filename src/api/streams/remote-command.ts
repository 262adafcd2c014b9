/** exec and attach: copies between client and agent until the session ends. Buffers nothing. */
import type { ClientHttp2Stream } from 'node:http2';
import { channels, createFrameReader, encodeFrame } from '../../base/channel-frames.ts';
import { errorMessage } from '../../base/errors.ts';
import { writeToAgent } from './agent-stream.ts';
import { failureStatus } from './channel-protocol.ts';
import type { SessionClient } from './session-client.ts';

/** Aborting the signal ends the session; its reason is told to the client. */
export async function bridgeSession(
  client: SessionClient,
  agent: ClientHttp2Stream,
  signal: AbortSignal,
): Promise<void> {
  const cut = (): void => {
    void client.finish(failureStatus(errorMessage(signal.reason)));
    agent.close();
  };
  signal.addEventListener('abort', cut, { once: true });
  if (signal.aborted) cut();
  const input = copyInput(client, agent).finally(() => agent.close());
  const status = await copyOutput(client, agent);
  await client.finish(status);
  await input;
  signal.removeEventListener('abort', cut);
}

async function copyInput(client: SessionClient, agent: ClientHttp2Stream): Promise<void> {
  for await (const message of client.input) {
    if (message.type === 'close') {
      if (message.channel === channels.stdin)
        await writeToAgent(agent, encodeFrame(channels.stdin, Buffer.alloc(0)));
    } else if (message.content.length > 0) {
      // Clients open channels with empty messages; to the agent an empty frame would be the end.
      await writeToAgent(agent, encodeFrame(message.channel, message.content));
    }
  }
}

/** The final status of the session. */
async function copyOutput(client: SessionClient, agent: ClientHttp2Stream): Promise<Buffer> {
  const read = createFrameReader();
  try {
    for await (const chunk of agent as AsyncIterable<Buffer>) {
      for (const { channel, content } of read(chunk)) {
        if (channel === channels.status) return content;
        await client.write(channel, content);
      }
    }
  } catch (error) {
    return failureStatus(errorMessage(error));
  }
  return failureStatus('the connection to the node was lost');
}
