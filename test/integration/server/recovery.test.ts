/**
 * Control planes, agents and Redis that lose each other: what runs is not stopped by an empty
 * store, a node is believed only what it can prove, and an end is an end although Redis is gone.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { fromKubeconfig, type HttpApiClient } from '../../../src/client/http.ts';
import { resources } from '../../../src/client/types.ts';
import { resolveConfig } from '../../../src/config/index.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { type AllInOne, startAllInOne } from '../../../src/server/all-in-one.ts';
import { startControlPlane } from '../../../src/server/control-plane.ts';
import { startControlPlaneProcess } from '../../support/control-plane-process.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { freePort } from '../../support/symphony.ts';

let directory: string;
let redis: TestRedis;
let parts: AsyncDisposable[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-recovery-'));
  redis = await startTestRedis({ durable: true });
  parts = [];
});
afterEach(async () => {
  for (const part of parts.reverse()) await part[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const NODES = 2;

function configOf(command: 'up' | 'control-plane', dataDir: string, listen: string, more: object = {}) {
  const flags = { dataDir, redisUrl: redis.url, listen, auditLog: 'none', rateLimit: '0', ...more };
  return resolveConfig({ command, flags, env: {} });
}

async function clientOf(dataDir: string): Promise<HttpApiClient> {
  const client = await fromKubeconfig(join(dataDir, 'kubeconfig'), {
    clock: systemClock,
    logger: silentLogger,
  });
  parts.push({ [Symbol.asyncDispose]: async () => client[Symbol.dispose]() });
  return client;
}

const bare = (name: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, namespace: 'default' },
  spec: { containers: [{ name: 'c', image: 'nginx:1' }] },
});

/** These must not change: the pod, its node and its container. */
async function factsOf(client: HttpApiClient): Promise<readonly string[]> {
  const { items } = await client.list<Pod>(resources.pods, { namespace: 'default' });
  return items
    .map(({ metadata, spec, status }) => {
      const [container] = status?.containerStatuses ?? [];
      const ids = [container?.containerID, String(container?.restartCount)];
      return [metadata.name, metadata.uid, spec.nodeName, status?.phase, ...ids].join(' ');
    })
    .sort();
}

async function startWithPods(): Promise<{
  system: AllInOne;
  first: string;
  listen: string;
  client: HttpApiClient;
  before: readonly string[];
}> {
  const first = join(directory, 'first');
  const listen = `127.0.0.1:${await freePort()}`;
  const config = configOf('up', first, listen, { nodes: String(NODES), runtime: 'hollow' });
  const system = await startAllInOne(config, silentLogger);
  parts.push(...system.nodes);
  const client = await clientOf(first);
  for (const name of ['a', 'b', 'c']) await client.create(resources.pods, bare(name));
  const before = await eventually('the pods run', async () => {
    const facts = await factsOf(client);
    return facts.length === 3 && facts.every((fact) => fact.includes(' Running ')) && facts;
  });
  return { system, first, listen, client, before };
}

describe('an empty store', () => {
  it('is rebuilt by a control plane that remembers nothing, and no pod ends', async () => {
    const { system, first, listen, before } = await startWithPods();
    await system.controlPlane[Symbol.asyncDispose]();
    await redis.command('FLUSHALL');
    const second = join(directory, 'second');
    parts.push(
      await startControlPlane({
        config: configOf('control-plane', second, listen, { identityDir: first }),
        logger: silentLogger,
      }),
    );
    const client = await clientOf(second);
    await eventually('the store is rebuilt', async () => (await client.clusterState()).phase === 'normal');
    // The agents take the word of the new control plane now; it must be what ran before.
    await eventually(
      'the nodes are back',
      async () => (await client.list(resources.nodes)).items.length === NODES,
    );
    expect(await factsOf(client)).toEqual(before);
    await client.create(resources.pods, bare('later'));
    await eventually('a new pod runs', async () =>
      (await factsOf(client)).some((fact) => /^later .* Running /.test(fact)),
    );
    expect((await factsOf(client)).filter((fact) => !fact.startsWith('later '))).toEqual(before);
  });

  it('takes back what was bound, and nothing that a node invents or changes', async () => {
    const { system, client, before } = await startWithPods();
    parts.push(system.controlPlane);
    const known = await client.get<Pod>(resources.pods, 'default', 'a');
    const invented = {
      ...bare('invented'),
      metadata: { name: 'invented', namespace: 'kube-system', uid: '3f0c1f52-0000-4000-8000-000000000001' },
      spec: { ...bare('x').spec, nodeName: 'node-1', serviceAccountName: 'default' },
    };
    const changed = {
      ...known,
      metadata: { ...known.metadata, name: 'changed' },
      spec: { ...known.spec, volumes: [{ name: 'host', hostPath: { path: '/' } }] },
    };
    await redis.command('FLUSHALL');
    const answer = await eventually('the control plane listens to its nodes', async () => {
      try {
        return await client.restorePods(known.spec.nodeName ?? '', [invented, changed]);
      } catch {
        // Not rebuilding yet, or between two generations.
        return undefined;
      }
    });
    expect(answer.map(({ pod }) => pod)).toEqual(['kube-system/invented', 'default/changed']);
    await eventually('the store is rebuilt', async () => {
      const state = await client.clusterState().catch(() => undefined);
      return state?.phase === 'normal' && (await factsOf(client)).length === before.length;
    });
    expect(await factsOf(client)).toEqual(before);
    const { items } = await client.list(resources.pods, { namespace: 'kube-system' });
    expect(items).toEqual([]);
  });
});

describe('a control plane whose Redis ends with it', () => {
  it.each([
    ['at the same moment', false],
    ['and that has noticed it', true],
  ])('ends in an orderly way, %s', async (_, notices) => {
    const process = startControlPlaneProcess({
      directory,
      name: 'one',
      redisUrl: redis.url,
      port: await freePort(),
    });
    parts.push(process);
    await process.untilReady();
    await redis.kill();
    if (notices) await eventually('it notices', async () => process.log().includes('The store cannot serve'));
    process.signal('SIGTERM');
    expect((await process.ended).code).toBe(0);
  });
});
