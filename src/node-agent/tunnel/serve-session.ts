/**
 * A session in a container (exec or attach) on one stream of the tunnel, in frames
 * (base/channel-frames.ts). Unread output holds the container back, unread input holds the client
 * back. A stream that closes ends the session.
 */
import type { ServerHttp2Stream } from 'node:http2';
import { channels, createFrameReader, encodeFrame } from '../../base/channel-frames.ts';
import { drained } from '../../base/drained.ts';
import { isRecord } from '../../base/json.ts';
import { failureWords } from '../pod/failure-words.ts';
import type { ExecSession } from '../runtime/types.ts';

export async function serveSession(
  stream: ServerHttp2Stream,
  session: ExecSession,
  statusOf: (exitCode: number) => unknown,
  action: 'executing command in' | 'attaching to',
): Promise<void> {
  if (stream.destroyed) return session.kill();
  stream.respond({ ':status': 200, 'content-type': 'application/x-symphony-exec' });
  stream.on('close', () => session.kill());
  session.stdin?.on('error', () => undefined);
  readInput(stream, session);
  async function copy(source: AsyncIterable<Buffer> | undefined, channel: number): Promise<void> {
    if (!source) return;
    for await (const chunk of source) {
      if (!stream.write(encodeFrame(channel, chunk))) await drained(stream);
    }
  }
  let status: unknown;
  try {
    await Promise.all([copy(session.stdout, channels.stdout), copy(session.stderr, channels.stderr)]);
    status = statusOf(await session.done);
  } catch (error) {
    status = failedStatus(`error ${action} container: ${failureWords(error)}`);
  }
  if (!stream.destroyed) stream.end(encodeFrame(channels.status, Buffer.from(JSON.stringify(status))));
}

function readInput(stream: ServerHttp2Stream, session: ExecSession): void {
  const read = createFrameReader();
  stream.on('data', (chunk: Buffer) => {
    try {
      for (const { channel, content } of read(chunk)) {
        if (channel === channels.resize) resize(session, content);
        else if (channel !== channels.stdin || session.stdin?.writable !== true) continue;
        else if (content.length === 0) session.stdin.end();
        else if (!session.stdin.write(content)) {
          stream.pause();
          session.stdin.once('drain', () => stream.resume());
        }
      }
    } catch {
      stream.close(1);
    }
  });
  stream.on('end', () => session.stdin?.end());
}

function resize(session: ExecSession, content: Buffer): void {
  const size = JSON.parse(content.toString('utf8')) as unknown;
  if (!isRecord(size)) return;
  const columns = Number(size['Width'] ?? 0);
  const rows = Number(size['Height'] ?? 0);
  if (columns > 0 && rows > 0) session.resize({ columns, rows }).catch(() => undefined);
}

/** kubelet's answer if the command did not start, or its end is unknown. */
const failedStatus = (message: string): unknown => ({
  metadata: {},
  status: 'Failure',
  message: `Internal error occurred: ${message}`,
  reason: 'InternalError',
  details: { causes: [{ message }] },
  code: 500,
});

/** The `metav1.Status` that remotecommand ends with. */
export function execStatus(exitCode: number): unknown {
  if (exitCode === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${exitCode}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(exitCode) }] },
  };
}
