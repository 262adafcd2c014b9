/**
 * Git servers over HTTP that do not end: refs, packs and messages for ever, a trickle, silence,
 * redirects in a circle.
 */
import { randomBytes } from 'node:crypto';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Hostility =
  | 'refs-v0'
  | 'refs-v2'
  | 'pack'
  | 'messages'
  | 'trickle'
  | 'silence'
  | 'silence-in-pack'
  | 'redirects';

const pkt = (data: string | Buffer): Buffer => {
  const body = Buffer.from(data);
  return Buffer.concat([Buffer.from((body.length + 4).toString(16).padStart(4, '0')), body]);
};
const FLUSH = Buffer.from('0000');
const SHA = 'a'.repeat(40);

function* endlessRefs(line: (index: number) => string): Generator<Buffer> {
  for (let index = 0; ; index += 500) {
    yield Buffer.concat(Array.from({ length: 500 }, (_, step) => pkt(line(index + step))));
  }
}

/** A pack of many objects whose first blob never ends: stored deflate blocks of random bytes. */
function* endlessPack(): Generator<Buffer> {
  yield pkt('packfile\n');
  const header = Buffer.from('5041434b00000002000f4240', 'hex');
  // A blob of 2^60 bytes.
  const blob = Buffer.from([0xb0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10, 0x78, 0x01]);
  yield pkt(Buffer.concat([Buffer.from([1]), header, blob]));
  const size = 60_000;
  const stored = Buffer.from([0x00, size & 255, size >> 8, ~size & 255, (~size >> 8) & 255]);
  for (;;) yield pkt(Buffer.concat([Buffer.from([1]), stored, randomBytes(size)]));
}

function* endlessMessages(): Generator<Buffer> {
  yield pkt('packfile\n');
  for (;;) yield pkt(Buffer.concat([Buffer.from([2]), Buffer.alloc(60_000, 'hello again\n')]));
}

export interface HostileGitServer extends AsyncDisposable {
  readonly url: string;
  readonly requests: readonly string[];
  /** Bytes handed to sockets. */
  readonly sentBytes: () => number;
}

export async function startHostileGitServer(hostility: Hostility): Promise<HostileGitServer> {
  const requests: string[] = [];
  let sent = 0;

  /** Writes as fast as the client reads, until it disconnects. */
  async function flow(response: ServerResponse, parts: Iterable<Buffer>): Promise<void> {
    for (const part of parts) {
      if (response.destroyed) return;
      sent += part.length;
      response.write(part);
      do await new Promise((resolve) => setTimeout(resolve, 1));
      while (response.writableNeedDrain && !response.destroyed);
    }
  }

  async function advertise(response: ServerResponse): Promise<void> {
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-advertisement' });
    if (hostility === 'refs-v0') {
      response.write(Buffer.concat([pkt('# service=git-upload-pack\n'), FLUSH]));
      response.write(pkt(`${SHA} HEAD\0 side-band-64k ofs-delta\n`));
      return flow(
        response,
        endlessRefs((index) => `${SHA} refs/heads/branch-${index}\n`),
      );
    }
    if (hostility === 'trickle') {
      const timer = setInterval(() => response.write('0'), 20);
      return void response.on('close', () => clearInterval(timer));
    }
    response.end(
      Buffer.concat([
        pkt('# service=git-upload-pack\n'),
        FLUSH,
        ...['version 2\n', 'ls-refs\n', 'fetch=shallow\n', 'object-format=sha1\n'].map((line) => pkt(line)),
        FLUSH,
      ]),
    );
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const listsRefs = body.includes('command=ls-refs');
    requests.push(`${request.method} ${listsRefs ? 'ls-refs' : (request.url ?? '')}`);
    if (hostility === 'silence') return;
    if (hostility === 'redirects')
      return void response.writeHead(302, { location: `/again${request.url ?? ''}` }).end();
    if (request.method === 'GET') return advertise(response);
    response.writeHead(200, { 'content-type': 'application/x-git-upload-pack-result' });
    if (hostility === 'refs-v2')
      return flow(
        response,
        endlessRefs((index) => `${SHA} refs/heads/branch-${index}\n`),
      );
    if (listsRefs)
      return void response.end(
        Buffer.concat([
          pkt(`${SHA} HEAD symref-target:refs/heads/main\n`),
          pkt(`${SHA} refs/heads/main\n`),
          FLUSH,
        ]),
      );
    if (hostility === 'silence-in-pack') return void response.write(pkt('packfile\n'));
    await flow(response, hostility === 'messages' ? endlessMessages() : endlessPack());
  }

  const server: Server = createServer((request, response) => {
    response.on('error', () => undefined);
    void answer(request, response).catch(() => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/x.git`,
    requests,
    sentBytes: () => sent,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
