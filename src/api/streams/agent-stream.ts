/** A stream to an agent through its tunnel, or the agent's refusal. */
import type { ClientHttp2Stream } from 'node:http2';
import { badRequest, failure, type StatusError } from '../../schemas/errors/status.ts';
import type { Tunnels } from '../tunnel.ts';
import type { StreamTarget } from './stream-request.ts';

/** Texts of refusals are short; more is not read. */
const MAX_REFUSAL_CHARS = 4_096;

/** The agent's answer instead of an open stream, in its own words. */
export class AgentRefusal extends Error {
  override readonly name = 'AgentRefusal';
  readonly httpStatus: number;

  constructor(httpStatus: number, message: string) {
    super(message);
    this.httpStatus = httpStatus;
  }
}

export async function openAgentStream(
  tunnels: Tunnels,
  { node, path }: StreamTarget,
  signal: AbortSignal,
): Promise<ClientHttp2Stream> {
  const answer = await tunnels.request({ node, method: 'POST', path, signal, writable: true });
  // A stream that fails ends its readers; no other handler is needed.
  answer.stream.on('error', () => undefined);
  if (answer.status === 200) return answer.stream;
  let text = '';
  for await (const chunk of answer.stream as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > MAX_REFUSAL_CHARS) break;
  }
  answer.stream.close();
  throw new AgentRefusal(answer.status, text.trim());
}

/** The Status that a client gets for a refusal. */
export function statusOfRefusal({ httpStatus, message }: AgentRefusal): StatusError {
  if (httpStatus === 404) return failure(404, 'NotFound', message);
  if (httpStatus === 400) return badRequest(message);
  return failure(500, 'InternalError', `Internal error occurred: ${message}`);
}

/** Writes, and waits while the other side does not take more. */
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
