/** Ingresses served by the part of the host's network that runs Caddy. */
import { connect, createServer as createTcp, Server as TcpServer, type Socket } from 'node:net';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findDetached } from '../../../src/base/child-processes/detached-process.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { systemRng } from '../../../src/base/rng.ts';
import type { Feed } from '../../../src/network/feeds.ts';
import { endAllDetached } from '../../../src/network/detached-program.ts';
import type { HostNetworkContext } from '../../../src/network/host-network.ts';
import { createIngress, ingressDirectory } from '../../../src/network/ingress/ingress.ts';
import { runProgram } from '../../../src/network/run-program.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { notFound } from '../../../src/schemas/errors/status.ts';
import { symphonyIngressClass } from '../../../src/schemas/networking/ingress-classes.ts';
import type { Event, Secret } from '../../../src/schemas/types.ts';
import { anIngress, aService, type IngressShape } from '../../support/ingress-objects.ts';
import { freePort } from '../../support/symphony.ts';

let directory: string;
let httpPort: number;
let httpsPort: number;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-ingress-'));
  [httpPort, httpsPort] = [await freePort(), await freePort()];
});
afterEach(async () => {
  await endAllDetached(ingressDirectory(directory), systemClock);
  await rm(directory, { recursive: true, force: true });
});

/** The API as the part sees it: feeds that tests fill, Secrets, and the Events that it gets. */
function aCluster() {
  const items = new Map<string, Map<string, KubeObject>>();
  const listeners: (() => void)[] = [];
  const secrets = new Map<string, Secret>();
  const events: Event[] = [];
  const annotations = new Map<string, string>();
  const of = (kind: string): Feed<KubeObject> => {
    const own = items.get(kind) ?? new Map<string, KubeObject>();
    items.set(kind, own);
    return {
      items: own,
      isSynced: true,
      onChange: (listener) => void listeners.push(() => listener(undefined)),
    };
  };
  const keyOf = ({ metadata: { namespace, name } }: KubeObject) =>
    namespace ? `${namespace}/${name}` : name;
  const node = { metadata: { name: 'n1', labels: { 'symphony.dev/ingress': 'true' } } };
  const put = (kind: string, ...objects: readonly KubeObject[]) => {
    of(kind);
    for (const object of objects) items.get(kind)?.set(keyOf(object), object);
    listeners.forEach((tell) => tell());
  };
  put('ingressClasses', symphonyIngressClass);
  put('nodes', {
    ...node,
    apiVersion: 'v1',
    kind: 'Node',
    status: { conditions: [{ type: 'Ready', status: 'True' }] },
  });
  const start = (hasRole = true) => {
    const context = {
      client: {
        get: async (_: unknown, namespace: string, name: string) => {
          const found = secrets.get(`${namespace}/${name}`);
          if (!found) throw notFound({ group: '', plural: 'secrets' }, name);
          return found;
        },
        create: async (_: unknown, event: Event) => void events.push(event),
      },
      clock: systemClock,
      rng: systemRng,
      logger: silentLogger,
      run: runProgram,
      settings: { directory, ...(hasRole ? { ingress: { httpPort, httpsPort, logsAccess: false } } : {}) },
      feeds: { of },
      annotations,
      host: { nodes: new Map([['n1', { name: 'n1', address: '127.0.0.1' }]]), onChange: () => undefined },
    };
    const part = createIngress(context as unknown as HostNetworkContext);
    part.start();
    return part;
  };
  return {
    put,
    secrets,
    events,
    annotations,
    start,
    remove(kind: string, key: string) {
      items.get(kind)?.delete(key);
      listeners.forEach((tell) => tell());
    },
    messages: () => events.map(({ message }) => message ?? ''),
  };
}

const ingress = (shape: IngressShape & { readonly generation?: number }) => {
  const made = anIngress(shape);
  return { ...made, metadata: { ...made.metadata, generation: shape.generation ?? 1 } };
};

async function aBackend(name: string, port = 0) {
  /** Sockets that have had an answer and have no request. */
  const idle = new Set<Socket>();
  const server = createServer(({ socket }, answer) => {
    idle.delete(socket);
    answer.end(name, () => idle.add(socket));
  });
  let accepted = 0;
  server.on('connection', (socket) => {
    accepted += 1;
    socket.once('close', () => idle.delete(socket));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const at = (server.address() as { port: number }).port;
  const service = aService(name, { clusterIP: '127.0.0.1', ports: [{ port: at }] });
  return { server, service, target: `${name}:${at}`, port: at, idle, accepted: () => accepted };
}

/** The body, or the status, or how it failed. */
async function ask(url: string, method = 'GET'): Promise<string> {
  const slash = url.indexOf('/');
  const options = { host: '127.0.0.1', port: httpPort, path: url.slice(slash), method, agent: false };
  const asked = request({ ...options, headers: { host: url.slice(0, slash) } });
  asked.end();
  try {
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    let body = '';
    for await (const chunk of answer) body += String(chunk);
    return answer.statusCode === 200 ? body : String(answer.statusCode);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'failed';
  }
}
const caddyPid = async () => (await findDetached(ingressDirectory(directory)))[0]?.pid;

describe('Caddy', () => {
  it('runs while there is an Ingress of ours, and only at nodes with the role', async () => {
    const cluster = aCluster();
    const { server, service, target } = await aBackend('a');
    cluster.put('services', service);
    await using part = cluster.start();
    cluster.put('ingresses', ingress({ rules: [`Prefix a.com/ ${target}`] }));
    await expect.poll(() => ask('a.com/')).toBe('a');
    const other = ingress({ name: 'other', rules: [`Prefix b.com/ ${target}`] });
    cluster.put('ingresses', { ...other, spec: { ...other.spec, ingressClassName: 'nginx' } });
    cluster.put('ingresses', ingress({ name: 'third', rules: [`Prefix c.com/ ${target}`] }));
    await expect.poll(() => ask('c.com/')).toBe('a');
    expect(await ask('b.com/')).toBe('404');
    cluster.remove('ingresses', 'default/web');
    cluster.remove('ingresses', 'default/third');
    await expect.poll(caddyPid).toBeUndefined();
    cluster.put('ingresses', ingress({ rules: [`Prefix a.com/ ${target}`] }));
    await expect.poll(() => ask('a.com/')).toBe('a');
    await part[Symbol.asyncDispose]();
    await using without = cluster.start(false);
    await expect.poll(caddyPid).toBeUndefined();
    expect(without).toBeDefined();
    server.close();
  });

  it('serves on while the agent restarts, and after it was killed', async () => {
    const cluster = aCluster();
    const { server, service, target } = await aBackend('a');
    cluster.put('services', service);
    const first = cluster.start();
    cluster.put('ingresses', ingress({ rules: [`Prefix a.com/ ${target}`] }));
    await expect.poll(() => ask('a.com/')).toBe('a');
    const pid = await caddyPid();
    await first[Symbol.asyncDispose]();
    expect(await ask('a.com/')).toBe('a');
    await using second = cluster.start();
    cluster.put('ingresses', ingress({ name: 'more', rules: [`Prefix b.com/ ${target}`] }));
    await expect.poll(() => ask('b.com/')).toBe('a');
    expect(await caddyPid()).toBe(pid);
    process.kill(pid ?? 0, 'SIGKILL');
    await expect.poll(caddyPid).not.toBe(pid);
    await expect.poll(() => ask('a.com/')).toBe('a');
    expect(second).toBeDefined();
    server.close();
  });
});

describe('what is wrong', () => {
  it('with one Ingress does not concern the others, and is told once', async () => {
    const cluster = aCluster();
    const { server, service, target } = await aBackend('a');
    cluster.put('services', service);
    const bad = {
      name: 'bad',
      annotations: { 'nginx.ingress.kubernetes.io/use-regex': 'true' },
      rules: [`ImplementationSpecific bad.com/(unclosed ${target}`],
    };
    cluster.put(
      'ingresses',
      ingress({ rules: [`Prefix a.com/ ${target}`] }),
      ingress(bad),
      ingress({
        name: 'tls',
        rules: [`Prefix b.com/ ${target}`],
        tls: [{ hosts: ['b.com'], secretName: 'gone' }],
      }),
    );
    await using part = cluster.start();
    await expect.poll(() => ask('a.com/')).toBe('a');
    expect(await ask('b.com/')).toBe('a');
    expect(await ask('bad.com/x')).toBe('404');
    const told = [
      expect.stringMatching(/^Cannot use Secret "default\/gone": it does not exist; b.com/),
      expect.stringMatching(/^Caddy refuses what this Ingress asks for.*missing closing \)/),
    ];
    await expect.poll(() => cluster.messages().toSorted()).toEqual(told.toReversed());
    cluster.put('ingresses', ingress({ ...bad, generation: 2, rules: [`Prefix bad.com/x ${target}`] }));
    await expect.poll(() => ask('bad.com/x')).toBe('a');
    expect(cluster.events).toHaveLength(2);
    expect(part).toBeDefined();
    server.close();
  });

  it('with a port names the process that has it, and is over once the port is free', async () => {
    const cluster = aCluster();
    const { server, service, target } = await aBackend('a');
    cluster.put('services', service);
    const taken = createTcp().listen(httpPort);
    await once(taken, 'listening');
    await using part = cluster.start();
    cluster.put('ingresses', ingress({ rules: [`Prefix a.com/ ${target}`] }));
    await expect
      .poll(() => cluster.messages())
      .toContainEqual(
        expect.stringMatching(
          new RegExp(
            `^Ingresses are not served here: process ${process.pid} .* listens on port ${httpPort}; .*--ingress-http-port`,
          ),
        ),
      );
    // On a slow machine the port may be tried twice before this line.
    const told = new Set(cluster.events.map(({ involvedObject: { kind } }) => kind));
    expect([...told].toSorted()).toEqual(['Ingress', 'Node']);
    taken.close();
    await expect.poll(() => ask('a.com/')).toBe('a');
    expect(part).toBeDefined();
    server.close();
  });
});

/** As the kernel does: each new connection goes to the backend of that moment. */
async function aSwitch() {
  let target = 0;
  /** Connections by port. */
  const opened = new Map<number, number>();
  const server = createTcp((socket) => {
    const onward = connect(target, '127.0.0.1');
    opened.set(target, (opened.get(target) ?? 0) + 1);
    socket.pipe(onward).pipe(socket);
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { server, port, opened, lead: (to: number) => (target = to) };
}

/**
 * As a pod that is told to end: connections that wait for another request end, and those that have
 * a request, or wait for their first one, are served.
 */
async function ended(server: Server, idle: ReadonlySet<Socket>): Promise<void> {
  // That of http would cut those that wait for their first request.
  const closed = new Promise<unknown>((resolve) => TcpServer.prototype.close.call(server, resolve));
  const sweep = setInterval(() => idle.forEach((socket) => socket.destroy()), 5);
  await closed;
  clearInterval(sweep);
}

it('loses no request while backends come and go behind the address of a Service', async () => {
  const cluster = aCluster();
  const balancer = await aSwitch();
  let backend = await aBackend('a');
  balancer.lead(backend.port);
  cluster.put('services', aService('s', { clusterIP: '127.0.0.1', ports: [{ port: balancer.port }] }));
  await using part = cluster.start();
  cluster.put('ingresses', ingress({ rules: [`Prefix a.com/ s:${balancer.port}`] }));
  await expect.poll(() => ask('a.com/')).toBe('a');
  const answers = new Map<string, number>();
  let isOver = false;
  const clients = Array.from({ length: 8 }, async (_, index) => {
    while (!isOver) {
      const answer = await ask('a.com/', index % 2 === 0 ? 'GET' : 'POST');
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  for (const name of ['b', 'c', 'd', 'e']) {
    await expect.poll(() => answers.size).toBeGreaterThan(0);
    const old = backend;
    backend = await aBackend(name);
    balancer.lead(backend.port);
    // Connections that the kernel has accepted and the program has not would be reset.
    await expect.poll(old.accepted).toBe(balancer.opened.get(old.port));
    await ended(old.server, old.idle);
    await expect.poll(() => answers.get(name) ?? 0).toBeGreaterThan(50);
  }
  isOver = true;
  await Promise.all(clients);
  expect([...answers.keys()].toSorted()).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(part).toBeDefined();
  backend.server.close();
  balancer.server.close();
});
