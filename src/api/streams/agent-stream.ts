/** A stream to an agent through its tunnel, or the agent's refusal as the Status that the client gets. */
import type { ClientHttp2Stream } from 'node:http2';
import { badRequest, failure, type StatusError } from '../../schemas/status.ts';
import type { Tunnels } from '../tunnel.ts';
import type { StreamTarget } from './stream-request.ts';

/** Texts of refusals are short; more is not read. */
const MAX_REFUSAL_CHARS = 4_096;

export async function openAgentStream(
  tunnels: Tunnels,
  { node, path }: StreamTarget,
  signal: AbortSignal,
): Promise<ClientHttp2Stream> {
  const answer = await tunnels.request({ node, method: 'POST', path, signal, writable: true });
  if (answer.status === 200) return answer.stream;
  let text = '';
  for await (const chunk of answer.stream as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > MAX_REFUSAL_CHARS) break;
  }
  answer.stream.close();
  throw refusalOf(answer.status, text.trim());
}

function refusalOf(status: number, text: string): StatusError {
  if (status === 404) return failure(404, 'NotFound', text);
  if (status === 400) return badRequest(text);
  return failure(500, 'InternalError', `Internal error occurred: ${text}`);
}

/** Writes with respect for what the other side takes. */
export async function writeToAgent(stream: ClientHttp2Stream, bytes: Buffer): Promise<void> {
  if (stream.destroyed || stream.writableEnded || stream.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}
