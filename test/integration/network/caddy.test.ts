/** A real Caddy, with the configuration that is rendered for it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import http2 from 'node:http2';
import { createServer, type IncomingMessage, request, type Server } from 'node:http';
import { createServer as createTcp, type AddressInfo, connect } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDefaultCertificate } from '../../../src/network/ingress/default-certificate.ts';
import { renderCaddy } from '../../../src/network/ingress/render-caddy.ts';
import type { Ingress, Service } from '../../../src/schemas/types.ts';
import { aGateway, aRoute, type GatewayWorld, gatewaysPlan } from '../../support/gateway-objects.ts';
import { anIngress, aService, aTlsSecret, proxyPlan } from '../../support/ingress-objects.ts';

const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;

async function freePort(): Promise<number> {
  const server = createTcp().listen(0);
  await once(server, 'listening');
  const port = portOf(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** Says its own name and what it was asked. */
async function aBackend(name: string): Promise<{ server: Server; service: Service }> {
  const server = createServer((asked, answer) => {
    let size = 0;
    asked.on('data', (chunk: Buffer) => (size += chunk.length));
    asked.on('end', () => {
      answer.setHeader('x-backend', name);
      answer.end(JSON.stringify({ name, url: asked.url, headers: asked.headers, size }));
    });
  });
  server.on('upgrade', (_, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, service: serviceAt(name, portOf(server)) };
}

/** A Service whose address is this machine's own. */
const serviceAt = (name: string, port: number): Service =>
  aService(name, { clusterIP: '127.0.0.1', ports: [{ name: 'http', port }] });

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

async function ask(
  port: number,
  url: string,
  { method = 'GET', headers = {}, body = '' }: { method?: string; headers?: object; body?: string } = {},
): Promise<Answer> {
  const slash = url.indexOf('/');
  const asked = request({
    host: '127.0.0.1',
    port,
    method,
    path: url.slice(slash),
    headers: { host: url.slice(0, slash), connection: 'close', ...headers },
  });
  asked.end(body);
  const [answer] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of answer) text += String(chunk);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: text };
}

async function startCaddy(
  ingresses: readonly Ingress[],
  services: readonly Service[],
  view: Parameters<typeof proxyPlan>[2] = {},
  gateways: (ports: { httpPort: number; httpsPort: number }) => GatewayWorld | undefined = () => undefined,
) {
  const directory = await mkdtemp(join(tmpdir(), 'symphony-caddy-'));
  const ports = { httpPort: await freePort(), httpsPort: await freePort() };
  const world = gateways(ports);
  const { model, problems } = proxyPlan(ingresses, services, {
    ...view,
    ports,
    ...(world ? { gateways: gatewaysPlan({ ...world, services, ports }) } : {}),
  });
  const config = renderCaddy(model, {
    ...ports,
    issuer: { type: 'internal' },
    defaultCertificate: await createDefaultCertificate(Date.now()),
    logsAccess: true,
  });
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  const caddy = spawn('caddy', ['run', '--config', 'config.json'], {
    cwd: directory,
    env: { PATH: '/usr/bin:/bin', HOME: directory, XDG_DATA_HOME: directory, XDG_CONFIG_HOME: directory },
  });
  let said = '';
  caddy.stderr.on('data', (chunk: Buffer) => (said += String(chunk)));
  const ended = once(caddy, 'exit').then(() => {
    throw new Error(said);
  });
  ended.catch(() => undefined);
  const listens = async (): Promise<void> => {
    for (;;) {
      const socket = connect(ports.httpPort, '127.0.0.1');
      const up = await new Promise((resolve) => {
        socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
      });
      socket.destroy();
      if (up) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  await Promise.race([listens(), ended]);
  return {
    ...ports,
    problems,
    async [Symbol.asyncDispose]() {
      caddy.kill('SIGKILL');
      await ended.catch(() => undefined);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

const names = ['a', 'b', 'c', 'd', 'e', 'f'] as const;
let backends: Map<string, { server: Server; service: Service }>;
let services: readonly Service[];
beforeAll(async () => {
  backends = new Map(await Promise.all(names.map(async (name) => [name, await aBackend(name)] as const)));
  services = [...backends.values()].map(({ service }) => service);
});
afterAll(() => {
  for (const { server } of backends.values()) server.close();
});

/** Rules name backends only: each has a port of its own. */
const rule = (text: string): string => {
  const name = text.split(' ').at(-1) ?? '';
  return `${text}:${backends.get(name)?.service.spec.ports?.[0]?.port ?? 80}`;
};
const ingress = (shape: Parameters<typeof anIngress>[0]): Ingress =>
  anIngress({
    ...shape,
    rules: (shape.rules ?? []).map(rule),
    ...(shape.defaultBackend
      ? { defaultBackend: rule(`x ${shape.defaultBackend}`).split(' ')[1] ?? '' }
      : {}),
  });
const backendOf = async (port: number, url: string): Promise<string> => {
  const { headers, status } = await ask(port, url);
  return (headers['x-backend'] as string | undefined) ?? String(status);
};

describe('requests find their backend', () => {
  it('by host and path', async () => {
    await using caddy = await startCaddy(
      [
        ingress({
          rules: [
            'Prefix foo.com/ a',
            'Prefix foo.com/aaa b',
            'Prefix foo.com/aaa/bbb/ c',
            'Exact foo.com/aaa d',
            'Exact foo.com/slash/ d',
            'Prefix *.foo.com/ e',
            'Prefix bar.foo.com/x f',
            'ImplementationSpecific xn--bcher-kva.example f',
            'Prefix /any f',
            'Prefix dots.com/a.b b',
          ],
        }),
        ingress({ name: 'rest', defaultBackend: 'c', age: -5 }),
      ],
      services,
    );
    const table = {
      'foo.com/': 'a',
      'foo.com/aaa': 'd',
      'foo.com/aaa/': 'b',
      'foo.com/aaabbb': 'a',
      'foo.com/aaa/ccc': 'b',
      'foo.com/aaa/bbb': 'c',
      'foo.com/aaa/bbb/ccc': 'c',
      'foo.com/aaa/bbbx': 'b',
      'foo.com/AAA': 'a',
      'foo.com/aaa?x=/aaa/bbb': 'd',
      'foo.com/slash': 'a',
      'foo.com/slash/': 'd',
      'foo.com/zzz/../aaa': 'd',
      'foo.com//aaa': 'd',
      'FOO.com:8080/aaa': 'd',
      'x.foo.com/any': 'e',
      'y.x.foo.com/': 'c',
      'bar.foo.com/x/y': 'f',
      'bar.foo.com/y': 'e',
      'xn--bcher-kva.example/': 'f',
      'other.com/any': 'f',
      'other.com/anything': 'c',
      'dots.com/a.b': 'b',
      'dots.com/axb': 'c',
      'foo.com.evil.com/aaa': 'c',
    };
    const answers = await Promise.all(
      Object.keys(table).map(async (url) => [url, await backendOf(caddy.httpPort, url)] as const),
    );
    expect(Object.fromEntries(answers)).toEqual(table);
  });

  it('among hundreds of hosts', async () => {
    const hosts = Array.from({ length: 300 }, (_, index) => `h${index}.com`);
    await using caddy = await startCaddy(
      [
        ingress({ rules: hosts.map((host, index) => `Prefix ${host}/ ${names[index % 6] ?? 'a'}`) }),
        ingress({
          name: 'rest',
          rules: [
            'Prefix h7.com/deep f',
            'Prefix partly.com/x a',
            'Prefix *.partly.com/ b',
            'Prefix h8.com/none nobody',
          ],
        }),
        ingress({
          name: 'rewrites',
          annotations: { 'nginx.ingress.kubernetes.io/rewrite-target': '/deep' },
          rules: ['ImplementationSpecific h9.com/turned c'],
        }),
      ],
      services,
    );
    const found = await Promise.all(hosts.map((host) => backendOf(caddy.httpPort, `${host}/`)));
    expect(found).toEqual(hosts.map((_, index) => names[index % 6]));
    expect(await backendOf(caddy.httpPort, 'h300.com/')).toBe('404');
    expect(await backendOf(caddy.httpPort, '0.filler.invalid/')).toBe('404');
    const table = {
      'h7.com/deep': 'f',
      'h7.com/': names[1],
      'partly.com/x': 'a',
      'partly.com/': '404',
      'x.partly.com/x': 'b',
      'h8.com/none': '503',
      'h9.com/turned': 'c',
      'h9.com/': names[3],
    };
    const others = Object.keys(table).map(
      async (url) => [url, await backendOf(caddy.httpPort, url)] as const,
    );
    expect(Object.fromEntries(await Promise.all(others))).toEqual(table);
    expect((await ask(caddy.httpPort, 'h4.com/', { method: 'POST', body: 'x' })).status).toBe(200);
  });

  it('and are given up where the backend leads back to the proxy', async () => {
    let rounds = 0;
    const back = createServer((asked, answer) => {
      rounds += 1;
      const { url: path, headers } = asked;
      request({ host: '127.0.0.1', port: caddy.httpPort, path, headers }, (again) => {
        answer.writeHead(again.statusCode ?? 0);
        again.pipe(answer);
      }).end();
    }).listen(0, '127.0.0.1');
    await once(back, 'listening');
    await using caddy = await startCaddy(
      [ingress({ rules: ['Prefix loop.com/ back:http'] })],
      [serviceAt('back', portOf(back))],
    );
    expect((await ask(caddy.httpPort, 'loop.com/')).status).toBe(508);
    expect(rounds).toBe(8);
    back.close();
  });

  it('or get 404, and 503 where the Service is missing', async () => {
    await using caddy = await startCaddy(
      [ingress({ rules: ['Prefix foo.com/a a', 'Prefix foo.com/none nobody'] })],
      services,
    );
    expect(await backendOf(caddy.httpPort, 'foo.com/b')).toBe('404');
    expect(await backendOf(caddy.httpPort, 'other.com/a')).toBe('404');
    expect(await backendOf(caddy.httpPort, 'foo.com/none')).toBe('503');
    expect(caddy.problems.map(({ message }) => message)).toEqual(['Service "default/nobody" does not exist']);
  });
});

describe('a request', () => {
  it('carries the address of its client, whatever the client says', async () => {
    await using caddy = await startCaddy([ingress({ rules: ['Prefix foo.com/ a'] })], services);
    const headers = { 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6', 'x-forwarded-proto': 'https' };
    const { body } = await ask(caddy.httpPort, 'foo.com/', { headers });
    expect((JSON.parse(body) as { headers: object }).headers).toMatchObject({
      host: 'foo.com',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-host': 'foo.com',
      'x-forwarded-proto': 'http',
      'x-real-ip': '127.0.0.1',
    });
  });

  it('is changed and refused as annotations say', async () => {
    const nginx = (annotations: Record<string, string>) =>
      Object.fromEntries(
        Object.entries(annotations).map(([name, value]) => [`nginx.ingress.kubernetes.io/${name}`, value]),
      );
    const named = (name: string, annotations: Record<string, string>, path = '/') =>
      ingress({
        name,
        annotations: nginx(annotations),
        rules: [`ImplementationSpecific ${name}.com${path} a`],
      });
    await using caddy = await startCaddy(
      [
        named('rewrite', { 'rewrite-target': '/$2' }, '/api(/|$)(.*)'),
        named('flat', { 'rewrite-target': '/' }, '/api'),
        named('force', { 'force-ssl-redirect': 'true' }),
        named('size', { 'proxy-body-size': '10' }),
        named('near', { 'whitelist-source-range': '127.0.0.0/8, ::1/128' }),
        named('far', { 'whitelist-source-range': '10.0.0.0/8' }),
        named('auth', { 'auth-url': 'https://example.com' }),
        named('cors', { 'enable-cors': 'true', 'cors-allow-origin': 'https://*.example.com' }),
      ],
      services,
    );
    const at = caddy.httpPort;
    const urlOf = async (url: string): Promise<string> =>
      (JSON.parse((await ask(at, url)).body) as { url: string }).url;
    expect(await urlOf('rewrite.com/api/x%20y/z?q=1')).toBe('/x%20y/z?q=1');
    expect(await urlOf('rewrite.com/api')).toBe('/');
    expect(await urlOf('flat.com/api/x?q=1')).toBe('/?q=1');
    const forced = await ask(at, 'force.com/x?y=1');
    expect([forced.status, forced.headers.location]).toEqual([
      308,
      `https://force.com:${caddy.httpsPort}/x?y=1`,
    ]);
    const post = (body: string, headers: object) => ask(at, 'size.com/', { method: 'POST', body, headers });
    expect((await post('0123456789', { 'content-length': 10 })).status).toBe(200);
    expect((await post('01234567890', { 'content-length': 11 })).status).toBe(413);
    expect((await post('01234567890', { 'transfer-encoding': 'chunked' })).status).toBe(413);
    expect((await ask(at, 'size.com/')).status).toBe(200);
    expect((await ask(at, 'near.com/')).status).toBe(200);
    expect((await ask(at, 'far.com/')).status).toBe(403);
    expect((await ask(at, 'auth.com/')).status).toBe(503);
    const cors = (origin: string, method = 'GET') => ask(at, 'cors.com/', { method, headers: { origin } });
    const allowed = async (origin: string) => (await cors(origin)).headers['access-control-allow-origin'];
    expect(await allowed('https://a.example.com')).toBe('https://a.example.com');
    expect(await allowed('https://evil.com')).toBeUndefined();
    expect((await cors('https://a.example.com', 'OPTIONS')).status).toBe(204);
  });

  it('may become a WebSocket', async () => {
    await using caddy = await startCaddy([ingress({ rules: ['Prefix foo.com/ a'] })], services);
    const asked = request({
      port: caddy.httpPort,
      headers: { host: 'foo.com', connection: 'Upgrade', upgrade: 'websocket' },
    });
    asked.end();
    const [, socket] = (await once(asked, 'upgrade')) as [IncomingMessage, NodeJS.ReadWriteStream];
    socket.write('hello');
    const [echoed] = (await once(socket, 'data')) as [Buffer];
    expect(echoed.toString()).toBe('hello');
    socket.end();
  });

  it('reaches backends that speak HTTP/2 only, from clients that do, with and without TLS', async () => {
    const server = http2.createServer();
    server.on('stream', (stream: http2.ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.pipe(stream);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    await using caddy = await startCaddy(
      [
        anIngress({
          annotations: { 'nginx.ingress.kubernetes.io/backend-protocol': 'GRPC' },
          rules: [`Prefix foo.com/ grpc:${portOf(server)}`],
          tls: [{ hosts: ['foo.com'] }],
        }),
      ],
      [serviceAt('grpc', portOf(server))],
    );
    for (const origin of [`http://127.0.0.1:${caddy.httpPort}`, `https://127.0.0.1:${caddy.httpsPort}`]) {
      const session = http2.connect(origin, { rejectUnauthorized: false, servername: 'foo.com' });
      const stream = session.request({
        ':method': 'POST',
        ':path': '/x',
        ':authority': 'foo.com',
        te: 'trailers',
      });
      stream.end('ping');
      const trailers = once(stream, 'trailers');
      let text = '';
      for await (const chunk of stream) text += String(chunk);
      expect(text).toBe('ping');
      expect(((await trailers) as [object])[0]).toMatchObject({ 'grpc-status': '0' });
      session.close();
      await once(session, 'close');
    }
    server.close();
  });
});

describe('TLS', () => {
  const namesServed = async (port: number, servername: string): Promise<string> => {
    const socket = connectTls({
      port,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ...(servername ? { servername } : {}),
    });
    await once(socket, 'secureConnect');
    const { subject, subjectaltname = '' } = socket.getPeerCertificate();
    socket.destroy();
    return subjectaltname || String(subject.CN);
  };

  it('serves each host its certificate, and the default one to hosts without', async () => {
    const secrets = new Map([
      ['default/one', await aTlsSecret('one', 'one.com', 'www.one.com')],
      ['default/wild', await aTlsSecret('wild', '*.wild.com')],
      ['default/other', await aTlsSecret('other', 'other.com')],
      ['default/bad', { ...(await aTlsSecret('bad', 'bad.com')), data: { 'tls.crt': 'eA==' } }],
    ]);
    const hosts = ['one', 'sub.wild', 'mismatch', 'bad', 'gone', 'auto'];
    await using caddy = await startCaddy(
      [
        ingress({
          rules: hosts.map((host) => `Prefix ${host}.com/ a`),
          annotations: { 'cert-manager.io/cluster-issuer': 'letsencrypt' },
          tls: [{ hosts: ['auto.com'], secretName: 'auto' }],
        }),
        ingress({
          name: 'tls',
          rules: ['Prefix one.com/tls b'],
          tls: [
            { hosts: ['one.com'], secretName: 'one' },
            { hosts: ['*.wild.com'], secretName: 'wild' },
            { hosts: ['mismatch.com'], secretName: 'other' },
            { hosts: ['bad.com'], secretName: 'bad' },
            { hosts: ['gone.com'], secretName: 'gone' },
          ],
        }),
      ],
      services,
      { secret: (key) => secrets.get(key) ?? 'it does not exist', isAutomatic: true },
    );
    const DEFAULT = 'DNS:ingress.symphony.invalid';
    const table = {
      'one.com': 'DNS:one.com, DNS:www.one.com',
      'www.one.com': 'DNS:one.com, DNS:www.one.com',
      'sub.wild.com': 'DNS:*.wild.com',
      'a.sub.wild.com': DEFAULT,
      'mismatch.com': DEFAULT,
      'bad.com': DEFAULT,
      'gone.com': DEFAULT,
      'unknown.com': DEFAULT,
      'other.com': 'DNS:other.com',
      '': DEFAULT,
    };
    for (const [host, expected] of Object.entries(table))
      expect([host, await namesServed(caddy.httpsPort, host)]).toEqual([host, expected]);
    await expect.poll(() => namesServed(caddy.httpsPort, 'auto.com').catch(() => '')).toBe('DNS:auto.com');
    expect(caddy.problems.map(({ message }) => message)).toEqual([
      'Cannot use Secret "default/other": its certificate is not for this host; mismatch.com: the default certificate is served',
      'Cannot use Secret "default/bad": tls.crt and tls.key must be a certificate and its key in PEM; bad.com: the default certificate is served',
      'Cannot use Secret "default/gone": it does not exist; gone.com: the default certificate is served',
    ]);
  });
});

describe('a Gateway', () => {
  const backend = (name: string, more: object = {}) => ({
    name,
    port: backends.get(name)?.service.spec.ports?.[0]?.port ?? 80,
    ...more,
  });
  const to = (name: string, more: object = {}) => ({ backendRefs: [backend(name)], ...more });
  const prefix = (value: string) => ({ path: { type: 'PathPrefix', value } });
  const allowed = { allowedRoutes: { namespaces: { from: 'All' } } };
  let own = 0;
  let ownTls = 0;
  let caddy: Awaited<ReturnType<typeof startCaddy>>;

  beforeAll(async () => {
    [own, ownTls] = [await freePort(), await freePort()];
    const [one, two] = [await aTlsSecret('one', '*.one.com'), await aTlsSecret('two', 'two.com')];
    const secrets = new Map([
      ['default/one', one],
      ['default/two', two],
    ]);
    const tls = (name: string) => ({ mode: 'Terminate', certificateRefs: [{ name }] });
    const rewrite = (path: object, hostname?: string) => ({
      type: 'URLRewrite',
      urlRewrite: { path: path as never, ...(hostname ? { hostname } : {}) },
    });
    const redirect = (requestRedirect: object) => ({
      filters: [{ type: 'RequestRedirect', requestRedirect }],
    });
    caddy = await startCaddy(
      [ingress({ rules: ['Prefix shared.com/ a'], defaultBackend: 'f' })],
      services,
      {},
      ({ httpPort }) => ({
        secrets,
        gateways: [
          aGateway('shared', [
            { name: 'http', port: httpPort, protocol: 'HTTP', hostname: '*.g.com', ...allowed },
          ]),
          aGateway('g', [
            { name: 'http', port: own, protocol: 'HTTP', ...allowed },
            { name: 'wild', port: own, protocol: 'HTTP', hostname: '*.wild.com', ...allowed },
            {
              name: 'one',
              port: ownTls,
              protocol: 'HTTPS',
              hostname: '*.one.com',
              tls: tls('one'),
              ...allowed,
            },
            {
              name: 'two',
              port: ownTls,
              protocol: 'HTTPS',
              hostname: 'two.com',
              tls: tls('two'),
              ...allowed,
            },
          ]),
        ],
        routes: [
          aRoute({ name: 'shared', gateway: 'shared' }, to('b')),
          aRoute({ name: 'wild', listener: 'wild', hostnames: ['x.wild.com'] }, to('c')),
          aRoute({ name: 'tls-one', listener: 'one' }, to('d')),
          aRoute({ name: 'tls-two', listener: 'two' }, to('e')),
          aRoute(
            { name: 'web', listener: 'http' },
            to('a'),
            to('b', {
              matches: [
                { path: { type: 'Exact', value: '/exact' } },
                {
                  ...prefix('/q'),
                  queryParams: [
                    { name: 'x', value: '1' },
                    { name: 'y', type: 'RegularExpression', value: '[a-c]{2}' },
                  ],
                },
                {
                  ...prefix('/h'),
                  headers: [
                    { name: 'version', value: 'v{2}' },
                    { name: 'host', type: 'RegularExpression', value: 'h.*' },
                  ],
                },
                { ...prefix('/m'), method: 'PUT' },
                { path: { type: 'RegularExpression', value: '/r[0-9]+/.*' } },
              ],
            }),
            to('c', {
              matches: [prefix('/old')],
              filters: [rewrite({ type: 'ReplacePrefixMatch', replacePrefixMatch: '/new' }, 'rewritten.com')],
            }),
            to('c', {
              matches: [prefix('/strip/')],
              filters: [rewrite({ type: 'ReplacePrefixMatch', replacePrefixMatch: '' })],
            }),
            to('c', {
              matches: [prefix('/full')],
              filters: [rewrite({ type: 'ReplaceFullPath', replaceFullPath: '/one{path}' })],
            }),
            to('c', {
              matches: [prefix('/headers')],
              filters: [
                {
                  type: 'RequestHeaderModifier',
                  requestHeaderModifier: {
                    set: [{ name: 'X-Set', value: '{http.request.host}' }],
                    add: [{ name: 'X-Add', value: 'b' }],
                    remove: ['X-Gone'],
                  },
                },
                {
                  type: 'ResponseHeaderModifier',
                  responseHeaderModifier: { set: [{ name: 'X-New', value: 'yes' }], remove: ['X-Backend'] },
                },
              ],
            }),
            { matches: [prefix('/go')], ...redirect({ scheme: 'https', statusCode: 301 }) },
            {
              matches: [prefix('/port')],
              ...redirect({
                hostname: 'other.com',
                path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/p' },
              }),
            },
            {
              matches: [prefix('/split')],
              backendRefs: [
                backend('a', { weight: 3 }),
                backend('b', { weight: 0 }),
                { name: 'gone', port: 80, weight: 1 },
              ],
            },
            { matches: [prefix('/zero')], backendRefs: [backend('a', { weight: 0 })] },
            { matches: [prefix('/none')] },
            {
              matches: [prefix('/share')],
              backendRefs: [
                {
                  ...backend('a'),
                  filters: [
                    {
                      type: 'RequestHeaderModifier',
                      requestHeaderModifier: { set: [{ name: 'X-Share', value: 'a' }] },
                    },
                  ],
                },
              ],
            },
            to('a', {
              matches: [prefix('/cors')],
              filters: [
                {
                  type: 'CORS',
                  cors: {
                    allowOrigins: ['https://*.foo.com'],
                    allowMethods: ['*'],
                    allowHeaders: ['x-one', 'x-two'],
                    allowCredentials: true,
                    maxAge: 60,
                  },
                },
              ],
            }),
          ),
        ],
      }),
    );
  });
  afterAll(() => caddy[Symbol.asyncDispose]());
  const seen = async (url: string, more: Parameters<typeof ask>[2] = {}) =>
    JSON.parse((await ask(own, url, more)).body) as {
      name: string;
      url: string;
      headers: Record<string, string>;
    };

  it('shares the ports of Ingresses by host, and lets their default backend answer the rest', async () => {
    expect(await backendOf(caddy.httpPort, 'shared.com/')).toBe('a');
    expect(await backendOf(caddy.httpPort, 'x.y.g.com/')).toBe('b');
    expect(await backendOf(caddy.httpPort, 'other.com/')).toBe('f');
  });

  it('leads each request to the most specific match of the most specific listener', async () => {
    for (const [url, expected, more] of [
      ['h.com/', 'a'],
      ['h.com/exact', 'b'],
      ['h.com/exact/', 'a'],
      ['h.com/q?x=1&y=ab', 'b'],
      ['h.com/q?x=1', 'a'],
      ['h.com/q?x=1&y=abc', 'a'],
      ['h.com/q?x=2&y=ab', 'a'],
      ['h.com/h', 'b', { headers: { host: 'h.com', version: 'v{2}' } }],
      ['h.com/h', 'a', { headers: { host: 'h.com', version: 'v2' } }],
      ['i.com/h', 'a', { headers: { host: 'i.com', version: 'v{2}' } }],
      ['h.com/m', 'a'],
      ['h.com/m', 'b', { method: 'PUT' }],
      ['h.com/r12/x', 'b'],
      ['h.com/R12/x', 'a'],
      ['x.wild.com/', 'c'],
      ['y.wild.com/', '404'],
      ['wild.com/', 'a'],
    ] as const) {
      const answer = await ask(own, url, more);
      expect([url, answer.status === 200 ? answer.headers['x-backend'] : String(answer.status)]).toEqual([
        url,
        expected,
      ]);
    }
  });

  it('rewrites paths, hosts and headers, and takes what users write as it is', async () => {
    expect(await seen('h.com/old/x%20y?q=1')).toMatchObject({
      url: '/new/x%20y?q=1',
      headers: { host: 'rewritten.com' },
    });
    for (const [url, expected] of [
      ['/old', '/new'],
      ['/old/', '/new/'],
      ['/strip', '/'],
      ['/strip/', '/'],
      ['/strip/a', '/a'],
    ] as const)
      expect([url, (await seen(`h.com${url}`)).url]).toEqual([url, expected]);
    expect((await seen('h.com/full/x?q=1')).url).toBe('/one%7Bpath%7D?q=1');
    const { headers } = await seen('h.com/headers', {
      headers: { host: 'h.com', 'x-add': 'a', 'x-gone': '1', 'x-set': 'x' },
    });
    expect(headers).toMatchObject({ 'x-set': '{http.request.host}', 'x-add': 'a, b' });
    expect(headers).not.toHaveProperty('x-gone');
    const answer = await ask(own, 'h.com/headers');
    expect(answer.headers).toMatchObject({ 'x-new': 'yes' });
    expect(answer.headers).not.toHaveProperty('x-backend');
    expect((await seen('h.com/share')).headers).toMatchObject({ 'x-share': 'a' });
  });

  it('redirects to the port that is meant', async () => {
    const place = async (url: string) => {
      const { status, headers } = await ask(own, url);
      return [status, headers.location];
    };
    expect(await place('h.com/go/x?q=1')).toEqual([301, 'https://h.com/go/x?q=1']);
    expect(await place('h.com/port/x?q=1')).toEqual([302, `http://other.com:${own}/p/x?q=1`]);
  });

  it('shares requests by weight, and answers with 500 where a backend is missing', async () => {
    const counts = new Map<number, number>();
    for (let index = 0; index < 200; index += 1) {
      const { status } = await ask(own, 'h.com/split');
      counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    expect([...counts.keys()].toSorted()).toEqual([200, 500]);
    // Six standard deviations around 50.
    expect(Math.abs((counts.get(500) ?? 0) - 50)).toBeLessThan(37);
    expect((await ask(own, 'h.com/zero')).status).toBe(500);
    expect((await ask(own, 'h.com/none')).status).toBe(500);
  });

  it('answers preflights', async () => {
    const headers = { host: 'h.com', origin: 'https://a.b.foo.com', 'access-control-request-method': 'PUT' };
    const answer = await ask(own, 'h.com/cors', { method: 'OPTIONS', headers });
    expect(answer.status).toBe(204);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': 'https://a.b.foo.com',
      'access-control-allow-methods': 'PUT',
      'access-control-allow-headers': 'x-one, x-two',
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '60',
    });
    const other = await ask(own, 'h.com/cors', { headers: { host: 'h.com', origin: 'https://bar.com' } });
    expect([other.status, other.headers['access-control-allow-origin']]).toEqual([200, undefined]);
  });

  it('shows the certificate of the listener, and refuses other names', async () => {
    const shown = async (servername: string) => {
      const socket = connectTls({ port: ownTls, host: '127.0.0.1', servername, rejectUnauthorized: false });
      try {
        await once(socket, 'secureConnect');
        return socket.getPeerCertificate().subjectaltname;
      } catch {
        return 'refused';
      } finally {
        socket.destroy();
      }
    };
    expect(await shown('a.one.com')).toBe('DNS:*.one.com');
    expect(await shown('two.com')).toBe('DNS:two.com');
    expect(await shown('three.com')).toBe('refused');
  });
});
