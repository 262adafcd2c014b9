import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type Server, createServer } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { TransientError } from '../../src/base/errors.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { type HttpApiClient, createHttpClient, fromKubeconfig } from '../../src/client/http.ts';
import { resources } from '../../src/client/types.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { StatusError } from '../../src/schemas/errors/status.ts';
import { testTls as tls } from '../support/client-tls.ts';

type Handler = (request: IncomingMessage, response: ServerResponse, body: string) => void;

let server: Server;
let origin: string;
let handler: Handler;
let client: HttpApiClient;

const json = (response: ServerResponse, code: number, body: unknown): void => {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
};

beforeEach(async () => {
  server = createServer({ cert: tls.cert, key: tls.key }, (request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => handler(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = open();
});

afterEach(async () => {
  client[Symbol.dispose]();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function open(requestTimeoutMs?: number): HttpApiClient {
  return createHttpClient({
    server: origin,
    ca: tls.ca,
    token: 't0k3n',
    clock: systemClock,
    logger: silentLogger,
    ...(requestTimeoutMs === undefined ? {} : { requestTimeoutMs }),
  });
}

const pod = (name: string, version: string): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default', resourceVersion: version },
  spec: { containers: [] },
});

describe('createHttpClient', () => {
  it('sends the token and gives list items back their kind', async () => {
    handler = (request, response) => {
      expect(request.headers.authorization).toBe('Bearer t0k3n');
      expect(request.url).toBe('/api/v1/namespaces/default/pods?fieldSelector=spec.nodeName%3Dn1&limit=2');
      json(response, 200, {
        kind: 'PodList',
        apiVersion: 'v1',
        metadata: { resourceVersion: '7', continue: 'more' },
        items: [{ metadata: { name: 'a' } }],
      });
    };
    const list = await client.list(resources.pods, {
      namespace: 'default',
      fieldSelector: 'spec.nodeName=n1',
      limit: 2,
    });
    expect(list).toEqual({
      items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }],
      resourceVersion: '7',
      continue: 'more',
    });
  });

  it('uses verb, path, content type and body of Kubernetes for each write', async () => {
    const seen: string[] = [];
    handler = (request, response, body) => {
      seen.push(`${request.method} ${request.url} ${request.headers['content-type']} ${body}`);
      json(response, 200, {});
    };
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'ns' } };
    await client.create(resources.pods, object);
    await client.update(resources.pods, object, 'status');
    await client.patch(resources.nodes, undefined, 'n1', { a: 1 });
    await client.delete(resources.pods, 'ns', 'p', { gracePeriodSeconds: 0, preconditions: { uid: 'u' } });
    await client.restorePods('n1', [object]);
    const text = JSON.stringify(object);
    expect(seen).toEqual([
      `POST /api/v1/namespaces/ns/pods application/json ${text}`,
      `PUT /api/v1/namespaces/ns/pods/p/status application/json ${text}`,
      'PATCH /api/v1/nodes/n1 application/merge-patch+json {"a":1}',
      'DELETE /api/v1/namespaces/ns/pods/p application/json {"kind":"DeleteOptions","apiVersion":"v1","gracePeriodSeconds":0,"preconditions":{"uid":"u"}}',
      `POST /apis/symphony.dev/v1/nodes/n1/restore application/json {"kind":"PodList","apiVersion":"v1","items":[${text}]}`,
    ]);
  });

  it('turns a Status answer into a StatusError and other failures into one made of the code', async () => {
    handler = (request, response) => {
      if (request.url?.endsWith('/gone') === true) {
        response.writeHead(502);
        response.end('bad gateway');
        return;
      }
      json(response, 404, {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        reason: 'NotFound',
        message: 'pods "x" not found',
        code: 404,
      });
    };
    const missing = await client.get(resources.pods, 'default', 'x').catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(StatusError);
    expect(missing).toMatchObject({ reason: 'NotFound', code: 404, message: 'pods "x" not found' });
    const gateway = await client.get(resources.pods, 'default', 'gone').catch((error: unknown) => error);
    expect(gateway).toMatchObject({ name: 'StatusError', code: 502, message: 'bad gateway' });
  });

  it('reports an unreachable server and a silent one as transient', async () => {
    handler = () => undefined;
    const impatient = open(20);
    await expect(impatient.clusterState()).rejects.toThrow(/no answer within 20 ms/);
    await expect(impatient.clusterState()).rejects.toBeInstanceOf(TransientError);
    impatient[Symbol.dispose]();
    const nobody = createHttpClient({
      server: 'https://127.0.0.1:1',
      clock: systemClock,
      logger: silentLogger,
    });
    await expect(nobody.clusterState()).rejects.toBeInstanceOf(TransientError);
    nobody[Symbol.dispose]();
  });

  it('refuses a server whose certificate another authority signed', async () => {
    const stranger = createHttpClient({
      server: origin,
      ca: tls.strangerCa,
      token: 't0k3n',
      clock: systemClock,
      logger: silentLogger,
    });
    handler = (_request, response) => json(response, 200, { epoch: 'e', phase: 'normal' });
    await expect(stranger.clusterState()).rejects.toBeInstanceOf(TransientError);
    await expect(client.clusterState()).resolves.toEqual({ epoch: 'e', phase: 'normal' });
    stranger[Symbol.dispose]();
  });

  it('delivers watch events that are split over packets, and throws the Status of an ERROR event', async () => {
    handler = (request, response) => {
      expect(request.url).toContain('watch=true&allowWatchBookmarks=true&resourceVersion=5');
      response.writeHead(200);
      const lines = `${JSON.stringify({ type: 'ADDED', object: pod('ä', '6') })}\n${JSON.stringify({
        type: 'BOOKMARK',
        object: pod('', '7'),
      })}\n${JSON.stringify({
        type: 'ERROR',
        object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' },
      })}\n`;
      const bytes = Buffer.from(lines);
      // A cut inside the two bytes of "ä".
      const cut = bytes.indexOf(0xa4);
      response.write(bytes.subarray(0, cut));
      response.write(bytes.subarray(cut));
    };
    const seen: string[] = [];
    const watching = (async () => {
      const options = { resourceVersion: '5', signal: new AbortController().signal };
      for await (const event of client.watch<Pod>(resources.pods, options)) {
        seen.push(`${event.type} ${event.object.metadata.name}`);
      }
    })();
    await expect(watching).rejects.toMatchObject({ name: 'StatusError', code: 410 });
    expect(seen).toEqual(['ADDED ä', 'BOOKMARK ']);
  });

  it('ends a watch quietly when the caller aborts, and closes its socket', async () => {
    const closed = new Promise((resolve) => {
      handler = (request, response) => {
        response.writeHead(200);
        response.write(`${JSON.stringify({ type: 'ADDED', object: pod('a', '6') })}\n`);
        request.socket.on('close', resolve);
      };
    });
    const abort = new AbortController();
    for await (const event of client.watch(resources.pods, { resourceVersion: '5', signal: abort.signal })) {
      expect(event.type).toBe('ADDED');
      abort.abort();
    }
    await closed;
  });

  it('throws a StatusError when the watch itself is refused', async () => {
    handler = (_request, response) =>
      json(response, 410, { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' });
    const iterator = client
      .watch(resources.pods, { resourceVersion: '1', signal: new AbortController().signal })
      [Symbol.asyncIterator]();
    await expect(iterator.next()).rejects.toMatchObject({ code: 410 });
  });

  it('hands out the socket of an upgraded connection', async () => {
    server.on('upgrade', (_request: IncomingMessage, socket: NodeJS.WritableStream) => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: demo\r\n\r\nhello');
    });
    const socket = await client.connection.upgrade('/up', 'demo', new AbortController().signal);
    const [first] = (await new Promise<unknown[]>((resolve) =>
      socket.once('data', (...data: unknown[]) => resolve(data)),
    )) as [Buffer];
    expect(first.toString()).toBe('hello');
    socket.destroy();
  });
});

describe('fromKubeconfig', () => {
  it('reads server, authority and token of the current context', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'symphony-client-'));
    const file = join(directory, 'kubeconfig');
    await writeFile(join(directory, 'ca.pem'), tls.ca);
    await writeFile(
      file,
      [
        'current-context: b',
        'contexts: [{name: a, context: {cluster: x, user: x}}, {name: b, context: {cluster: c, user: u}}]',
        `clusters: [{name: c, cluster: {server: "${origin}", certificate-authority: ca.pem}}]`,
        'users: [{name: u, user: {token: abc}}]',
      ].join('\n'),
    );
    handler = (request, response) =>
      json(response, 200, { epoch: request.headers.authorization, phase: 'rebuilding' });
    const loaded = await fromKubeconfig(file, { clock: systemClock, logger: silentLogger });
    expect(await loaded.clusterState()).toEqual({ epoch: 'Bearer abc', phase: 'rebuilding' });
    loaded[Symbol.dispose]();
    await writeFile(file, 'current-context: nowhere');
    await expect(fromKubeconfig(file, { clock: systemClock, logger: silentLogger })).rejects.toThrow(
      /no context "nowhere"/,
    );
    await rm(directory, { recursive: true });
  });
});
