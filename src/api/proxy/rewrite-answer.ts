/** The headers and links (rewrite-links.ts) of a pod's answer on its way to the client. */
import type { IncomingHttpHeaders } from 'node:http';
import { Transform } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';
import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import { omit } from '../../schemas/json-access.ts';
import { type LinkHosts, rewriteHtml, rewriteLink } from './rewrite-links.ts';

export interface RewrittenAnswer {
  readonly headers: IncomingHttpHeaders;
  /** The stages that the body passes through. */
  readonly stages: readonly Transform[];
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
};

export function rewrittenAnswer(
  headers: IncomingHttpHeaders,
  prefix: string,
  hosts: LinkHosts,
): RewrittenAnswer {
  const { location, 'content-type': type = '', 'content-encoding': encoding = '' } = headers;
  if (location !== undefined)
    return { headers: { ...headers, location: rewriteLink(location, prefix, hosts) }, stages: [] };
  if (type.split(';', 1)[0]?.trim().toLowerCase() !== 'text/html') return { headers, stages: [] };
  const decoder = DECODERS[encoding];
  if (encoding !== '' && encoding !== 'identity' && !decoder) return { headers, stages: [] };
  const rest = omit(headers, 'content-length', 'content-encoding');
  return { headers: rest, stages: [...(decoder ? [decoder()] : []), linkRewriter(prefix, hosts)] };
}

/** Longer tags are passed on unchanged. */
const MAX_TAG_CHARS = 64 * 1024;

/** Text goes on up to the last tag that is complete. */
function linkRewriter(prefix: string, hosts: LinkHosts): Transform {
  const decoder = new StringDecoder('utf8');
  let held = '';
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      held += decoder.write(chunk);
      const open = held.lastIndexOf('<');
      const isOpen = open >= 0 && held.length - open <= MAX_TAG_CHARS && !held.includes('>', open);
      const ready = isOpen ? held.slice(0, open) : held;
      held = isOpen ? held.slice(open) : '';
      done(null, rewriteHtml(ready, prefix, hosts));
    },
    flush(done) {
      done(null, rewriteHtml(held + decoder.end(), prefix, hosts));
    },
  });
}
