/**
 * Redis hangs, is full, loses its newest changes: the control plane says so, loses nothing more,
 * and recovers by itself.
 */
import { mkdtemp, readFile, rm, writeFile, copyFile } from 'node:fs/promises';
import { get } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../../src/client/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { type InProcess, startInProcess } from '../../support/in-process.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis, type TestRedisOptions } from '../../support/redis.ts';

const ACCOUNTS = { group: '', version: 'v1', plural: 'serviceaccounts' } as const;
const NAMESPACES = { group: '', version: 'v1', plural: 'namespaces' } as const;

let directory: string;
let redis: TestRedis;
let symphony: InProcess;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-troubles-'));
});
afterEach(async () => {
  await symphony[Symbol.asyncDispose]();
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function start(options: TestRedisOptions): Promise<void> {
  redis = await startTestRedis(options);
  symphony = await startInProcess({ directory, redisUrl: redis.url });
}

const configMap = (name: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default' },
});
const create = (name: string): Promise<KubeObject> =>
  symphony.client.create(resources.configMaps, configMap(name));
const names = async (): Promise<readonly string[]> => {
  const { items } = await symphony.client.list(resources.configMaps, { namespace: 'default' });
  return items.map(({ metadata }) => metadata.name);
};

/** Somebody leads again: a controller does what only the leader does. */
async function controllersWork(namespace: string): Promise<void> {
  await eventually(`namespace ${namespace} is made`, async () => {
    try {
      await symphony.client.create(NAMESPACES, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: namespace },
      });
      return true;
    } catch (error) {
      return (error as { reason?: string }).reason === 'AlreadyExists';
    }
  });
  await eventually('a controller has made its service account', async () => {
    const { items } = await symphony.client.list(ACCOUNTS, { namespace });
    return items.length > 0;
  });
}

/** The events of one watch that nobody opened again. */
async function watching(): Promise<{ readonly seen: string[]; stop(): Promise<void> }> {
  const { resourceVersion } = await symphony.client.list(resources.configMaps, { namespace: 'default' });
  const abort = new AbortController();
  const seen: string[] = [];
  const done = (async () => {
    const options = { namespace: 'default', resourceVersion, signal: abort.signal };
    for await (const { type, object } of symphony.client.watch(resources.configMaps, options))
      if (type === 'ADDED') seen.push(object.metadata.name);
  })();
  done.catch(() => undefined);
  return {
    seen,
    async stop() {
      abort.abort();
      await done;
    },
  };
}

async function setMaxMemory(bytes: string): Promise<void> {
  await redis.command('CONFIG', 'SET', 'maxmemory', bytes);
}
/** The answer of a health endpoint, whatever its code. */
function health(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const asked = get(`${symphony.url}${path}`, { rejectUnauthorized: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve(text));
    });
    asked.on('error', reject);
  });
}
const epoch = (): Promise<unknown> => redis.command('HGET', '{symphony}:meta', 'epoch');

describe('a Redis that takes no writes', () => {
  async function isReadOnlyUntil(spoil: () => Promise<void>, mend: () => Promise<void>): Promise<void> {
    await create('before');
    const watch = await watching();
    await spoil();
    let attempts = 0;
    const refusal = await eventually('writes are refused', async () =>
      create(`refused-${(attempts += 1)}`).then(
        () => undefined,
        (error: unknown) => error as { status: object },
      ),
    );
    expect(refusal).toMatchObject({
      code: 503,
      reason: 'ServiceUnavailable',
      status: {
        details: { retryAfterSeconds: 1 },
        message: expect.stringMatching(/takes no writes for now/) as string,
      },
    });
    expect(await names()).toContain('before');
    // Clients are told so; nobody has to start the process again.
    await eventually('it is not ready, and says why', async () =>
      /\[-\]store failed: the store takes no writes: \S+/.test(await health('/readyz')),
    );
    expect(await health('/livez')).toBe('ok');
    await mend();
    await eventually('it is ready again', async () => (await health('/readyz')) === 'ok');
    await eventually('writes are taken again', () => create('after').then(() => true));
    await controllersWork('after');
    await eventually('the same watch saw it', async () => watch.seen.includes('after'));
    await watch.stop();
    expect(watch.seen.filter((name) => name === 'after')).toHaveLength(1);
  }

  it('because it has no memory left serves reads and watches, and recovers', async () => {
    await start({});
    await isReadOnlyUntil(
      () => setMaxMemory('1'),
      () => setMaxMemory('0'),
    );
  });

  it('because its disk is full serves reads and watches, and recovers', async () => {
    await start({ durable: true, fsync: 'everysec', diskMebibytes: 8 });
    const ballast = join(redis.dir, 'ballast');
    await isReadOnlyUntil(
      async () => {
        await writeFile(ballast, Buffer.alloc(16 * 1024 * 1024)).catch(() => undefined);
      },
      () => rm(ballast),
    );
  });
});

describe('a Redis that hangs', () => {
  it('is reported, and everything goes on when it does', async () => {
    await start({ durable: true });
    const before = await epoch();
    const watch = await watching();
    redis.signal('SIGSTOP');
    const ready = async (): Promise<boolean> =>
      symphony.client.connection.request({ method: 'GET', path: '/readyz' }).then(
        () => true,
        () => false,
      );
    await eventually('it is not ready', async () => !(await ready()));
    redis.signal('SIGCONT');
    await eventually('it is ready', ready);
    await controllersWork('after');
    await create('after');
    await eventually('the same watch goes on', async () => watch.seen.includes('after'));
    await watch.stop();
    expect(await epoch()).toBe(before);
  });
});

describe('a Redis that went back in time', () => {
  /** The cluster is rebuilt as another epoch, and no version is given twice. */
  async function isNoticed(goBack: () => Promise<void>): Promise<void> {
    const before = await epoch();
    const lost = await create('lost');
    await goBack();
    await eventually('the data is of another epoch', async () => {
      const now = await epoch();
      return now !== before && now !== null;
    });
    await eventually(
      'the cluster is rebuilt',
      async () => (await redis.command('HGET', '{symphony}:meta', 'phase')) === 'normal',
    );
    await controllersWork('after');
    const after = await create('after');
    expect(Number(after.metadata.resourceVersion)).toBeGreaterThan(Number(lost.metadata.resourceVersion));
    expect(await names()).toContain('kept');
    expect(await names()).not.toContain('lost');
    await eventually(
      'the node is back',
      async () => (await symphony.client.list(resources.nodes)).items.length === 1,
    );
  }

  it('by losing the tail of its append-only file is noticed, however little is missing', async () => {
    await start({ durable: true });
    await create('kept');
    const file = (): string => join(redis.dir, 'appendonlydir', 'appendonly.aof.1.incr.aof');
    await isNoticed(async () => {
      const bytes = await readFile(file());
      await redis.kill();
      const whole = await readFile(file());
      // Right before what made "lost", or at the end where that is not found.
      const at = bytes.lastIndexOf('default/lost');
      await writeFile(file(), whole.subarray(0, whole.lastIndexOf('*', at)));
      await redis.restart();
    });
  });

  it('by an older backup is noticed', async () => {
    await start({});
    await create('kept');
    await redis.command('SAVE');
    const backup = join(directory, 'backup.rdb');
    await copyFile(join(redis.dir, 'dump.rdb'), backup);
    await isNoticed(async () => {
      await redis.kill();
      await copyFile(backup, join(redis.dir, 'dump.rdb'));
      await redis.restart();
    });
  });
});
