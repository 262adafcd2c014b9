/**
 * The serving certificate is renewed while a watch is open: the watch goes on, and who comes anew
 * sees the new certificate.
 */
import { X509Certificate } from 'node:crypto';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openAuthority } from '../../../src/api/tls/authority.ts';
import { ensureServerTls } from '../../../src/api/tls/server-tls.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { createHttpClient, fromKubeconfig } from '../../../src/client/http.ts';
import type { ClientIdentity } from '../../../src/client/identity.ts';
import { resources } from '../../../src/client/types.ts';
import { createFakeRuntime } from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { openTunnel } from '../../../src/node-agent/tunnel/keep-tunnel.ts';
import {
  openServingCertificate,
  type ServingCertificate,
} from '../../../src/server/identity/serving-certificate.ts';
import { startTestServer, type TestServer } from '../../api/test-server.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-clock.ts';
import { eventually } from '../../support/kubectl.ts';

const DAY_MS = 24 * 3_600_000;
let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(() => server[Symbol.asyncDispose]());

function servedSerial(): Promise<string> {
  const { hostname: host, port } = new URL(server.server.url);
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: Number(port), ca: server.caPem }, () => {
      resolve(socket.getPeerCertificate().serialNumber);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

it('a watch that is open stays, and new connections get the new certificate', async () => {
  const client = await fromKubeconfig(server.kubeconfig, { clock: systemClock, logger: silentLogger });
  const create = (name: string) =>
    client.create(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
    });
  const { resourceVersion } = await client.list(resources.configMaps, { namespace: 'default' });
  const abort = new AbortController();
  const seen: string[] = [];
  const watching = (async () => {
    const options = { namespace: 'default', resourceVersion, signal: abort.signal };
    for await (const { object } of client.watch(resources.configMaps, options))
      seen.push(object.metadata.name);
  })();
  await create('before');
  await eventually('the watch stands', async () => seen.includes('before'));
  const before = await servedSerial();
  const authority = await openAuthority({ directory: join(server.directory, 'pki'), clock: systemClock });
  const directory = join(server.directory, 'renewed');
  server.server.renewTls(
    await ensureServerTls({ authority, directory, hosts: ['127.0.0.1'], clock: systemClock }),
  );
  expect(await servedSerial()).not.toBe(before);
  await create('after');
  await eventually('the same watch saw it', async () => seen.includes('after'));
  abort.abort();
  await watching;
  client[Symbol.dispose]();
});

describe('the certificate that is kept', () => {
  let hosts: readonly string[] = ['127.0.0.1'];
  const keep = async (name: string, clock: FakeClock): Promise<ServingCertificate> => {
    const directory = join(server.directory, name);
    const authority = await openAuthority({ directory, clock });
    return openServingCertificate({ authority, directory, hosts: () => hosts, clock, logger: silentLogger });
  };

  it('is renewed two months before its end', async () => {
    const start = createFakeClock();
    const first = await keep('kept', start);
    const { certPem } = first.current();
    await first[Symbol.asyncDispose]();
    const clock = createFakeClock(start.now() + 304 * DAY_MS);
    const serving = await keep('kept', clock);
    const told: string[] = [];
    serving.onChange((tls) => told.push(tls.certPem));
    expect(serving.current().certPem).toBe(certPem);
    await clock.advance(2 * DAY_MS);
    await eventually('it is renewed', async () => told.length === 1);
    expect(serving.current().certPem).toBe(told[0]);
    expect(told[0]).not.toBe(certPem);
    await serving[Symbol.asyncDispose]();
  });

  it('carries a new address of the host a minute later', async () => {
    const clock = createFakeClock();
    const serving = await keep('moved', clock);
    const told: string[] = [];
    serving.onChange((tls) => told.push(tls.certPem));
    hosts = ['127.0.0.1', '192.0.2.7'];
    await clock.advance(60_000);
    await eventually('it is made anew', async () => told.length === 1);
    expect(new X509Certificate(told[0] ?? '').checkIP('192.0.2.7')).toBe('192.0.2.7');
    await serving[Symbol.asyncDispose]();
  });
});

it('a watch and the tunnel of a node go on when the identity of the node is renewed', async () => {
  const groups = ['system:nodes', 'system:masters'];
  const issue = (): Promise<string> => server.tokens.issue('system:node:n1', groups);
  let identity: ClientIdentity = { token: await issue() };
  const listeners = new Set<() => void>();
  const client = createHttpClient({
    server: server.server.url,
    ca: server.caPem,
    identity: {
      current: () => identity,
      onChange(listener) {
        listeners.add(listener);
        return { [Symbol.dispose]: () => void listeners.delete(listener) };
      },
    },
    clock: systemClock,
    logger: silentLogger,
  });
  const node = { clock: systemClock, rng: seededRng(1), logger: silentLogger };
  const runtime = createFakeRuntime({ ...node, cluster: 'c', node: 'n1' });
  const tunnel = openTunnel({
    ...node,
    connection: client.connection,
    runtime,
    nodeName: 'n1',
    findPod: () => undefined,
  });
  const isConnected = async (): Promise<boolean> => server.server.connectedNodes.includes('n1');
  await eventually('the tunnel stands', isConnected);
  const seen: string[] = [];
  const abort = new AbortController();
  const reflecting = (async () => {
    let { resourceVersion } = await client.list(resources.configMaps, { namespace: 'default' });
    // As every follower of a watch: it ends, and is asked for again from where it was.
    while (!abort.signal.aborted) {
      const options = { namespace: 'default', resourceVersion, signal: abort.signal };
      for await (const { type, object } of client.watch(resources.configMaps, options)) {
        resourceVersion = object.metadata.resourceVersion ?? resourceVersion;
        if (type === 'ADDED') seen.push(object.metadata.name);
      }
    }
  })();
  const names = Array.from({ length: 30 }, (_, index) => `renewal-${index}`);
  for (const [index, name] of names.entries()) {
    if (index % 10 === 5) {
      identity = { token: await issue() };
      for (const listener of [...listeners]) listener();
    }
    await client.create(resources.configMaps, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace: 'default' },
    });
  }
  await eventually('everything was seen', async () => seen.length >= names.length);
  expect(seen).toEqual(names);
  await eventually('the tunnel stands again', isConnected);
  abort.abort();
  await reflecting;
  await tunnel[Symbol.asyncDispose]();
  client[Symbol.dispose]();
});
