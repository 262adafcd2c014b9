/**
 * Two API servers on one Redis behind one address: what is written at one is seen at the other, and
 * either may die.
 */
import type { ChildProcess } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { fromKubeconfig, type HttpApiClient } from '../../src/client/http.ts';
import { resources } from '../../src/client/types.ts';
import {
  createKubectl,
  eventually,
  type Kubectl,
  type ProgramResult,
  WAIT_TIMEOUT,
} from '../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../support/redis.ts';
import { createSymphonyProcesses, type SymphonyProcesses } from '../support/symphony-processes.ts';
import { freePort } from '../support/symphony.ts';
import { startTcpBalancer, type TcpBalancer } from '../support/tcp-balancer.ts';

interface Server {
  readonly port: number;
  readonly kubeconfig: string;
  readonly process: ChildProcess;
}

let processes: SymphonyProcesses;
let directory: string;
let redis: TestRedis;
let balancer: TcpBalancer;
let first: Server;
let second: Server;
let kubectl: Kubectl;
let throughBalancer: string;

async function startServer(name: string): Promise<Server> {
  const port = await freePort();
  const dataDir = join(directory, name);
  const places = ['--data-dir', dataDir, '--identity-dir', join(directory, 'identity')];
  const args = ['control-plane', ...places, '--redis-url', redis.url, '--listen', `127.0.0.1:${port}`];
  const child = await processes.start(args, 'KUBECONFIG=');
  return { port, kubeconfig: join(dataDir, 'kubeconfig'), process: child };
}

const clientOf = (kubeconfig: string): Promise<HttpApiClient> =>
  fromKubeconfig(kubeconfig, { clock: systemClock, logger: silentLogger });

const configMap = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
  data: { a: 'b' },
});

beforeAll(async () => {
  processes = await createSymphonyProcesses('several');
  ({ directory } = processes);
  redis = await startTestRedis();
  first = await startServer('first');
  second = await startServer('second');
  balancer = await startTcpBalancer([first.port, second.port]);
  throughBalancer = join(directory, 'balanced');
  const text = await readFile(first.kubeconfig, 'utf8');
  const balanced = text.replace(`127.0.0.1:${first.port}`, `127.0.0.1:${balancer.port}`);
  await writeFile(throughBalancer, balanced, { mode: 0o600 });
  kubectl = createKubectl(throughBalancer, directory);
  const server = { url: `https://127.0.0.1:${balancer.port}`, kubeconfig: throughBalancer };
  await processes.startAgents(server, ['n1']);
  await kubectl('wait', '--for=condition=Ready', 'node/n1', WAIT_TIMEOUT);
});

afterAll(async () => {
  await processes[Symbol.asyncDispose]();
  await balancer[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
});

describe('two API servers behind one address', () => {
  it('let a client list at one and watch at the other without a gap', async () => {
    const [a, b] = await Promise.all([clientOf(first.kubeconfig), clientOf(second.kubeconfig)]);
    const { resourceVersion } = await a.list(resources.configMaps, { namespace: 'default' });
    const names = Array.from({ length: 30 }, (_, index) => `gap-${index}`);
    for (const [index, name] of names.entries())
      await (index % 2 ? a : b).create(resources.configMaps, configMap(name));
    const abort = new AbortController();
    const seen: string[] = [];
    const watched = b.watch(resources.configMaps, {
      namespace: 'default',
      resourceVersion,
      signal: abort.signal,
    });
    for await (const { type, object } of watched) {
      if (type === 'ADDED' && object.metadata.name.startsWith('gap-')) seen.push(object.metadata.name);
      if (seen.length === names.length) abort.abort();
    }
    expect(seen).toEqual(names);
    a[Symbol.dispose]();
    b[Symbol.dispose]();
  });

  it('give out logs and sessions of a node whose tunnel ends at the other', async () => {
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'default' },
      spec: { containers: [{ name: 'main', image: 'example.test/web:1' }] },
    };
    await kubectl.withInput(JSON.stringify(pod), 'apply', '-f', '-');
    await kubectl('wait', '--for=condition=Ready', 'pod/web', WAIT_TIMEOUT);
    const logs = (): Promise<readonly ProgramResult[]> =>
      Promise.all(
        [first, second].map(({ kubeconfig }) => createKubectl(kubeconfig, directory).try('logs', 'web')),
      );
    const answers = await eventually('both give out logs', async () => {
      const both = await logs();
      return both.every(({ code }) => code === 0) && both;
    });
    expect(answers.map(({ stderr }) => stderr)).toEqual(['', '']);
    expect(answers[0]?.stdout).toBe(answers[1]?.stdout);
    const execs = await Promise.all(
      [first, second].map(({ kubeconfig }) =>
        createKubectl(kubeconfig, directory).try('exec', 'web', '--', 'echo', 'hello'),
      ),
    );
    expect(execs[0]).toEqual(execs[1]);
  });

  it('say in the endpoints of default/kubernetes where they are', async () => {
    const ports = async (): Promise<readonly number[]> => {
      const { subsets = [] } = await kubectl.json<{ subsets?: { ports: { port: number }[] }[] }>(
        'get',
        'endpoints',
        'kubernetes',
      );
      return subsets.flatMap((subset) => subset.ports.map(({ port }) => port)).sort((x, y) => x - y);
    };
    const both = [first.port, second.port].sort((x, y) => x - y);
    await eventually('both servers are endpoints', async () => (await ports()).join() === both.join());
  });

  it('refuse the data of another authority', async () => {
    const args = ['control-plane', '--data-dir', join(directory, 'stranger'), '--redis-url', redis.url];
    const refused = await processes.run(...args, '--listen', '127.0.0.1:0');
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/another certificate authority .*--identity-dir/);
  });

  it('go on for their clients when one is killed under load', async () => {
    const client = await clientOf(throughBalancer);
    const names = Array.from({ length: 60 }, (_, index) => `load-${index}`);
    for (const [index, name] of names.entries()) {
      if (index === 20) first.process.kill('SIGKILL');
      await eventually(`${name} is written`, async () => {
        try {
          await client.create(resources.configMaps, configMap(name));
          return true;
        } catch (error) {
          // The answer to a write may be lost with its server; the write itself may not.
          return (error as { reason?: string }).reason === 'AlreadyExists';
        }
      });
    }
    const { items } = await client.list(resources.configMaps, { namespace: 'default' });
    const present = new Set(items.map(({ metadata }) => metadata.name));
    expect(names.filter((name) => !present.has(name))).toEqual([]);
    const alone = createKubectl(second.kubeconfig, directory);
    await eventually('the logs come from the server that is left', async () => {
      const { code } = await alone.try('logs', 'web');
      return code === 0;
    });
    await eventually('the dead server is no endpoint any more', async () => {
      const text = await alone('get', 'endpoints', 'kubernetes', '-o', 'json');
      return !text.includes(`"port": ${first.port}`);
    });
    client[Symbol.dispose]();
  });
});
