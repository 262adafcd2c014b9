/**
 * `/openapi/v3` and `/openapi/v2`: documents with a hash each, so that clients can cache them. A
 * URL with the current hash may be cached for ever; one with another hash is redirected.
 */
import type { IncomingHttpHeaders } from 'node:http';
import type { OpenApiDocument, OpenApiDocuments } from '../openapi/documents.ts';
import { type Answer, textAnswer } from './answers.ts';
import { mediaRanges } from './negotiation.ts';

/** How long a document may be cached by its hash: the longest time that HTTP advises. */
const KEPT_MS = 365 * 24 * 60 * 60 * 1000;

/** The protobuf form. Clients also name it with an `@`, which MIME does not allow. */
const SWAGGER_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
const JSON_TYPES: ReadonlySet<string> = new Set(['application/json', 'application/*', '*/*']);

export interface OpenApiRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly nowMs: number;
}

export function openApiAnswer(documents: OpenApiDocuments, request: OpenApiRequest): Answer {
  const { path, query, headers } = request;
  if (path === '/openapi/v2') return swaggerAnswer(documents, headers);
  const name = /^\/openapi\/v3(?:\/(.+))?$/.exec(path);
  if (!name) return notFound();
  if (!mediaRanges(headers.accept).some(({ type }) => JSON_TYPES.has(type))) return notAcceptable();
  const [, group] = name;
  const document = group === undefined ? documents.index() : documents.version3(group);
  if (!document) return notFound();
  const asked = query.get('hash');
  if (group === undefined || asked === null || asked === '')
    return documentAnswer(document, 'application/json', headers);
  if (asked !== document.hash) {
    const location = `${path}?hash=${document.hash}`;
    return { code: 301, contentType: 'text/plain; charset=utf-8', body: '', headers: { location } };
  }
  return documentAnswer(document, 'application/json', headers, {
    'cache-control': 'public, immutable',
    expires: new Date(request.nowMs + KEPT_MS).toUTCString(),
  });
}

function swaggerAnswer(documents: OpenApiDocuments, headers: IncomingHttpHeaders): Answer {
  for (const { type } of mediaRanges(headers.accept)) {
    if (JSON_TYPES.has(type)) return documentAnswer(documents.version2('json'), 'application/json', headers);
    if (type.replace('@', '.') === SWAGGER_PROTOBUF)
      return documentAnswer(documents.version2('protobuf'), SWAGGER_PROTOBUF, headers);
  }
  return notAcceptable();
}

function documentAnswer(
  { body, hash }: OpenApiDocument,
  contentType: string,
  asked: IncomingHttpHeaders,
  caching: Readonly<Record<string, string>> = {},
): Answer {
  const etag = `"${hash}"`;
  const headers = { etag, vary: 'Accept', ...caching };
  const known = (asked['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag) || known.includes('*')) return { code: 304, contentType, body: '', headers };
  return { code: 200, contentType, body, headers };
}

const notFound = (): Answer => textAnswer(404, '404 page not found\n');
const notAcceptable = (): Answer => textAnswer(406, '');
