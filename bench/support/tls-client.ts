/**
 * A client that costs as little as possible: one TLS connection, requests as prepared bytes,
 * answers only counted.
 */
import { connect, type TLSSocket } from 'node:tls';

export interface TlsClient extends Disposable {
  readonly socket: TLSSocket;
  /**
   * Resolves with the number of bytes of the whole answer, head included. One request at a time.
   */
  request(bytes: Buffer): Promise<number>;
}

export function requestBytes(path: string, headers: Readonly<Record<string, string>> = {}): Buffer {
  const lines = Object.entries({ Host: 'api', Accept: 'application/json', ...headers });
  return Buffer.from(
    `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`,
  );
}

export function connectTls(port: number, ca: string): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ca,
      servername: 'localhost',
      checkServerIdentity: () => undefined,
    });
    socket.setNoDelay(true);
    socket.once('secureConnect', () => resolve(socket));
    socket.once('error', reject);
  });
}

const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');

export async function openTlsClient(port: number, ca: string): Promise<TlsClient> {
  const socket = await connectTls(port, ca);
  let head = Buffer.alloc(0);
  let received = 0;
  /**
   * The size of the whole answer; undefined while the head is not complete, infinite for chunks.
   */
  let expected: number | undefined;
  let tail = Buffer.alloc(0);
  let done: ((bytes: number) => void) | undefined;

  socket.on('data', (chunk: Buffer) => {
    received += chunk.length;
    if (expected === undefined) {
      head = Buffer.concat([head, chunk]);
      const end = head.indexOf(END_OF_HEAD);
      if (end < 0) return;
      const text = head.toString('latin1', 0, end);
      if (!text.startsWith('HTTP/1.1 200')) throw new Error(text.split('\r\n', 1)[0]);
      const length = /\r\ncontent-length: (\d+)/i.exec(text)?.[1];
      expected = length === undefined ? Number.POSITIVE_INFINITY : end + END_OF_HEAD.length + Number(length);
    }
    const last = chunk.length >= LAST_CHUNK.length ? chunk : Buffer.concat([tail, chunk]);
    tail = Buffer.from(last.subarray(-LAST_CHUNK.length));
    const isOver = expected === Number.POSITIVE_INFINITY ? tail.equals(LAST_CHUNK) : received >= expected;
    if (!isOver) return;
    const bytes = received;
    received = 0;
    expected = undefined;
    head = Buffer.alloc(0);
    done?.(bytes);
  });
  return {
    socket,
    request: (bytes) =>
      new Promise((resolve) => {
        done = resolve;
        socket.write(bytes);
      }),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}
