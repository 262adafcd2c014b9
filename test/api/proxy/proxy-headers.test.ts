import { describe, expect, it } from 'vitest';
import { answerHeaders, requestHeaders } from '../../../src/api/proxy/proxy-headers.ts';

const from = { client: '10.0.0.9', path: '/api/v1/namespaces/a/pods/b/proxy/x' };

describe('the headers that a pod gets', () => {
  it('say where the request came from, and nothing that identifies the caller', () => {
    const sent = requestHeaders(
      {
        host: 'api:6443',
        accept: 'text/html',
        authorization: 'Bearer secret',
        cookie: 'a=b',
        'impersonate-user': 'root',
        'x-forwarded-for': '10.0.0.8',
      },
      from,
    );
    expect(sent).toEqual({
      host: 'api:6443',
      accept: 'text/html',
      'x-forwarded-for': '10.0.0.8, 10.0.0.9',
      'x-forwarded-uri': from.path,
    });
  });

  it('are without those of one connection, also where the sender names them', () => {
    const sent = requestHeaders(
      {
        connection: 'X-Hop, keep-alive',
        'x-hop': '1',
        'keep-alive': 'timeout=5',
        te: 'trailers',
        'transfer-encoding': 'chunked',
        expect: '100-continue',
        'x-end': '2',
      },
      from,
    );
    expect(Object.keys(sent).sort()).toEqual(['x-end', 'x-forwarded-for', 'x-forwarded-uri']);
  });

  it('keep the protocols of a WebSocket, without the token that browsers hide there', () => {
    const offered = 'chat, base64url.bearer.authorization.k8s.io.c2VjcmV0';
    expect(requestHeaders({ 'sec-websocket-protocol': offered }, from)).toMatchObject({
      'sec-websocket-protocol': 'chat',
    });
    const token = offered.split(', ')[1] ?? '';
    expect(requestHeaders({ 'sec-websocket-protocol': token }, from)).not.toHaveProperty(
      'sec-websocket-protocol',
    );
  });
});

describe('the headers of a pod that the client gets', () => {
  it('set no cookie, open no origin, and end with the connection', () => {
    const headers = {
      'content-type': 'text/plain',
      'content-length': '3',
      connection: 'close, x-hop',
      'x-hop': '1',
      'set-cookie': ['a=b'],
      'access-control-allow-origin': '*',
    };
    expect(answerHeaders(headers)).toEqual({ 'content-type': 'text/plain', 'content-length': '3' });
  });
});
