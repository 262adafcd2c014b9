/**
 * A watch over HTTP: one JSON event a line or message; protobuf for clients that take nothing else.
 * Frames that a slow client has not taken wait in its own socket, up to a limit. Beyond it that
 * client alone is cut off; it resumes, or gets Gone and lists again.
 */
import type { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { WebSocket } from 'ws';
import type { Logger } from '../../base/logger.ts';
import type { ResourceKind } from '../../schemas/resource-kind.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { CollectionRef, WatchFrame, WatchOptions, WatchSink } from '../../resources/types.ts';
import { partialObjectMetadata, toTable } from '../tables/index.ts';
import { encodeWatchEvent } from '../protobuf/index.ts';
import { type AnswerContext, transformed } from './answers.ts';
import { statusOf } from './failures.ts';
import { PROTOBUF } from './negotiation.ts';
import { eventBytes } from './object-json.ts';

/** Bytes that may wait for one client: some thousand events, seconds of a large rollout. */
const MAX_WAITING_BYTES = 16 * 1024 * 1024;

export interface WatchStream {
  /** Ends the stream as at its time-out: clients resume elsewhere. */
  close(): void;
}

export interface WatchRequest {
  readonly core: ResourceCore;
  readonly collection: CollectionRef;
  readonly options: WatchOptions;
  readonly context: AnswerContext;
  readonly logger: Logger;
}

/** Where events go. */
export interface WatchOutput {
  /** Before the first event; again without effect. */
  begin(contentType: string): void;
  write(line: Buffer | string): void;
  /** Bytes that the client has not taken yet. */
  readonly waitingBytes: number;
  end(): void;
  destroy(): void;
  onClose(task: () => void): void;
}

export function responseOutput(response: ServerResponse): WatchOutput {
  return {
    begin(contentType) {
      if (response.headersSent) return;
      response.writeHead(200, { 'content-type': contentType, 'cache-control': 'no-cache, private' });
      response.flushHeaders();
    },
    write(line) {
      const { socket } = response;
      const isDirect = socket instanceof Socket && response.chunkedEncoding;
      if (!isDirect || typeof line === 'string') return void response.write(line);
      writeTogether(socket, chunkOf(line));
    },
    get waitingBytes() {
      return response.writableLength;
    },
    end: () => void response.end(),
    destroy: () => void response.destroy(),
    onClose: (task) => void response.on('close', task),
  };
}

/** A line as a chunk of HTTP, framed once for all its watchers. */
const chunks = new WeakMap<Buffer, Buffer>();
const CRLF = Buffer.from('\r\n');

function chunkOf(line: Buffer): Buffer {
  const size = (): Buffer => Buffer.from(`${line.length.toString(16)}\r\n`);
  let chunk = chunks.get(line);
  if (!chunk) chunks.set(line, (chunk = Buffer.concat([size(), line, CRLF])));
  return chunk;
}

/** All writes of one turn go out as one record and one system call. */
function writeTogether(socket: Socket, bytes: Buffer): void {
  if (socket.writableCorked === 0) {
    socket.cork();
    process.nextTick(() => socket.uncork());
  }
  socket.write(bytes);
}

const NORMAL_CLOSURE = 1000;

export function webSocketOutput(socket: WebSocket): WatchOutput {
  return {
    begin: () => undefined,
    write: (line) => socket.send(line, { binary: false }, () => undefined),
    get waitingBytes() {
      return socket.bufferedAmount;
    },
    end: () => socket.close(NORMAL_CLOSURE),
    destroy: () => socket.terminate(),
    onClose: (task) => void socket.on('close', task),
  };
}

/** Resolves when the watch stands (or has already ended); throws what makes it impossible. */
export async function streamWatch(request: WatchRequest, output: WatchOutput): Promise<WatchStream> {
  const { core, collection, options, context, logger } = request;
  const encode = encoderFor(context, collection.kind, () => core.clock.now());
  let handle: Disposable | undefined;
  let over = false;
  const isBinary = context.form.encoding === 'protobuf';
  const contentType = isBinary ? `${PROTOBUF};stream=watch` : 'application/json';

  function stop(): void {
    over = true;
    handle?.[Symbol.dispose]();
  }
  const sink: WatchSink = {
    frame(frame) {
      if (over) return;
      output.begin(contentType);
      output.write(encode(frame));
      if (output.waitingBytes <= MAX_WAITING_BYTES) return;
      logger.warn({ resource: collection.kind.plural }, 'A watching client is too slow; its watch is ended');
      stop();
      output.destroy();
    },
    end(error) {
      if (over) return;
      over = true;
      output.begin(contentType);
      if (error) output.write(errorFrame(error, isBinary, logger));
      output.end();
    },
  };
  output.onClose(stop);
  try {
    handle = await core.watch(collection, options, sink);
  } catch (error) {
    // A version that is too old is an ERROR event, as in Kubernetes. Bad options are refused.
    if (statusOf(error, logger).code !== 410) throw error;
    sink.end(error as Error);
  }
  if (over) handle?.[Symbol.dispose]();
  else output.begin(contentType);
  return {
    close() {
      stop();
      output.end();
    },
  };
}

function errorFrame(error: Error, isBinary: boolean, logger: Logger): Buffer | string {
  const status = statusOf(error, logger);
  const binary = isBinary ? encodeWatchEvent('ERROR', { ...status }) : undefined;
  return binary ?? `{"type":"ERROR","object":${JSON.stringify(status)}}\n`;
}

/** Lines of plain objects are the same for every watcher; they are made once per frame. */
const plainLines = new WeakMap<WatchFrame, Buffer>();

function encoderFor(
  context: AnswerContext,
  kind: ResourceKind,
  now: () => number,
): (frame: WatchFrame) => Buffer | string {
  const { form } = context;
  const { transform } = form;
  if (form.encoding === 'protobuf') {
    return ({ type, object }) => {
      const sent = transform === undefined ? object : transformed(partialObjectMetadata(object), form);
      return encodeWatchEvent(type, sent) ?? '';
    };
  }
  if (transform === undefined) {
    return (frame) => {
      let line = plainLines.get(frame);
      if (!line) plainLines.set(frame, (line = eventBytes(frame.type, frame.object)));
      return line;
    };
  }
  if (transform !== 'Table') {
    return ({ type, object }) =>
      `${JSON.stringify({ type, object: transformed(partialObjectMetadata(object), form) })}\n`;
  }
  let withColumns = true;
  return ({ type, object }) => {
    const objects = type === 'BOOKMARK' ? [] : [object];
    const metadata = { resourceVersion: object.metadata.resourceVersion ?? '' };
    const { includeObject } = context;
    const table = transformed(
      toTable({ kind, objects, metadata, includeObject, nowMs: now(), withColumns }),
      form,
    );
    withColumns = false;
    return `${JSON.stringify({ type, object: table })}\n`;
  };
}
