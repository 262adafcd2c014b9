/** Sends an answer: headers, warnings, and large bodies compressed off the event loop. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline, Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { Answer } from './answers.ts';

/** Upstream's threshold; below it a round of compression is not worth its time. */
const MIN_GZIP_BYTES = 128 * 1024;
/** The fastest level: JSON of Kubernetes objects shrinks tenfold even so. */
const GZIP_LEVEL = constants.Z_BEST_SPEED;

/** Headers are bounded; nobody reads more. */
const MAX_WARNINGS = 50;

export function sendAnswer(
  request: Pick<IncomingMessage, 'headers'>,
  response: ServerResponse,
  made: Answer,
  warnings: readonly string[] = NONE,
): void {
  // Names and values in turn: Node writes such a list without building an object of it.
  const head: string[] = ['content-type', made.contentType, 'cache-control', 'no-cache, private'];
  for (const text of warnings.slice(0, MAX_WARNINGS)) head.push('warning', warningText(text));
  const { body, headers } = made;
  const isWhole = typeof body === 'string' || Buffer.isBuffer(body);
  const isSmall = isWhole && body.length < MIN_GZIP_BYTES;
  const isPlain = isSmall || !acceptsGzip(request.headers['accept-encoding']);
  const vary = isPlain ? headers?.['vary'] : joined(headers?.['vary'], 'Accept-Encoding');
  if (vary !== undefined) head.push('vary', vary);
  for (const name in headers) if (name !== 'vary') head.push(name, headers[name] ?? '');
  if (isPlain && isWhole) {
    head.push('content-length', String(typeof body === 'string' ? Buffer.byteLength(body) : body.length));
    response.writeHead(made.code, head).end(body);
    return;
  }
  if (!isPlain) head.push('content-encoding', 'gzip');
  response.writeHead(made.code, head);
  const parts = isWhole ? Readable.from([body]) : Readable.from(body);
  // A client that leaves ends what makes the parts; an error of the parts ends the answer.
  if (isPlain) pipeline(parts, response, () => undefined);
  else pipeline(parts, createGzip({ level: GZIP_LEVEL }), response, () => undefined);
}

const NONE: readonly string[] = [];

const joined = (list: string | undefined, item: string): string =>
  list === undefined ? item : `${list}, ${item}`;

/** `gzip` or `*`, unless it is given no quality. */
export function acceptsGzip(header: string | readonly string[] | undefined): boolean {
  const text = typeof header === 'string' ? header : (header?.join(',') ?? '');
  return text.split(',').some((part) => {
    const [coding = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const refused = parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
    return (coding === 'gzip' || coding === '*') && !refused;
  });
}

function warningText(text: string): string {
  const clean = text.replaceAll(/[^\x20-\x7e]/g, '?');
  return `299 - "${clean.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}
