/** The API's proxies over a real server and a real tunnel, to servers in place of pods. */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createNetServer, type Server as NetServer } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { comesTrue } from '../../support/comes-true.ts';
import { type ProxiedPods, startProxiedPods } from '../../support/proxied-pods.ts';

const POD = '/api/v1/namespaces/default/pods/web:8080/proxy';
const MIB = 1024 * 1024;

const listening = async <T extends NetServer>(server: T): Promise<T> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
};

/** Answers with what it was asked; some paths have answers of their own. */
const echo: RequestListener = (request, response) => {
  const { url = '', method, headers } = request;
  if (url === '/moved') return void response.writeHead(302, { location: '/login' }).end();
  if (url === '/page')
    return void response.writeHead(200, { 'content-type': 'text/html' }).end('<a href="/x">x</a>');
  if (url === '/teapot') return void response.writeHead(418).end('short');
  if (url === '/early') return void response.writeHead(413, { connection: 'close' }).end('enough');
  if (url === '/breaks') {
    response.writeHead(200, { 'content-length': '100' });
    return void response.write('half', () => request.socket.destroy());
  }
  if (url === '/much') return void Readable.from(blocks(32)).pipe(response);
  let bytes = 0;
  request.on('data', (chunk: Buffer) => (bytes += chunk.length));
  request.on('end', () => {
    response.writeHead(200, { 'content-type': 'application/json', 'x-method': method });
    response.end(JSON.stringify({ url, method, headers, bytes }));
  });
};

function* blocks(count: number): Generator<Buffer> {
  for (let made = 0; made < count; made += 1) yield Buffer.alloc(MIB, made);
}

let pods: ProxiedPods;
let web: NetServer;
const servers: NetServer[] = [];
const sockets: WebSocket[] = [];

const json = (text: string) =>
  JSON.parse(text) as { url: string; method: string; headers: IncomingMessage['headers']; bytes: number };

beforeAll(async () => {
  pods = await startProxiedPods();
  web = await listening(createServer(echo));
  const ws = new WebSocketServer({ noServer: true });
  web.on('upgrade', (request, socket, head) => {
    if (request.url === '/refuses') {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\nx-why: no\r\n\r\nno!');
    } else if (request.url === '/ignores') {
      socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhm');
    } else
      ws.handleUpgrade(request, socket, head, (client) => {
        sockets.push(client);
        client.on('message', (data: Buffer) => client.send(`${request.url ?? ''} ${data.toString()}`));
      });
  });
  servers.push(web);
  await pods.addPod('web', '10.244.0.5', 8080, web);
});
afterAll(async () => {
  await pods[Symbol.asyncDispose]();
  for (const socket of sockets) socket.terminate();
  for (const server of servers) server.close();
});

describe('a request through pods/proxy', () => {
  it.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])(
    '%s reaches the pod',
    async (method) => {
      const answer = await pods.send(`${POD}/a%20b/c?x=1&y=%2F`, { method });
      expect(answer.code).toBe(200);
      expect(answer.headers['x-method']).toBe(method);
      if (method === 'HEAD') expect(answer.text).toBe('');
      else expect(json(answer.text)).toMatchObject({ url: '/a%20b/c?x=1&y=%2F', method });
    },
  );

  it('has the headers that upstream gives it', async () => {
    const headers = { 'x-own': '1', connection: 'x-drop', 'x-drop': '2', cookie: 'a=b' };
    const { text } = await pods.send(`${POD}/`, { headers });
    const sent = json(text).headers;
    expect(sent).toMatchObject({
      'x-own': '1',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-uri': `${POD}/`,
    });
    expect(sent.host).toMatch(/^127\.0\.0\.1:\d+$/);
    for (const name of ['authorization', 'cookie', 'x-drop']) expect(sent).not.toHaveProperty(name);
  });

  it('goes to the address of the pod alone', async () => {
    pods.dialled.length = 0;
    await pods.send(`${POD}/`);
    expect(pods.dialled).toEqual(['10.244.0.5:8080']);
  });

  it('is moved behind a slash, once the pod is known', async () => {
    const moved = await pods.send(`${POD}?a=/b`);
    expect([moved.code, moved.headers.location]).toEqual([301, `${POD}/?a=/b`]);
    expect((await pods.send(POD.replace('web', 'none'))).code).toBe(404);
    expect((await pods.send(POD, { method: 'POST' })).code).toBe(200);
  });

  it('has links and redirects that lead back', async () => {
    expect((await pods.send(`${POD}/moved`)).headers.location).toBe(`${POD}/login`);
    expect((await pods.send(`${POD}/page`)).text).toBe(`<a href="${POD}/x">x</a>`);
  });

  it("has the pod's own code", async () => {
    expect(await pods.send(`${POD}/teapot`)).toMatchObject({ code: 418, text: 'short' });
  });

  it.each([
    ['no server', `${POD.replace('8080', '81')}/`, 503, 'error trying to reach service: '],
    [
      'TLS',
      POD.replace('web:8080', 'https:web:8080/proxy/').replace(/\/proxy$/, ''),
      503,
      'error trying to reach service: ',
    ],
    ['no port of that name', `${POD.replace('8080', 'nope')}/`, 400, 'no port named'],
    ['a wrong scheme', `${POD.replace('web', 'ftp:web')}/`, 400, 'invalid pod request "ftp:web:8080"'],
  ])('to %s is refused', async (_what, path, code, text) => {
    const answer = await pods.send(path);
    expect(answer.code).toBe(code);
    expect((JSON.parse(answer.text) as { message: string }).message).toContain(text);
  });
});

describe('the bytes of a proxied request', () => {
  it('may be more than the API takes for an object, of any framing', async () => {
    const known = await pods.send(
      `${POD}/`,
      { method: 'POST', headers: { 'content-length': String(8 * MIB) } },
      Readable.from(blocks(8)),
    );
    expect(json(known.text)).toMatchObject({ bytes: 8 * MIB });
    const chunked = await pods.send(`${POD}/`, { method: 'PUT' }, Readable.from(blocks(8)));
    expect(json(chunked.text)).toMatchObject({ bytes: 8 * MIB });
    const deleted = await pods.send(
      `${POD}/`,
      { method: 'DELETE', headers: { 'transfer-encoding': 'chunked' } },
      Readable.from(blocks(1)),
    );
    expect(json(deleted.text)).toMatchObject({ bytes: MIB });
  });

  it('are sent by a client that waits to be told', async () => {
    const headers = { expect: '100-continue', 'content-length': '5' };
    const answer = await pods.send(
      `${POD}/`,
      { method: 'POST', headers },
      Readable.from([Buffer.from('hello')]),
    );
    expect(json(answer.text)).toMatchObject({ bytes: 5 });
  });

  it('come back whole', async () => {
    const answer = await pods.open(`${POD}/much`);
    expect((await buffer(answer)).length).toBe(32 * MIB);
  });

  it('wait for a client that does not read', async () => {
    let made = 0;
    const server = await listening(
      createServer((_request, response) => {
        const source = Readable.from(blocks(512));
        source.on('data', () => (made += 1));
        source.pipe(response);
      }),
    );
    servers.push(server);
    await pods.addPod('endless', '10.244.0.9', 80, server);
    const answer = await pods.open('/api/v1/namespaces/default/pods/endless:80/proxy/');
    answer.pause();
    let before = -1;
    await comesTrue(() => {
      const [earlier, now] = [before, made];
      before = now;
      expect(now).toBe(earlier);
    });
    expect(made).toBeLessThan(256);
    answer.destroy();
    await comesTrue(async () => {
      const open = await new Promise<number>((resolve) =>
        server.getConnections((_e, count) => resolve(count)),
      );
      expect(open).toBe(0);
    });
  });

  it('that break off in the pod do not look complete', async () => {
    const answer = await pods.open(`${POD}/breaks`);
    await expect(buffer(answer)).rejects.toThrow();
  });

  it('that the pod does not want do not keep its answer', async () => {
    const answer = await pods.send(
      `${POD}/early`,
      { method: 'POST', headers: { 'content-length': '10' } },
      Readable.from([Buffer.from('0123456789')]),
    );
    expect(answer).toMatchObject({ code: 413, text: 'enough' });
  });
});

it('a body that passes through has as long as it needs', async () => {
  await using hasty = await startProxiedPods({
    headersTimeoutMs: 300,
    requestTimeoutMs: 600,
    checkIntervalMs: 50,
  });
  let begun = false;
  const backend = await listening(
    createServer((request, response) => {
      request.once('data', () => (begun = true));
      request.once('end', () => response.end('whole'));
    }),
  );
  servers.push(backend);
  await hasty.addPod('slow', '10.244.0.8', 80, backend);
  const slow = new PassThrough();
  const path = '/api/v1/namespaces/default/pods/slow:80/proxy/';
  const sending = hasty.send(path, { method: 'POST' }, slow);
  slow.write('first');
  await comesTrue(() => expect(begun).toBe(true));
  // This one began later, and has no pod behind it: when it is cut off, the time is over.
  const object = new PassThrough();
  const cut = hasty.send('/api/v1/namespaces/default/configmaps', { method: 'POST' }, object);
  object.write('{');
  expect((await cut).code).toBe(408);
  slow.end('last');
  expect(await sending).toMatchObject({ code: 200, text: 'whole' });
});

describe('an upgrade through the proxy', () => {
  it('carries a WebSocket both ways, with its path', async () => {
    const { WebSocket: Client } = await import('ws');
    const { server } = pods;
    const url = `${server.server.url.replace('https', 'wss')}${POD}/chat?room=1`;
    const client = new Client(url, {
      ca: server.caPem,
      headers: { authorization: `Bearer ${server.adminToken}` },
    });
    const said = await new Promise<string>((resolve, reject) => {
      client.on('open', () => client.send('hello')).on('error', reject);
      client.on('message', (data: Buffer) => resolve(data.toString()));
    });
    expect(said).toBe('/chat?room=1 hello');
    client.close();
    await comesTrue(() => expect(sockets.every(({ readyState }) => readyState === 3)).toBe(true));
  });

  it("gives the pod's refusal, and says when there is no switch", async () => {
    await expect(pods.upgrade(`${POD}/refuses`)).rejects.toThrow('403 no!');
    await expect(pods.upgrade(`${POD}/ignores`)).rejects.toThrow('invalid upgrade response: status code 200');
    await expect(pods.upgrade(POD.replace('8080', '81'))).rejects.toThrow('error trying to reach service');
    const codes = pods.audited.filter(({ uri }) => uri.includes('/refuses')).map(({ code }) => code);
    expect(new Set(codes)).toEqual(new Set([403]));
  });
});

describe('a request through services/proxy', () => {
  const SERVICE = '/api/v1/namespaces/default/services';

  beforeAll(async () => {
    const { objects } = pods.server.core;
    await objects.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'shop', namespace: 'default' },
      spec: {
        clusterIP: '10.96.0.50',
        clusterIPs: ['10.96.0.50'],
        ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      },
    });
    await objects.create({
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'by-hand', namespace: 'default', labels: { 'kubernetes.io/service-name': 'shop' } },
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.244.0.5'] }, { addresses: ['192.0.2.1'] }],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    });
    await objects.create({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'empty', namespace: 'default' },
      spec: { clusterIP: '10.96.0.51', clusterIPs: ['10.96.0.51'], ports: [{ port: 80, protocol: 'TCP' }] },
    });
  });

  it.each(['shop:http', 'shop:80', 'http:shop:http'])(
    '%s reaches the pods that its slices name',
    async (name) => {
      pods.dialled.length = 0;
      for (let asked = 0; asked < 8; asked += 1)
        expect((await pods.send(`${SERVICE}/${name}/proxy/x`)).code).toBe(200);
      expect(new Set(pods.dialled)).toEqual(new Set(['10.244.0.5:8080']));
    },
  );

  it.each([
    ['empty', 503, 'no endpoints available for service "empty"'],
    ['shop:81', 503, 'no service port 81 found for service "shop"'],
    ['nobody', 404, 'services "nobody" not found'],
  ])('%s: %i %s', async (name, code, message) => {
    const answer = await pods.send(`${SERVICE}/${name}/proxy/`);
    expect(answer.code).toBe(code);
    expect(JSON.parse(answer.text)).toMatchObject({ message });
  });
});

describe('a request through nodes/proxy', () => {
  const NODE = '/api/v1/nodes/n1';

  it.each([
    ['/proxy/healthz', 'text/plain', /^ok$/],
    ['/proxy/pods', 'application/json', /"kind":"PodList".*"name":"web"/],
    ['/proxy/pods/', 'application/json', /PodList/],
    ['/proxy/metrics', 'text/plain', /^kubelet_node_name\{node="n1"\} 1$/m],
    ['/proxy/metrics/resource', 'text/plain', /^node_cpu_usage_seconds_total 0$/m],
    ['/proxy/stats/summary', 'application/json', /"nodeName":"n1"/],
    ['/proxy/logs/', 'text/html', /<a href="containers\/">/],
    [':10250/proxy/logs/', 'text/html', /containers/],
  ])('%s is answered by the agent', async (path, type, text) => {
    const answer = await pods.send(`${NODE}${path}`);
    expect(answer.code).toBe(200);
    expect(answer.headers['content-type']).toContain(type);
    expect(answer.text).toMatch(text);
  });

  it.each([
    ['/proxy/exec/default/web/c', 404, '404 page not found'],
    ['/proxy/logs/containers/none.log', 404, '404 page not found'],
    ['/proxy/logs/..%2f..%2fetc', 404, '404 page not found'],
    [':22/proxy/', 400, 'address not allowed'],
  ])('%s is %i', async (path, code, text) => {
    const answer = await pods.send(`${NODE}${path}`);
    expect(answer.code).toBe(code);
    expect(answer.text).toContain(text);
  });

  it('takes reads of nodes that are there', async () => {
    expect((await pods.send(`${NODE}/proxy/healthz`, { method: 'POST' })).code).toBe(405);
    expect((await pods.send(`${NODE}/proxy/healthz`, { method: 'HEAD' })).code).toBe(200);
    expect((await pods.send('/api/v1/nodes/away/proxy/healthz')).code).toBe(404);
    expect((await pods.send(`${NODE}/proxy`)).headers.location).toBe(`${NODE}/proxy/`);
  });
});

describe('the network of a node', () => {
  const NETWORK = '/api/v1/nodes/n1/proxy/network';
  const DNS = '/probe?from=default/dns&to=10.244.0.53:53&dns=web.shop.svc';
  /** Answers the message of a question with a head of its own. */
  const dnsServer = (code: number, answers: number): NetServer =>
    createNetServer((socket) => {
      socket.once('data', (question: Buffer) => {
        asked.push(question.subarray(14).toString('latin1'));
        const head = Buffer.from([0, 12, 0x53, 0x59, 0x81, code, 0, 1, 0, answers, 0, 0, 0, 0]);
        // In two pieces, as networks may bring it.
        socket.write(head.subarray(0, 5), () => socket.end(head.subarray(5)));
      });
    });
  const asked: string[] = [];

  beforeAll(async () => {
    const server = await listening(dnsServer(0, 1));
    const unknown = await listening(dnsServer(3, 0));
    servers.push(server, unknown);
    await pods.addPod('dns', '10.244.0.53', 53, server);
    await pods.addPod('dns-2', '10.244.0.54', 53, unknown);
  });

  it('is shown with the service that is asked about', async () => {
    expect(JSON.parse((await pods.send(`${NETWORK}?service=10.96.0.1:443`)).text)).toEqual({
      mode: 'auto',
      asked: '10.96.0.1:443',
    });
  });

  it.each([
    ['/probe?from=default/web&to=10.244.0.5:8080', { ok: true, detail: 'connected' }],
    [DNS, { ok: true, detail: 'answered' }],
    [DNS.replace('.53:', '.54:'), { ok: false, detail: 'the server answered code 3 with 0 records' }],
    ['/probe?from=default/web&to=10.244.0.5:99', { ok: false, detail: /connection refused/ }],
  ])('%s', async (query, expected) => {
    pods.dialled.length = 0;
    const { code, text } = await pods.send(NETWORK + query);
    expect(code).toBe(200);
    const { ok, detail } = JSON.parse(text) as { ok: boolean; detail: string };
    expect(ok).toBe(expected.ok);
    expect(detail).toMatch(expected.detail);
    expect(pods.dialled).toHaveLength(1);
  });

  it('asks for names below the cluster domain, from inside the pod', async () => {
    pods.dialled.length = 0;
    await pods.send(NETWORK + DNS);
    expect(pods.dialled).toEqual(['dns -> 10.244.0.53:53']);
    expect(asked.at(-1)).toContain('\x03web\x04shop\x03svc\x07cluster\x05local\x00');
  });

  it.each([
    ['an address outside the cluster', '/probe?to=192.0.2.1:80', 400, 'address not allowed'],
    ['this machine', '/probe?to=127.0.0.1:80', 400, 'address not allowed'],
    ['a name', '/probe?to=example.com:80', 400, 'address not allowed'],
    ['a port that is none', '/probe?to=10.244.0.5:0', 400, 'address not allowed'],
    ['a name of DNS that is none', '/probe?to=10.244.0.5:53&dns=a..b', 400, 'invalid name'],
    ['a pod that is not here', '/probe?from=default/x&to=10.244.0.5:80', 404, 'pods "x" not found'],
  ])('does not ask %s', async (_what, query, code, text) => {
    pods.dialled.length = 0;
    const answer = await pods.send(NETWORK + query);
    expect([answer.code, answer.text]).toEqual([code, expect.stringContaining(text)]);
    expect(pods.dialled).toEqual([]);
  });
});

describe('the right to proxy', () => {
  it.each([
    ['GET', 'get'],
    ['HEAD', 'get'],
    ['POST', 'create'],
    ['PUT', 'update'],
    ['PATCH', 'patch'],
    ['DELETE', 'delete'],
  ])('%s needs %s on each subresource', async (method, verb) => {
    const { server } = pods;
    const token = await server.tokens.issue(`only-${method}`, []);
    const paths = { 'pods/proxy': `${POD}/`, 'nodes/proxy': '/api/v1/nodes/n1/proxy/healthz' };
    for (const [resource, path] of Object.entries(paths)) {
      const answer = await pods.send(path, { method, headers: { authorization: `Bearer ${token}` } });
      expect(answer.code).toBe(403);
      if (method !== 'HEAD') expect(answer.text).toContain(`cannot ${verb} resource \\"${resource}\\"`);
    }
  });
});
