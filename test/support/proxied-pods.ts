/**
 * A real API server and the agent's end of a real tunnel, with pods whose ports are servers of this
 * process: what the API's proxies need, without a container engine.
 */
import { type IncomingHttpHeaders, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, connect, type Server, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { openScope } from '../../src/base/scope.ts';
import { openConnection } from '../../src/client/connection.ts';
import type { PodWorker } from '../../src/node-agent/pod/types.ts';
import { createFakeRuntime } from '../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { openTunnel } from '../../src/node-agent/tunnel/keep-tunnel.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { startTestServer, type TestServer } from '../api/test-server.ts';
import type { AppOptions } from '../../src/api/http/app.ts';
import type { AnswerRecord } from '../../src/api/http/answer-record.ts';
import { comesTrue } from './comes-true.ts';

export interface ProxiedPods extends AsyncDisposable {
  readonly server: TestServer;
  /** Every `address:port` that the agent was asked to connect to. */
  readonly dialled: string[];
  readonly audited: readonly AnswerRecord[];
  /** A pod of node n1 whose port is the server. */
  addPod(name: string, ip: string, port: number, server: Server): Promise<void>;
  /** A request of the administrator, or of the bearer of another token; its answer is unread. */
  open(path: string, options?: RequestOptions, body?: NodeJS.ReadableStream): Promise<IncomingMessage>;
  send(path: string, options?: RequestOptions, body?: NodeJS.ReadableStream): Promise<Answered>;
  /** Rejects when the server does not switch the protocol. */
  upgrade(path: string, protocol?: string): Promise<{ readonly socket: Duplex; readonly head: Buffer }>;
}

export interface Answered {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export const startProxiedPods = (connections: AppOptions['connections'] = {}): Promise<ProxiedPods> =>
  openScope(async (scope) => {
    const audited: AnswerRecord[] = [];
    const server = scope.use(
      await startTestServer({ connections, onAnswer: (record) => audited.push(record) }),
    );
    const dialled: string[] = [];
    const ports = new Map<string, number>();
    const workers = new Map<string, PodWorker>();
    await server.core.objects.create({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
    const token = await server.tokens.issue('system:node:n1', ['system:nodes']);
    const url = server.server.url;
    const connection = scope.use(
      openConnection({ server: url, ca: server.caPem, token, clock: systemClock }),
    );
    const dial = (asked: string, from = ''): Promise<Socket> => {
      dialled.push(from + asked);
      return new Promise((resolve, reject) => {
        const socket = connect({ host: '127.0.0.1', port: ports.get(asked) ?? 1 });
        socket.once('connect', () => resolve(socket)).once('error', reject);
      });
    };
    const runtime = createFakeRuntime({ clock: systemClock, rng: seededRng(1), cluster: 'c', node: 'n1' });
    scope.use(
      openTunnel({
        connection,
        clock: systemClock,
        rng: seededRng(1),
        logger: silentLogger,
        nodeName: 'n1',
        node: {
          nodeName: 'n1',
          pods: () => [...workers.values()],
          network: {
            clusterDomain: 'cluster.local',
            facts: async (service) => ({ mode: 'auto', asked: service ?? 'nothing' }),
            isOfCluster: (address) => address.startsWith('10.244.'),
          },
        },
        findPod: (namespace, name) => workers.get(`${namespace}/${name}`),
        runtime: {
          ...runtime,
          dial: (_id, port, address) => dial(`${address ?? 'anywhere'}:${port}`),
          dialFrom: (id, host, port) => dial(`${host}:${port}`, `${id} -> `),
        },
      }),
    );
    await comesTrue(() => expect(server.server.connectedNodes).toEqual(['n1']));
    const asking = (path: string, { headers, ...options }: RequestOptions = {}): RequestOptions => ({
      ...{ host: '127.0.0.1', port: Number(new URL(url).port), path, ca: server.caPem, agent: false },
      ...options,
      headers: { authorization: `Bearer ${server.adminToken}`, ...(headers as IncomingHttpHeaders) },
    });
    const open: ProxiedPods['open'] = (path, options, body) =>
      new Promise((resolve, reject) => {
        const sent = httpsRequest(asking(path, options));
        sent.on('response', resolve).on('error', reject);
        if (body) body.pipe(sent);
        else sent.end();
      });
    return {
      server,
      dialled,
      audited,
      open,
      async addPod(name, ip, port, backend) {
        ports.set(`${ip}:${port}`, (backend.address() as AddressInfo).port);
        const pod = {
          ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default' } },
          spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', ports: [{ containerPort: port }] }] },
          status: { phase: 'Running', podIP: ip, podIPs: [{ ip }] },
        } as const;
        const created = await server.core.objects.create(pod);
        await server.core.objects.update({ ...created, status: pod.status }, { subresource: 'status' });
        const record = { id: name, phase: 'running', labels: {} } as unknown as PodWorker['records'][number];
        const worker = { uid: name, pod: pod as unknown as Pod, ip, status: pod.status, records: [record] };
        workers.set(`default/${name}`, worker as unknown as PodWorker);
      },
      async send(path, options, body) {
        const answer = await open(path, options, body);
        const text = (await buffer(answer)).toString();
        return { code: answer.statusCode ?? 0, headers: answer.headers, text };
      },
      upgrade: (path, protocol = 'websocket') =>
        new Promise((resolve, reject) => {
          const headers = { connection: 'Upgrade', upgrade: protocol };
          const sent = httpsRequest(asking(path, { headers }));
          sent.on('upgrade', (_answer, socket, head) => resolve({ socket, head })).on('error', reject);
          sent.on('response', (answer) => {
            void buffer(answer).then((text) =>
              reject(new Error(`${answer.statusCode ?? 0} ${text.toString()}`)),
            );
          });
          sent.end();
        }),
    };
  });
