/** A container's log as the Engine keeps it (json-file); `follow` ends with the container. */
import { anySignal } from '../../../base/abort.ts';
import type { ContainerRuntime, LogStream } from '../types.ts';
import type { Engine } from './engine.ts';
import { createFrameParser } from './frames.ts';
import type { Ownership } from './ownership.ts';

export function createLogs(engine: Engine, ownership: Ownership): Pick<ContainerRuntime, 'logs'> {
  const { docker, call } = engine;
  return {
    async logs(id, options, signal) {
      await ownership.assertOurs(id);
      const action = `read logs of container "${id}"`;
      const container = docker.getContainer(id);
      const info = await call(action, (inspection) => container.inspect(inspection));
      const query = {
        follow: options.follow,
        stdout: options.only !== 'stderr',
        stderr: options.only !== 'stdout',
        timestamps: options.timestamps,
        tail: options.tailLines ?? 'all',
        ...(options.sinceMs === undefined ? {} : { since: (options.sinceMs / 1000).toFixed(3) }),
      };
      const source = await call(action, ({ abortSignal }) =>
        container.logs({
          // `follow` here only tells the client to hand out a stream, not a buffer of everything; the query decides.
          follow: true,
          abortSignal: anySignal(abortSignal, signal),
          _query: query,
        } as unknown as { follow: true }),
      );
      return demux(source as AsyncIterable<Buffer>, info.Config.Tty, signal);
    },
  };
}

async function* demux(source: AsyncIterable<Buffer>, tty: boolean, signal: AbortSignal): LogStream {
  const parse = createFrameParser();
  try {
    for await (const chunk of source) {
      if (tty) yield chunk;
      else for (const { payload } of parse(chunk)) yield payload;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
