/** Streams of the fake engine: logs, exec sessions and connections. */
import { Duplex, PassThrough } from 'node:stream';
import { type ExecSession, type LogOptions, type LogStream, RuntimeError } from '../types.ts';
import { type FakeContainer, followLog, type LogEntry } from './fake-container.ts';

const asLine = ({ atMs, line }: LogEntry, timestamps: boolean): Buffer => {
  const stamp = `${new Date(atMs).toISOString().slice(0, -1)}000000Z `;
  return Buffer.from(`${timestamps ? stamp : ''}${line}\n`);
};

export async function* readFakeLog(
  container: FakeContainer,
  { follow, timestamps, tailLines, sinceMs, only }: LogOptions,
  signal: AbortSignal,
): LogStream {
  // A fake program writes to stdout only.
  if (only === 'stderr') return;
  const since = container.log.filter(({ atMs }) => sinceMs === undefined || atMs >= sinceMs);
  const past = tailLines === undefined ? since : since.slice(Math.max(0, since.length - tailLines));
  const queue = follow && container.phase !== 'exited' ? followLog(container) : undefined;
  const close = (): void => queue?.close();
  signal.addEventListener('abort', close, { once: true });
  try {
    for (const entry of past) yield asLine(entry, timestamps);
    if (!queue || signal.aborted) return;
    for await (const entry of queue) yield asLine(entry, timestamps);
  } finally {
    signal.removeEventListener('abort', close);
    if (queue) container.followers.delete(queue);
  }
}

/** A session that answers with `output` and, given stdin, with what it reads (as `cat` does). */
export function openFakeSession(session: {
  readonly echo: boolean;
  readonly output: string;
  /** Whether `output` goes to stderr. */
  readonly onStderr?: boolean;
  readonly exitCode: number;
}): ExecSession {
  const stdout = new PassThrough();
  const stdin = new PassThrough();
  const stderr = session.onStderr === true ? new PassThrough() : undefined;
  (stderr ?? stdout).write(session.output);
  stderr?.end();
  if (session.echo) stdin.pipe(stdout);
  else stdout.end();
  let cut = false;
  const done = new Promise<number>((resolve) => {
    stdout.once('close', () => resolve(cut ? 137 : session.exitCode));
    stdout.once('end', () => resolve(session.exitCode));
  });
  return {
    ...(session.echo ? { stdin } : {}),
    stdout,
    ...(stderr ? { stderr } : {}),
    done,
    resize: async () => undefined,
    kill() {
      cut = true;
      stdin.destroy();
      stdout.destroy();
      stderr?.destroy();
    },
  };
}

/** Every port of a running container answers with what it is sent. */
export function dialFake(container: FakeContainer, port: number): Duplex {
  if (container.phase !== 'running') {
    throw new RuntimeError('transient', `Cannot connect to port ${port}: container is not running`);
  }
  const echo = new PassThrough();
  return Duplex.from({ readable: echo, writable: echo });
}
