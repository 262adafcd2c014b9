/** The client's end of back up and restore: frames on a socket that the server has switched. */
import type { Duplex, Readable, Writable } from 'node:stream';
import { chunkFrame, END_FRAME, readChunkFrames, SenderFailed } from '../../base/chunk-frames.ts';
import { TransientError, UserError } from '../../base/errors.ts';
import { isRecord, parsedJson } from '../../base/json.ts';
import type { Connection } from '../../client/connection.ts';

const PROTOCOL = 'symphony-volume';
const DECIMAL = 1_000;
/** An answer is one short object. */
const MAX_ANSWER_BYTES = 64 * 1024;

export interface ClaimName {
  readonly namespace: string;
  readonly name: string;
}

export function splitClaim(text: string): ClaimName {
  const [namespace = '', name = '', ...more] = text.split('/');
  if (namespace === '' || name === '' || more.length > 0)
    throw new UserError(`Cannot use "${text}": give a claim as NAMESPACE/CLAIM`);
  return { namespace, name };
}

export const openArchive = (
  connection: Pick<Connection, 'upgrade'>,
  { namespace, name }: ClaimName,
  action: 'backup' | 'restore',
  signal: AbortSignal,
  force = false,
): Promise<Duplex> =>
  connection.upgrade(
    `/apis/symphony.dev/v1/namespaces/${encodeURIComponent(namespace)}/volumes/${encodeURIComponent(name)}/${action}${force ? '?force=true' : ''}`,
    PROTOCOL,
    signal,
  );

/**
 * Writes the archive. Throws where it is not complete, also where its reader went away. Answers its
 * size.
 */
export async function receiveArchive(
  socket: Duplex,
  output: Writable,
  onProgress: (bytes: number) => void,
): Promise<number> {
  let bytes = 0;
  let isWritten = true;
  // Each write reports its own error. The event comes after that, when this function may be over.
  output.on('error', () => undefined);
  try {
    for await (const chunk of readChunkFrames(socket)) {
      bytes += chunk.length;
      onProgress(bytes);
      isWritten = false;
      await writeTo(output, chunk);
      isWritten = true;
    }
  } catch (error) {
    const text = `The backup is not complete (${sizeText(bytes)} arrived); do not use the file: ${(error as Error).message}`;
    const isFinal = !isWritten || error instanceof SenderFailed;
    throw isFinal ? new UserError(text, { cause: error }) : new TransientError(text, { cause: error });
  } finally {
    socket.destroy();
  }
  return bytes;
}

/** Sends the archive, and answers what was restored. The old data stays when this throws. */
export async function sendArchive(
  socket: Duplex,
  input: Readable,
  onProgress: (bytes: number) => void,
): Promise<{ readonly entries: number; readonly bytes: number }> {
  const answer = readAnswer(socket);
  // It is awaited below; a failure while sending comes first.
  answer.catch(() => undefined);
  let sent = 0;
  try {
    for await (const chunk of input as AsyncIterable<Buffer>) {
      if (socket.destroyed || socket.readableEnded) break;
      sent += chunk.length;
      onProgress(sent);
      await writeTo(socket, chunkFrame(chunk));
    }
    if (!socket.destroyed) await writeTo(socket, END_FRAME);
  } catch {
    // The answer says why, or that there is none.
  }
  try {
    const result = await answer;
    if (typeof result['error'] === 'string')
      throw new UserError(`Cannot restore; the volume keeps its old data: ${result['error']}`);
    return { entries: Number(result['entries']), bytes: Number(result['bytes']) };
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new TransientError(
      `The connection was lost before the restore was confirmed; look at the volume, and restore again with --force: ${(error as Error).message}`,
      { cause: error },
    );
  } finally {
    socket.destroy();
  }
}

async function readAnswer(socket: Duplex): Promise<Readonly<Record<string, unknown>>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readChunkFrames(socket)) {
    size += chunk.length;
    if (size > MAX_ANSWER_BYTES) throw new Error('the answer is too long');
    chunks.push(chunk);
  }
  const answer = parsedJson(Buffer.concat(chunks).toString());
  if (!isRecord(answer)) throw new Error('the answer cannot be read');
  return answer;
}

/** Waits while the other side does not take more. */
function writeTo(stream: Writable, chunk: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.write(chunk, (error) => (error ? reject(error) : resolve()));
  });
}

export function sizeText(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let [value, unit] = [bytes, 0];
  for (; value >= DECIMAL && unit < units.length - 1; unit += 1) value /= DECIMAL;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit] ?? ''}`;
}
