import { describe, expect, it } from 'vitest';
import { openApiAnswer } from '../../../src/api/http/openapi-requests.ts';
import type { OpenApiDocument, OpenApiDocuments } from '../../../src/api/openapi/documents.ts';

const document = (text: string): OpenApiDocument => ({ body: Buffer.from(text), hash: 'AB' });
const documents: OpenApiDocuments = {
  index: () => document('index'),
  version3: (path) => (path === 'api/v1' ? document('core') : undefined),
  version2: (form) => document(form),
};
const PROTOBUF_V2 = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

function ask(
  path: string,
  query = '',
  headers: Record<string, string> = {},
): ReturnType<typeof openApiAnswer> {
  return openApiAnswer(documents, { path, query: new URLSearchParams(query), headers, nowMs: 0 });
}

describe('requests for OpenAPI documents', () => {
  it('an address with the current hash may be kept for a year', () => {
    expect(ask('/openapi/v3/api/v1', 'hash=AB')).toMatchObject({
      code: 200,
      headers: {
        etag: '"AB"',
        'cache-control': 'public, immutable',
        expires: 'Fri, 01 Jan 1971 00:00:00 GMT',
      },
    });
  });

  it('an address with an old hash leads to the current one', () => {
    expect(ask('/openapi/v3/api/v1', 'hash=CD')).toMatchObject({
      code: 301,
      headers: { location: '/openapi/v3/api/v1?hash=AB' },
    });
  });

  it('an address without a hash is not kept', () => {
    expect(ask('/openapi/v3/api/v1').headers).not.toHaveProperty('cache-control');
    expect(ask('/openapi/v3').headers).not.toHaveProperty('cache-control');
  });

  it('what the client has already is not sent again', () => {
    expect(ask('/openapi/v3', '', { 'if-none-match': '"AB"' })).toMatchObject({ code: 304, body: '' });
    expect(ask('/openapi/v2', '', { 'if-none-match': 'W/"XY", "AB"' })).toMatchObject({ code: 304 });
    expect(ask('/openapi/v3', '', { 'if-none-match': '"XY"' })).toMatchObject({ code: 200 });
  });

  it('version 2 comes in the form that is asked for', () => {
    expect(ask('/openapi/v2', '', { accept: PROTOBUF_V2 })).toMatchObject({
      body: Buffer.from('protobuf'),
      contentType: 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf',
    });
    expect(ask('/openapi/v2', '', { accept: 'application/json' }).body).toEqual(Buffer.from('json'));
    expect(ask('/openapi/v2').body).toEqual(Buffer.from('json'));
    expect(ask('/openapi/v2', '', { accept: 'text/html' }).code).toBe(406);
  });

  it('what is not there is not found', () => {
    expect(ask('/openapi/v3/apis/nope/v1').code).toBe(404);
    expect(ask('/openapi/v4').code).toBe(404);
  });
});
