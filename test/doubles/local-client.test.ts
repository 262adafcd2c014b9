import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createLocalClient } from './local-client.ts';
import { systemClock } from '../../src/base/clock.ts';
import type { ApiClient, ClientWatchEvent } from '../../src/client/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { startTestCore, type TestCore } from '../api/test-api.ts';

const configMaps = { group: '', version: 'v1', plural: 'configmaps' } as const;
const configMap = (name: string, data: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'default', labels: { app: name } },
  data,
});

let test: TestCore;
let client: ApiClient;
beforeEach(async () => {
  test = await startTestCore(systemClock);
  client = createLocalClient(test.core, { user: { name: 'admin', groups: ['system:masters'] } });
});
afterEach(() => test[Symbol.asyncDispose]());

describe('the client in process', () => {
  it('creates, reads, updates, patches and deletes', async () => {
    const made = await client.create(configMaps, configMap('a'));
    const updated = await client.update(configMaps, { ...made, data: { k: 'v' } });
    await expect(client.update(configMaps, { ...made, data: { k: 'w' } })).rejects.toMatchObject({
      reason: 'Conflict',
    });
    expect(updated['data']).toEqual({ k: 'v' });
    const patched = await client.patch(configMaps, 'default', 'a', { data: { j: 'x' } });
    expect(patched['data']).toEqual({ k: 'v', j: 'x' });
    await client.delete(configMaps, 'default', 'a');
    await expect(client.get(configMaps, 'default', 'a')).rejects.toMatchObject({ reason: 'NotFound' });
  });

  it('lists in pages', async () => {
    for (const name of ['a', 'b', 'c']) await client.create(configMaps, configMap(name));
    const first = await client.list(configMaps, { namespace: 'default', limit: 2 });
    expect(first.items.map(({ metadata }) => metadata.name)).toEqual(['a', 'b']);
    const rest = await client.list(configMaps, {
      namespace: 'default',
      limit: 2,
      continue: first.continue ?? '',
    });
    expect(rest.items.map(({ metadata }) => metadata.name)).toEqual(['c']);
    expect(rest.resourceVersion).toBe(first.resourceVersion);
  });

  it('watches from a list on, without a gap, until it is told to stop', async () => {
    const { resourceVersion } = await client.list(configMaps, { namespace: 'default' });
    await client.create(configMaps, configMap('a'));
    const stop = new AbortController();
    const seen: ClientWatchEvent<KubeObject>[] = [];
    const watching = (async () => {
      const events = client.watch(configMaps, {
        namespace: 'default',
        labelSelector: 'app=a',
        resourceVersion,
        signal: stop.signal,
      });
      for await (const event of events) {
        seen.push(event);
        if (event.type === 'DELETED') stop.abort();
      }
    })();
    await client.create(configMaps, configMap('b'));
    await client.patch(configMaps, 'default', 'a', { data: { k: 'v' } });
    await client.delete(configMaps, 'default', 'a');
    await watching;
    expect(seen.map(({ type, object }) => `${type} ${object.metadata.name}`)).toEqual([
      'ADDED a',
      'MODIFIED a',
      'DELETED a',
    ]);
  });

  it('refuses a resource that is not there', async () => {
    const nothing = { group: '', version: 'v1', plural: 'nothings' };
    await expect(client.list(nothing)).rejects.toMatchObject({ code: 404 });
  });

  it('tells the state of the cluster, and 503 when there is no data', async () => {
    expect(await client.clusterState()).toMatchObject({ phase: 'normal' });
    test.store.wipe();
    await expect(client.clusterState()).rejects.toMatchObject({ code: 503 });
  });
});
