/**
 * An answer on its way out: headers, warnings, and compression of what is large. Compressing happens off the event loop, piece
 * by piece; small answers cost more to compress than to send.
 */
import { pipeline, Readable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { FastifyReply } from 'fastify';
import type { Answer } from './answers.ts';

/** Upstream's threshold; below it a round of compression is not worth its time. */
const MIN_GZIP_BYTES = 128 * 1024;
/** The fastest level: JSON of Kubernetes objects shrinks tenfold even so. */
const GZIP_LEVEL = constants.Z_BEST_SPEED;

/** Headers are bounded; nobody reads more. */
const MAX_WARNINGS = 50;

export function sendAnswer(
  reply: FastifyReply,
  made: Answer,
  warnings: readonly string[] = [],
): FastifyReply {
  if (warnings.length > 0) reply.header('warning', warnings.slice(0, MAX_WARNINGS).map(warningText));
  reply.code(made.code).header('content-type', made.contentType).header('cache-control', 'no-cache, private');
  for (const [name, value] of Object.entries(made.headers ?? {})) reply.header(name, value);
  const { body } = made;
  const isWhole = typeof body === 'string' || Buffer.isBuffer(body);
  const isSmall = isWhole && body.length < MIN_GZIP_BYTES;
  if (isSmall || !acceptsGzip(reply.request.headers['accept-encoding']))
    return reply.send(isWhole ? body : Readable.from(body));
  const vary = made.headers?.['vary'];
  reply.header('content-encoding', 'gzip');
  reply.header('vary', vary === undefined ? 'Accept-Encoding' : `${vary}, Accept-Encoding`);
  const gzip = createGzip({ level: GZIP_LEVEL });
  if (isWhole) gzip.end(body);
  // A client that leaves ends both; an error of the parts ends the answer.
  else pipeline(Readable.from(body), gzip, () => undefined);
  return reply.send(gzip);
}

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
