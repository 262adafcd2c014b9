/**
 * The data of the last release under this program. `fixtures/upgrade` is the Redis of a `symphony
 * up` with hollow nodes, without what is made anew at each start. The upgrade alone changes
 * nothing: no object, no ReplicaSet, no pod.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import type { ApiClient, ResourcePath } from '../../../src/client/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinFormat } from '../../../src/schemas/registry.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { type ControlPlaneProcess, startControlPlaneProcess } from '../../support/control-plane-process.ts';
import { eventually } from '../../support/kubectl.ts';
import { startTestRedis, type TestRedis } from '../../support/redis.ts';
import { freePort } from '../../support/symphony.ts';

interface Dump {
  readonly meta: Readonly<Record<string, string>>;
  /** By resource and key: `<version> <JSON>`, as Redis holds it. */
  readonly objects: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

const FIXTURE = new URL('../../fixtures/upgrade/release-0.1.json', import.meta.url);
const PATHS: Readonly<Record<string, ResourcePath>> = {
  pods: { group: '', version: 'v1', plural: 'pods' },
  services: { group: '', version: 'v1', plural: 'services' },
  configmaps: { group: '', version: 'v1', plural: 'configmaps' },
  'deployments.apps': { group: 'apps', version: 'v1', plural: 'deployments' },
  'replicasets.apps': { group: 'apps', version: 'v1', plural: 'replicasets' },
  'gadgets.example.org': { group: 'example.org', version: 'v1', plural: 'gadgets' },
};
/** Defaults that an imagined older release did not know. */
const LATER_DEFAULTS: ReadonlySet<string> = new Set([
  'terminationMessagePolicy',
  'schedulerName',
  'progressDeadlineSeconds',
  'enableServiceLinks',
  'sessionAffinity',
]);

const redisKey = (resource: string): string => `{symphony}:o:${resource}`;
const jsonOf = (value: string): KubeObject => JSON.parse(value.slice(value.indexOf(' ') + 1)) as KubeObject;

function without(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(without);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).filter(([name]) => !LATER_DEFAULTS.has(name));
  return Object.fromEntries(members.map(([name, member]) => [name, without(member)]));
}

const versionOf = (value: string | undefined): string | undefined => value?.slice(0, value.indexOf(' '));
const generationOf = (value = ''): number | undefined => jsonOf(value).metadata.generation;
/** A rollout that was recorded half way may reach its deadline here. */
const isSettled = (object: KubeObject): boolean =>
  (object['status'] as { unavailableReplicas?: number } | undefined)?.unavailableReplicas === undefined;

const restartsOf = (pod: KubeObject): unknown =>
  (pod as Pod).status?.containerStatuses?.map(({ restartCount }) => restartCount);

const olderThan = (value: string): string => {
  const object = jsonOf(value);
  return (
    value.slice(0, value.indexOf(' ') + 1) + JSON.stringify({ ...object, spec: without(object['spec']) })
  );
};

let directory: string;
let redis: TestRedis | undefined;
let server: ControlPlaneProcess | undefined;
afterEach(async () => {
  await server?.[Symbol.asyncDispose]();
  await redis?.[Symbol.asyncDispose]();
  await rm(directory, { recursive: true, force: true });
});

async function stored(resource: string): Promise<Readonly<Record<string, string>>> {
  const flat = (await redis?.command('HGETALL', redisKey(resource))) as string[];
  const pairs = Array.from({ length: flat.length / 2 }, (_, at) => [
    flat[2 * at] ?? '',
    flat[2 * at + 1] ?? '',
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

/**
 * A Deployment that is made now has its pod: the controllers have gone through all that there was.
 */
async function untilControllersRan(client: ApiClient): Promise<void> {
  const labels = { app: 'later' };
  const template = {
    metadata: { labels },
    spec: { containers: [{ name: 'c', image: 'registry.example/app:1' }] },
  };
  await client.create<KubeObject>(PATHS['deployments.apps'] as ResourcePath, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'later', namespace: 'kube-public' },
    spec: { replicas: 1, selector: { matchLabels: labels }, template },
  });
  await eventually('the new Deployment has its pod', async () =>
    Object.keys(await stored('pods')).some((key) => key.startsWith('kube-public/later-')),
  );
}

it.each([
  ['as it is', (value: string) => value],
  ['as a release with fewer defaults would have left it', olderThan],
])('the data of the last release, %s, goes on under this program', async (_what, change) => {
  const dump = JSON.parse(await readFile(FIXTURE, 'utf8')) as Dump;
  directory = await mkdtemp(join(tmpdir(), 'symphony-upgrade-'));
  redis = await startTestRedis();
  await redis.command('HSET', '{symphony}:meta', ...Object.entries(dump.meta).flat());
  const before: Record<string, Record<string, string>> = {};
  for (const [resource, objects] of Object.entries(dump.objects)) {
    const entries = Object.entries(objects).map(([key, value]) => [key, change(value)] as const);
    before[resource] = Object.fromEntries(entries);
    await redis.command('HSET', redisKey(resource), ...entries.flat());
  }
  const port = await freePort();
  server = startControlPlaneProcess({ directory, name: 'server', redisUrl: redis.url, port });
  await server.untilReady();
  const client = await server.client();

  for (const [resource, path] of Object.entries(PATHS)) {
    const { items } = await client.list<KubeObject>(path);
    for (const [key, value] of Object.entries(before[resource] ?? {})) {
      const served = items.find(({ metadata }) => `${metadata.namespace}/${metadata.name}` === key);
      const complete = builtinFormat.read(resource, jsonOf(value), 1);
      expect(served?.['spec'], key).toEqual(
        resource === 'gadgets.example.org' ? { size: 3 } : complete['spec'],
      );
      if (resource === 'deployments.apps')
        expect(JSON.stringify(served)).toContain('progressDeadlineSeconds');
    }
  }

  await untilControllersRan(client);
  // Nodes report to nobody here, so their conditions, and those of their pods, may change.
  for (const resource of Object.keys(before).filter((name) => !['nodes', 'pods'].includes(name))) {
    const now = await stored(resource);
    for (const [key, value] of Object.entries(before[resource] ?? {}))
      if (isSettled(jsonOf(value))) expect(versionOf(now[key]), key).toBe(versionOf(value));
      else expect(generationOf(now[key]), key).toBe(generationOf(value));
  }
  const of = (all: Readonly<Record<string, string>>, prefix: string): string[] =>
    Object.keys(all).filter((key) => !key.startsWith(prefix));
  for (const resource of ['replicasets.apps', 'pods'])
    expect(of(await stored(resource), 'kube-public/').sort()).toEqual(
      Object.keys(before[resource] ?? {}).sort(),
    );
  for (const [key, value] of Object.entries(await stored('pods'))) {
    const old = before['pods']?.[key];
    if (old === undefined) continue;
    const [then, now] = [jsonOf(old), jsonOf(value)];
    expect(now.metadata.uid).toBe(then.metadata.uid);
    expect(now.metadata.deletionTimestamp).toBeUndefined();
    expect(restartsOf(now)).toEqual(restartsOf(then));
  }
});
