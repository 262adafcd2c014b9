/**
 * Errors of Node in Go's words, which Kubernetes users know: `connect ECONNREFUSED 10.1.2.3:80`
 * becomes `dial tcp 10.1.2.3:80: connect: connection refused`. Pure. Our own texts stay. It serves
 * every error that a person reads in an object, an event or a log.
 */
import { errorMessage } from './errors.ts';
import { isRecord } from './json.ts';

/** The system's own texts, as `strerror` has them; Node's differ. */
const SYSTEM_TEXTS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRINUSE: 'address already in use',
  EADDRNOTAVAIL: 'cannot assign requested address',
  EBUSY: 'device or resource busy',
  ECONNABORTED: 'software caused connection abort',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file exists',
  EHOSTDOWN: 'host is down',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENETDOWN: 'network is down',
  ENETUNREACH: 'network is unreachable',
  ENFILE: 'too many open files in system',
  ENOENT: 'no such file or directory',
  ENOMEM: 'cannot allocate memory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  EROFS: 'read-only file system',
  ETIMEDOUT: 'connection timed out',
  EXDEV: 'invalid cross-device link',
};

const NOT_TLS = 'http: server gave HTTP response to HTTPS client';
/** Codes that say everything. */
const TEXTS_BY_CODE: Readonly<Record<string, string>> = {
  ABORT_ERR: 'context canceled',
  ERR_HTTP2_GOAWAY_SESSION: 'http2: server sent GOAWAY and closed the connection',
  ERR_HTTP2_INVALID_SESSION: 'http2: client connection lost',
  ERR_INVALID_CHAR: 'net/http: invalid header field value',
  ERR_INVALID_HTTP_TOKEN: 'net/http: invalid header field name',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: NOT_TLS,
  ERR_SSL_WRONG_VERSION_NUMBER: NOT_TLS,
  ERR_STREAM_DESTROYED: 'use of closed network connection',
  ERR_STREAM_PREMATURE_CLOSE: 'unexpected EOF',
  ERR_STREAM_WRITE_AFTER_END: 'use of closed network connection',
  ERR_UNESCAPED_CHARACTERS: 'parse: invalid character in URL',
  HPE_HEADER_OVERFLOW: 'net/http: server response headers exceeded the limit; aborted',
  HPE_INVALID_EOF_STATE: 'unexpected EOF',
};
/** Texts of Node whose code does not tell them apart. */
const TEXTS: readonly (readonly [RegExp, string])[] = [
  [/^socket hang up$|^Client network socket disconnected before secure TLS/, 'EOF'],
  [/^aborted$/, 'unexpected EOF'],
  [/^The (operation|user) (was )?aborted/, 'context canceled'],
];
/** Alerts of OpenSSL: `ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION` and the like. */
const ALERT = /_ALERT_(.*)$/;
/** `NGHTTP2_PROTOCOL_ERROR`, wherever Node puts it. */
const HTTP2_CODE = /NGHTTP2_([A-Z0-9_]+)/;
const LOOKUPS = /^(getaddrinfo|query[A-Z]\w*|lookup)$/;
/** Errors within errors: deeper than this nothing is told apart any more. */
const MAX_DEPTH = 8;
/** Enough to recognise an answer that is no HTTP. */
const MAX_QUOTED_BYTES = 32;

/** `address`: `host:port` of the other end, where Node does not say it. */
export function goWords(error: unknown, address = '', depth = 0): string {
  if (!(error instanceof Error) || depth >= MAX_DEPTH) return errorMessage(error);
  const within = innerError(error);
  if (within !== undefined) return goWords(within, address, depth + 1);
  const { code, syscall, path, hostname } = error as NodeJS.ErrnoException & { hostname?: string };
  if (error.name === 'AbortError') return 'context canceled';
  if (error.name === 'TimeoutError') return 'context deadline exceeded';
  const text = TEXTS.find(([pattern]) => pattern.test(error.message))?.[1];
  if (text !== undefined || typeof code !== 'string') return text ?? error.message;
  if (syscall !== undefined && LOOKUPS.test(syscall)) return lookupWords(code, hostname ?? '');
  if (code === 'EPROTO') return handshakeWords(error.message);
  if (syscall === 'connect') return `dial ${endOf(error, address)}: connect: ${systemText(error, code)}`;
  if (path !== undefined && syscall !== undefined) return `${syscall} ${path}: ${systemText(error, code)}`;
  // Files say `CODE: text, call`, sockets `call CODE`.
  if (error.message.startsWith(`${code}:`)) return systemText(error, code);
  if ((syscall === 'read' || syscall === 'write') && SYSTEM_TEXTS[code] !== undefined) {
    const where = address === '' ? 'tcp' : `tcp ${address}`;
    return `${syscall} ${where}: ${syscall}: ${systemText(error, code)}`;
  }
  return TEXTS_BY_CODE[code] ?? protocolWords(error, code) ?? error.message;
}

/** The cause counts: of several addresses, of a stream whose session ended, of `fetch`. */
function innerError(error: Error): Error | undefined {
  const { errors } = error as AggregateError;
  if (Array.isArray(errors) && errors[0] instanceof Error) return errors[0];
  const isShell =
    (error as NodeJS.ErrnoException).code === 'ERR_HTTP2_STREAM_CANCEL' ||
    /^(fetch failed|terminated)$/.test(error.message);
  return isShell && error.cause instanceof Error ? error.cause : undefined;
}

function lookupWords(code: string, host: string): string {
  const isTemporary = code === 'EAI_AGAIN' || code === 'ETIMEOUT' || code === 'ESERVFAIL';
  return `dial tcp: lookup ${host}: ${isTemporary ? 'Temporary failure in name resolution' : 'no such host'}`;
}

/** The far end of a connection: `tcp 10.1.2.3:80`, `unix /run/x.sock`. */
function endOf(error: Error, address: string): string {
  const { address: host, port } = error as { address?: unknown; port?: unknown };
  if (typeof host !== 'string') return address === '' ? 'tcp' : `tcp ${address}`;
  return typeof port === 'number' ? `tcp ${hostPort(host, port)}` : `unix ${host}`;
}

/** `host:port`, with brackets around an IPv6 address. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

const systemText = ({ message }: Error, code: string): string =>
  SYSTEM_TEXTS[code] ?? /^[A-Z0-9]+: ([^,]+)/.exec(message)?.[1] ?? message;

/** OpenSSL's report, all in one line. */
function handshakeWords(message: string): string {
  if (/wrong version number|packet length too long/.test(message)) return NOT_TLS;
  const alert = / alert ([a-z ]+)/.exec(message)?.[1]?.trim();
  return alert === undefined ? 'tls: handshake failure' : `remote error: tls: ${alert}`;
}

function protocolWords(error: Error, code: string): string | undefined {
  if (code.startsWith('HPE_')) return `malformed HTTP response ${quotedAnswer(error)}`;
  if (code.startsWith('ERR_HTTP2_')) {
    const said = HTTP2_CODE.exec(error.message)?.[1] ?? 'PROTOCOL_ERROR';
    return `http2: stream or connection closed with error code ${said}`;
  }
  if (!code.startsWith('ERR_SSL_')) return undefined;
  const alert = ALERT.exec(code)?.[1];
  const words = (alert ?? code.slice('ERR_SSL_'.length)).toLowerCase().replaceAll('_', ' ');
  return alert === undefined ? `tls: ${words}` : `remote error: tls: ${words}`;
}

function quotedAnswer(error: Error): string {
  const packet = isRecord(error) ? error['rawPacket'] : undefined;
  const start = Buffer.isBuffer(packet) ? packet.subarray(0, MAX_QUOTED_BYTES).toString('latin1') : '';
  return JSON.stringify(start.split(/\r?\n/)[0]);
}

/** A duration as Go prints it: `850ms`, `1.234s`, `1m2.5s`, `5m0s`. */
export function goDuration(ms: number): string {
  if (ms > 0 && ms < 1_000) return `${Math.round(ms)}ms`;
  const minutes = Math.floor(ms / 60_000);
  const seconds = Number(((ms % 60_000) / 1_000).toFixed(3));
  if (minutes === 0) return `${seconds}s`;
  const hours = Math.floor(minutes / 60);
  return `${hours > 0 ? `${hours}h` : ''}${minutes % 60}m${seconds}s`;
}
