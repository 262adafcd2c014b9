/**
 * A container's log as the Engine keeps it (json-file). `follow` ends with the container. The
 * Engine keeps lines in pieces (log-lines.ts); they are joined here, and the last lines are counted
 * whole.
 */
import { anySignal } from '../../../base/abort.ts';
import type { ContainerRuntime, LogOptions, LogStream } from '../types.ts';
import type { Engine } from './engine.ts';
import { createFrameParser } from './frames.ts';
import {
  createFrameJoiner,
  createTailFinder,
  createTextJoiner,
  type LineJoiner,
  MARGIN_PIECES,
  type OnPiece,
  type TailStart,
} from './log-lines.ts';
import type { Ownership } from './ownership.ts';

/** Above this many lines, pieces are counted: finding the lines would cost too much. */
const MAX_COUNTED_LINES = 10_000;
/** Each further read of a log's end is this many times longer. */
const WIDENING = 4;

interface Source {
  readonly id: string;
  readonly tty: boolean;
  readonly signal: AbortSignal;
}

interface Query {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tail: number | 'all';
  readonly since?: string;
  readonly only?: 'stdout' | 'stderr';
}

export function createLogs(engine: Engine, ownership: Ownership): Pick<ContainerRuntime, 'logs'> {
  const { docker, call } = engine;

  async function open({ id, signal }: Source, { only, ...query }: Query): Promise<AsyncIterable<Buffer>> {
    const source = await call(`read logs of container "${id}"`, ({ abortSignal }) =>
      docker.getContainer(id).logs({
        // The client hands out a stream only with `follow`. The Engine obeys the query.
        follow: true,
        abortSignal: anySignal(abortSignal, signal),
        _query: { ...query, stdout: only !== 'stderr', stderr: only !== 'stdout' },
      } as unknown as { follow: true }),
    );
    return source as AsyncIterable<Buffer>;
  }

  /** The Engine counts pieces. If a line has several, the time of the first wanted line counts. */
  async function startOf(source: Source, lines: number | undefined): Promise<TailStart> {
    if (lines === undefined) return { tail: 'all' };
    if (lines === 0 || lines > MAX_COUNTED_LINES) return { tail: lines };
    for (let asked = lines + MARGIN_PIECES; ; asked *= WIDENING) {
      const finder = createTailFinder(lines);
      const pieces = await open(source, { follow: false, timestamps: true, tail: asked });
      const read = demux(pieces, source, joinerOf(source, finder.onPiece))[Symbol.asyncIterator]();
      while (!(await read.next()).done);
      const found = source.signal.aborted ? { tail: lines } : finder.result(asked);
      if (found) return found;
    }
  }

  return {
    async logs(id, options, signal) {
      await ownership.assertOurs(id);
      const inspected = await call(`read logs of container "${id}"`, (inspection) =>
        docker.getContainer(id).inspect(inspection),
      );
      const source: Source = { id, tty: inspected.Config.Tty, signal };
      const start = await startOf(source, options.tailLines);
      const stream = await open(source, queryOf(options, start));
      return demux(stream, source, options.timestamps ? joinerOf(source) : (chunk) => chunk);
    },
  };
}

function queryOf({ follow, timestamps, sinceMs, only }: LogOptions, start: TailStart): Query {
  const asked = sinceMs === undefined ? undefined : (sinceMs / 1_000).toFixed(3);
  const found = 'since' in start ? start.since : undefined;
  // The later one of both leaves out more.
  const since = asked !== undefined && Number(asked) > Number(found ?? 0) ? asked : found;
  return {
    follow,
    timestamps,
    tail: 'tail' in start ? start.tail : 'all',
    ...(since === undefined ? {} : { since }),
    ...(only === undefined ? {} : { only }),
  };
}

const joinerOf = ({ tty }: Source, onPiece?: OnPiece): LineJoiner =>
  tty ? createTextJoiner(onPiece) : createFrameJoiner(onPiece);

async function* demux(chunks: AsyncIterable<Buffer>, { tty, signal }: Source, join: LineJoiner): LogStream {
  const parse = createFrameParser();
  try {
    for await (const chunk of chunks) {
      if (tty) yield join(chunk, 'terminal');
      else for (const { stream, payload } of parse(chunk)) yield join(payload, stream);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
