/** A stream to an agent through its tunnel, or the agent's refusal. */
import type { ClientHttp2Stream } from 'node:http2';
import { drained } from '../../base/drained.ts';
import { isRecord } from '../../base/json.ts';
import { badRequest, failure, type StatusError } from '../../schemas/errors/status.ts';
import type { TunnelRequest, Tunnels } from '../tunnel.ts';
import type { StreamTarget } from './stream-request.ts';

/** Texts of refusals are short; more is not read. */
const MAX_REFUSAL_CHARS = 4_096;

/** The agent's answer instead of a stream, in its own words. */
export class AgentRefusal extends Error {
  override readonly name = 'AgentRefusal';
  readonly httpStatus: number;

  constructor(httpStatus: number, message: string) {
    super(message);
    this.httpStatus = httpStatus;
  }
}

/** Throws {@link AgentRefusal} for every answer but 200. */
export async function askAgent(tunnels: Tunnels, request: TunnelRequest): Promise<ClientHttp2Stream> {
  const { status, stream } = await tunnels.request(request);
  // A stream that fails ends its readers; no other handler is needed.
  stream.on('error', () => undefined);
  if (status === 200) return stream;
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    text += chunk.toString();
    if (text.length > MAX_REFUSAL_CHARS) break;
  }
  stream.close();
  throw new AgentRefusal(status, messageOf(text.trim()));
}

export const openAgentStream = (
  tunnels: Tunnels,
  { node, path }: StreamTarget,
  signal: AbortSignal,
): Promise<ClientHttp2Stream> => askAgent(tunnels, { node, method: 'POST', path, signal, writable: true });

/** Agents answer with plain text or with a Status. */
function messageOf(text: string): string {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed) && typeof parsed['message'] === 'string') return parsed['message'];
  } catch {
    // Plain text.
  }
  return text === '' ? 'the agent refused the request' : text;
}

/** The Status that a client gets for a refusal. */
export function statusOfRefusal({ httpStatus, message }: AgentRefusal): StatusError {
  if (httpStatus === 404) return failure(404, 'NotFound', message);
  if (httpStatus === 409) return failure(409, 'Conflict', message);
  if (httpStatus === 400) return badRequest(message);
  return failure(500, 'InternalError', `Internal error occurred: ${message}`);
}

/** Writes, and waits while the other side does not take more. */
export async function writeToAgent(stream: ClientHttp2Stream, bytes: Buffer): Promise<void> {
  if (stream.destroyed || stream.writableEnded || stream.write(bytes)) return;
  await drained(stream);
}
