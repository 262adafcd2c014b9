/**
 * A watch over HTTP: one JSON event a line. Frames are written as they come; what a slow client has not taken yet waits
 * in its own socket, up to a limit, and beyond it that client alone is cut off.
 */
import type { ServerResponse } from 'node:http';
import type { Logger } from '../../base/logger.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { ApiCore } from '../core/core.ts';
import type { CollectionRef, WatchFrame, WatchOptions, WatchSink } from '../core/types.ts';
import { partialObjectMetadata, toTable } from '../tables/index.ts';
import type { AnswerContext } from './answers.ts';
import { statusOf } from './failures.ts';
import { objectJson } from './object-json.ts';

/** Bytes that may wait for one client: some thousand events, seconds of a large rollout. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

export interface WatchStream {
  /** Ends the stream as at its time-out: clients resume elsewhere. */
  close(): void;
}

export interface WatchRequest {
  readonly core: ApiCore;
  readonly collection: CollectionRef;
  readonly options: WatchOptions;
  readonly context: AnswerContext;
  readonly logger: Logger;
  readonly headers: Readonly<Record<string, string>>;
}

/** Resolves when the watch stands (or has already ended); throws what makes it impossible. */
export async function streamWatch(request: WatchRequest, response: ServerResponse): Promise<WatchStream> {
  const { core, collection, options, context, logger } = request;
  const encode = encoderFor(context, collection.kind, () => core.clock.now());
  let handle: Disposable | undefined;
  let over = false;

  function stop(): void {
    over = true;
    handle?.[Symbol.dispose]();
  }
  function begin(): void {
    if (response.headersSent) return;
    const contentType = 'application/json';
    response.writeHead(200, {
      ...request.headers,
      'content-type': contentType,
      'cache-control': 'no-cache, private',
    });
    response.flushHeaders();
  }
  const sink: WatchSink = {
    frame(frame) {
      if (over) return;
      begin();
      response.write(encode(frame));
      if (response.writableLength <= MAX_WAITING_BYTES) return;
      logger.warn({ resource: collection.kind.plural }, 'A watching client is too slow; its watch is ended');
      stop();
      response.destroy();
    },
    end(error) {
      if (over) return;
      over = true;
      begin();
      if (error) response.write(errorLine(error, logger));
      response.end();
    },
  };
  response.on('close', stop);
  try {
    handle = await core.watch(collection, options, sink);
  } catch (error) {
    // A version that is too old is told within the stream, as Kubernetes does; bad options are a plain refusal.
    if (statusOf(error, logger).code !== 410) throw error;
    sink.end(error as Error);
  }
  if (over) handle?.[Symbol.dispose]();
  else begin();
  return {
    close() {
      stop();
      response.end();
    },
  };
}

function errorLine(error: Error, logger: Logger): string {
  return `{"type":"ERROR","object":${JSON.stringify(statusOf(error, logger))}}\n`;
}

/** Lines of plain objects are the same for every watcher; they are made once per frame. */
const plainLines = new WeakMap<WatchFrame, Buffer>();

function encoderFor(
  context: AnswerContext,
  kind: ResourceKind,
  now: () => number,
): (frame: WatchFrame) => Buffer | string {
  const { transform } = context.form;
  if (transform === undefined) {
    return (frame) => {
      let line = plainLines.get(frame);
      if (!line) {
        line = Buffer.from(`{"type":"${frame.type}","object":${objectJson(frame.object)}}\n`);
        plainLines.set(frame, line);
      }
      return line;
    };
  }
  if (transform !== 'Table') {
    return ({ type, object }) => `${JSON.stringify({ type, object: partialObjectMetadata(object) })}\n`;
  }
  let withColumns = true;
  return ({ type, object }) => {
    const objects = type === 'BOOKMARK' ? [] : [object];
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
    const { includeObject } = context;
    const table = toTable({ kind, objects, metadata, includeObject, nowMs: now(), withColumns });
    withColumns = false;
    return `${JSON.stringify({ type, object: table })}\n`;
  };
}
