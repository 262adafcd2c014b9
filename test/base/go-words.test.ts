import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { goDuration, goWords } from '../../src/base/go-words.ts';

const made = (message: string, more: object = {}): Error => Object.assign(new Error(message), more);
const refused = made('connect ECONNREFUSED 10.1.2.3:8080', {
  code: 'ECONNREFUSED',
  syscall: 'connect',
  address: '10.1.2.3',
  port: 8080,
});
const rejection = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  );

describe('errors of Node in the words of Go', () => {
  it.each<[string, unknown, string]>([
    ['a port where nobody listens', refused, 'dial tcp 10.1.2.3:8080: connect: connection refused'],
    [
      'several addresses',
      new AggregateError([refused, made('x')], ''),
      'dial tcp 10.1.2.3:8080: connect: connection refused',
    ],
    [
      'a stream whose session did not come about',
      made('The pending stream has been canceled (caused by: )', {
        code: 'ERR_HTTP2_STREAM_CANCEL',
        cause: refused,
      }),
      'dial tcp 10.1.2.3:8080: connect: connection refused',
    ],
    ['a failed fetch', new TypeError('fetch failed', { cause: refused }), goWords(refused)],
    [
      'an IPv6 address',
      made('x', { code: 'EHOSTUNREACH', syscall: 'connect', address: 'fd00::1', port: 80 }),
      'dial tcp [fd00::1]:80: connect: no route to host',
    ],
    [
      'a socket in the file system',
      made('connect ENOENT /run/x.sock', { code: 'ENOENT', syscall: 'connect', address: '/run/x.sock' }),
      'dial unix /run/x.sock: connect: no such file or directory',
    ],
    [
      'a name that is not there',
      made('getaddrinfo ENOTFOUND db', { code: 'ENOTFOUND', syscall: 'getaddrinfo', hostname: 'db' }),
      'dial tcp: lookup db: no such host',
    ],
    [
      'a name server that does not answer',
      made('getaddrinfo EAI_AGAIN db', { code: 'EAI_AGAIN', syscall: 'getaddrinfo', hostname: 'db' }),
      'dial tcp: lookup db: Temporary failure in name resolution',
    ],
    [
      'a reset',
      made('read ECONNRESET', { code: 'ECONNRESET', syscall: 'read' }),
      'read tcp 10.1.2.3:80: read: connection reset by peer',
    ],
    ['an end without an answer', made('socket hang up', { code: 'ECONNRESET' }), 'EOF'],
    ['an end within an answer', made('aborted', { code: 'ECONNRESET' }), 'unexpected EOF'],
    ['an abort', new DOMException('This operation was aborted', 'AbortError'), 'context canceled'],
    ['a time-out', new DOMException('x', 'TimeoutError'), 'context deadline exceeded'],
    [
      'plain HTTP where TLS was expected',
      made('C0F:error:0A00010B:SSL routines:ssl3_get_record:wrong version number', { code: 'EPROTO' }),
      'http: server gave HTTP response to HTTPS client',
    ],
    [
      'an alert',
      made('x', { code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }),
      'remote error: tls: protocol version',
    ],
    [
      'HTTP/2 that is none',
      made('Protocol error', { code: 'ERR_HTTP2_ERROR' }),
      'http2: stream or connection closed with error code PROTOCOL_ERROR',
    ],
    [
      'a refused stream',
      made('Stream closed with error code NGHTTP2_REFUSED_STREAM', { code: 'ERR_HTTP2_STREAM_ERROR' }),
      'http2: stream or connection closed with error code REFUSED_STREAM',
    ],
    [
      'a handshake that the server ends',
      made(
        'write EPROTO C0:error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:x.c:1:',
        {
          code: 'EPROTO',
          syscall: 'write',
        },
      ),
      'remote error: tls: handshake failure',
    ],
    [
      'a full disk',
      made('ENOSPC: no space left on device, write', { code: 'ENOSPC' }),
      'no space left on device',
    ],
    ['what is ours', new Error('hostPath type check failed'), 'hostPath type check failed'],
    ['what is no error', 'text', 'text'],
  ])('%s', (_, error, words) => expect(goWords(error, '10.1.2.3:80')).toBe(words));

  it('says of real errors what their codes and not what their messages say', async () => {
    const [error] = (await once(connect({ port: 1, host: 'localhost' }), 'error').catch(
      (failure: unknown) => [failure],
    )) as [unknown];
    expect(goWords(error)).toMatch(/^dial tcp (\[::1\]|127\.0\.0\.1):1: connect: connection refused$/);
    const directory = await mkdtemp(join(tmpdir(), 'words-'));
    try {
      const below = join(directory, 'file', 'below');
      await writeFile(join(directory, 'file'), '');
      expect(goWords(await rejection(readFile(below)))).toBe(`open ${below}: not a directory`);
      expect(goWords(await rejection(readFile(directory)))).toBe('is a directory');
    } finally {
      await rm(directory, { recursive: true });
    }
  });

  it('does not follow causes for ever', () => {
    const loop = made('fetch failed') as Error & { cause?: unknown };
    loop.cause = loop;
    expect(goWords(loop)).toBe('fetch failed');
  });
});

it.each([
  [0, '0s'],
  [300, '300ms'],
  [1_000, '1s'],
  [15_030, '15.03s'],
  [75_000, '1m15s'],
  [300_000, '5m0s'],
  [3_600_500, '1h0m0.5s'],
])('writes %d ms as %s', (ms, text) => expect(goDuration(ms)).toBe(text));
