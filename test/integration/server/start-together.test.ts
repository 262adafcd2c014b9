/**
 * Control planes that start in the same instant on an empty Redis become one cluster; those that
 * are of two do not.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { resources } from '../../../src/client/types.ts';
import { type ControlPlaneProcess, startControlPlaneProcess } from '../../support/control-plane-process.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { freePort } from '../../support/symphony.ts';

let directory: string;
let redis: TestRedis;
const started: ControlPlaneProcess[] = [];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-together-'));
  redis = await startTestRedis();
});
afterEach(async () => {
  await Promise.all(started.splice(0).map((control) => control[Symbol.asyncDispose]()));
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

/** All have asked an empty Redis before any of them gets an answer. */
async function startTogether(identities: readonly string[]): Promise<readonly ControlPlaneProcess[]> {
  redis.signal('SIGSTOP');
  for (const [index, identity] of identities.entries()) {
    const port = await freePort();
    started.push(
      startControlPlaneProcess({ directory, name: `cp-${index}`, redisUrl: redis.url, port, identity }),
    );
  }
  await Promise.all(started.map((control) => control.untilAtTheStore()));
  redis.signal('SIGCONT');
  return started;
}

const read = (path: string): Promise<string> => readFile(path, 'utf8');

describe('three control planes that start at once on an empty Redis', () => {
  it('all serve, under one authority, one signing key and one epoch', async () => {
    const controls = await startTogether(['identity', 'identity', 'identity']);
    await Promise.all(controls.map((control) => control.untilReady()));
    const epoch = await redis.command('HGET', '{symphony}:meta', 'epoch');
    const remembered = controls.map(
      async ({ dataDir }) => JSON.parse(await read(join(dataDir, 'history.json'))) as { epoch: string },
    );
    expect(new Set((await Promise.all(remembered)).map((one) => one.epoch))).toEqual(new Set([epoch]));

    const kubeconfigs = await Promise.all(controls.map(({ kubeconfig }) => read(kubeconfig)));
    const authority = /certificate-authority-data: (\S+)/;
    expect(new Set(kubeconfigs.map((text) => authority.exec(text)?.[1])).size).toBe(1);

    const clients = await Promise.all(controls.map((control) => control.client()));
    const keys = await Promise.all(
      clients.map((client) => client.connection.request({ method: 'GET', path: '/openid/v1/jwks' })),
    );
    expect(new Set(keys.map((answer) => JSON.stringify(answer))).size).toBe(1);

    // The others show an object that one of them wrote with its own administrator's token.
    for (const [index, client] of clients.entries())
      await client.create(resources.configMaps, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: `from-${index}`, namespace: 'default' },
      });
    for (const client of clients) {
      const { items } = await client.list(resources.configMaps, { namespace: 'default' });
      expect(items.map(({ metadata }) => metadata.name)).toEqual(
        expect.arrayContaining(['from-0', 'from-1', 'from-2']),
      );
    }
    const tokens = JSON.parse(await read(join(directory, 'identity', 'tokens.json'))) as {
      tokens: unknown[];
    };
    expect(tokens.tokens).toHaveLength(1);
    for (const client of clients) client[Symbol.dispose]();
  });

  it('end with a clear refusal where they are of different clusters, all but one', async () => {
    const controls = await startTogether(['one', 'two']);
    const refused = await Promise.race(
      controls.map(async (control) => {
        const { code, stderr } = await control.ended;
        return { code, stderr, other: controls.find((one) => one !== control) };
      }),
    );
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/made under another certificate authority .*--identity-dir/);
    await refused.other?.untilReady();
    await eventually('the other one serves', async () => {
      const client = await refused.other?.client();
      const served = await client?.list(resources.nodes);
      client?.[Symbol.dispose]();
      return served !== undefined;
    });
  });
});
