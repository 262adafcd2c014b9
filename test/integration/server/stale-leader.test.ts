/**
 * A leader that was stopped past its lease and goes on: another one leads by then, and nothing that
 * the old one writes is taken.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { HttpApiClient } from '../../../src/client/http.ts';
import { resources } from '../../../src/client/types.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { type ControlPlaneProcess, startControlPlaneProcess } from '../../support/control-plane-process.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { freePort } from '../../support/symphony.ts';

const DEPLOYMENTS = { group: 'apps', version: 'v1', plural: 'deployments' } as const;
const LEASE = '{symphony}:lease:control-plane';

let directory: string;
let redis: TestRedis;
const controls: ControlPlaneProcess[] = [];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'symphony-stale-'));
  redis = await startTestRedis();
  for (const name of ['a', 'b']) {
    const control = startControlPlaneProcess({
      directory,
      name,
      redisUrl: redis.url,
      port: await freePort(),
    });
    controls.push(control);
    await control.untilReady();
  }
});
afterAll(async () => {
  await Promise.all(controls.map((control) => control[Symbol.asyncDispose]()));
  await redis[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

const lease = async (): Promise<{ readonly holder: string; readonly token: number }> => {
  const [holder, token] = (await redis.command('HMGET', LEASE, 'holder', 'token')) as [
    string | null,
    string | null,
  ];
  return { holder: holder ?? '', token: Number(token) };
};
const leads = async ({ pid }: ControlPlaneProcess): Promise<boolean> =>
  (await lease()).holder.includes(`_${pid}_`);
const pods = async (client: HttpApiClient): Promise<readonly Pod[]> =>
  (await client.list<Pod>(resources.pods, { namespace: 'default' })).items;

async function scale(client: HttpApiClient, replicas: number): Promise<void> {
  const patch = { spec: { replicas } };
  await client.patch(DEPLOYMENTS, 'default', 'web', patch, { type: 'application/merge-patch+json' });
  await eventually(`${replicas} pods`, async () => (await pods(client)).length === replicas);
}

it('a leader that was stopped past its lease leads no more, and changes nothing', async () => {
  const [old, next] = controls as [ControlPlaneProcess, ControlPlaneProcess];
  await eventually('the first one leads', () => leads(old));
  const client = await next.client();
  await client.create(DEPLOYMENTS, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: 'web' } },
      template: { metadata: { labels: { app: 'web' } }, spec: { containers: [{ name: 'a', image: 'b:1' }] } },
    },
  });
  await eventually('2 pods', async () => (await pods(client)).length === 2);
  // Right before it is stopped it is given work, which it will want to do from what it knew then.
  const before = await lease();
  const patch = { spec: { replicas: 30 } };
  const scaling = client.patch(DEPLOYMENTS, 'default', 'web', patch, {
    type: 'application/merge-patch+json',
  });
  old.signal('SIGSTOP');
  await scaling;
  await eventually('the other one leads', () => leads(next));
  expect((await lease()).token).toBeGreaterThan(before.token);
  await eventually('30 pods', async () => (await pods(client)).length === 30);
  await scale(client, 5);
  const kept = (await pods(client)).map(({ metadata }) => metadata.uid).sort();

  const { resourceVersion } = await client.list(resources.pods, { namespace: 'default' });
  const abort = new AbortController();
  const changes: string[] = [];
  const watching = (async () => {
    const options = { namespace: 'default', resourceVersion, signal: abort.signal };
    for await (const { type, object } of client.watch<Pod>(resources.pods, options))
      if (type !== 'BOOKMARK') changes.push(`${type} ${object.metadata.name}`);
  })();
  old.signal('SIGCONT');
  await eventually('the old one says that it leads no more', async () =>
    /leading no longer|the lease .* has passed on/i.test(old.log()),
  );
  // It serves as before: what it shows is what there is.
  const stale = await old.client();
  await eventually('the old one has caught up', async () => {
    const shown = (await pods(stale)).map(({ metadata }) => metadata.uid).sort();
    return shown.join() === kept.join();
  });
  expect(changes).toEqual([]);
  expect(await leads(next)).toBe(true);
  abort.abort();
  await watching;
  await scale(stale, 7);
  client[Symbol.dispose]();
  stale[Symbol.dispose]();
});
