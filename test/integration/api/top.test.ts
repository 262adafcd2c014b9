/**
 * `kubectl top` from the client through the API server and a real tunnel to an agent's counters.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comesTrue } from '../../support/comes-true.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { type Connection, openConnection } from '../../../src/client/connection.ts';
import { createFakeRuntime } from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { labelKeys } from '../../../src/node-agent/runtime/types.ts';
import { openTunnel } from '../../../src/node-agent/tunnel/keep-tunnel.ts';
import { startTestServer, type TestServer } from '../../api/test-server.ts';

let server: TestServer;
let connection: Connection;
let tunnel: AsyncDisposable;
const beganAtMs = systemClock.now();

async function createPod(name: string, nodeName: string): Promise<string> {
  const pod = await server.core.objects.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', labels: { app: name } },
    spec: { containers: [{ name: 'main', image: 'x' }], nodeName },
  });
  return pod.metadata.uid ?? '';
}

beforeAll(async () => {
  server = await startTestServer();
  for (const name of ['n1', 'n2'])
    await server.core.objects.create({
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name },
      status: { allocatable: { cpu: '2', memory: '1Gi' }, capacity: { cpu: '2', memory: '1Gi' } },
    });
  const uids = [await createPod('web', 'n1'), await createPod('busy', 'n1'), await createPod('far', 'n2')];
  // n1 also claims a pod of n2: nobody believes it.
  const shares = [0.1, 0.5, 1];
  const runtime = {
    ...createFakeRuntime({ clock: systemClock, rng: seededRng(1), cluster: 'c', node: 'n1' }),
    stats: async () => {
      const atMs = systemClock.now();
      return uids.map((uid, index) => ({
        id: uid,
        labels: { [labelKeys.podUid]: uid, [labelKeys.containerName]: 'main', [labelKeys.role]: 'container' },
        atMs,
        cpuNanosTotal: (atMs - beganAtMs) * 1_000_000 * (shares[index] ?? 0),
        memoryWorkingSetBytes: 64 * 1024 ** 2 * (index + 1),
      }));
    },
  };
  const token = await server.tokens.issue('system:node:n1', ['system:nodes']);
  connection = openConnection({ server: server.server.url, ca: server.caPem, token, clock: systemClock });
  tunnel = openTunnel({
    connection,
    runtime,
    clock: systemClock,
    rng: seededRng(1),
    logger: silentLogger,
    nodeName: 'n1',
    findPod: () => undefined,
  });
  await comesTrue(() => expect(server.server.connectedNodes).toEqual(['n1']));
});
afterAll(async () => {
  await tunnel[Symbol.asyncDispose]();
  connection[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

describe('kubectl top', () => {
  it('shows nodes with their share of what can be used, and those that do not answer as unknown', async () => {
    const { stdout } = await server.kubectl(['top', 'nodes']);
    expect(stdout).toMatch(/^NAME +CPU\(cores\) +CPU\(?%\)? +MEMORY\(bytes\) +MEMORY\(?%\)? *\n/);
    expect(stdout).toMatch(/n1 +1600m +80% +384Mi +37%/);
    expect(stdout).toMatch(/n2 +<unknown>/);
  });

  it('shows pods, sorted as asked, by label, by name and by container', async () => {
    const top = async (...args: readonly string[]): Promise<readonly string[]> =>
      (await server.kubectl(['top', 'pods', '--no-headers', ...args])).stdout
        .trim()
        .split('\n')
        .map((line) => line.replaceAll(/ +/g, ' ').trim());
    expect(await top('--sort-by=cpu')).toEqual(['busy 500m 128Mi', 'web 100m 64Mi']);
    expect(await top('-A', '-l', 'app=web')).toEqual(['default web 100m 64Mi']);
    expect(await top('busy')).toEqual(['busy 500m 128Mi']);
    expect(await top('web', '--containers')).toEqual(['web main 100m 64Mi']);
  });

  it('says that a pod has no metrics as long as its node does not answer', async () => {
    const { code, stderr } = await server.kubectl(['top', 'pod', 'far']);
    expect(code).toBe(1);
    expect(stderr).toContain('podmetrics.metrics.k8s.io "default/far" not found');
  });

  it('lists the group in discovery, and prints the columns of metrics-server', async () => {
    const { stdout } = await server.kubectl(['api-resources', '--api-group=metrics.k8s.io', '--no-headers']);
    expect(stdout).toMatch(/nodes +metrics.k8s.io\/v1beta1 +false +NodeMetrics/);
    expect(stdout).toMatch(/pods +metrics.k8s.io\/v1beta1 +true +PodMetrics/);
    const table = (await server.kubectl(['get', 'nodes.metrics.k8s.io'])).stdout;
    expect(table).toMatch(/^NAME +CPU +MEMORY +WINDOW\nn1 +1600m +384Mi +/);
  });
});
