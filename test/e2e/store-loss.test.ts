/**
 * The datastore forgets everything, or is gone: the containers run on untouched, and what the store
 * held comes back from Git and from the agents.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { configMap, STAY, tool, web } from './manifests.ts';

describe('a datastore that lost everything', () => {
  let symphony: Symphony;

  beforeAll(async () => {
    const files = {
      'web.yaml': web({ replicas: 3 }),
      'single.yaml': tool({ name: 'single', script: STAY }),
      'config.json': configMap('settings', { a: '1' }),
    };
    symphony = await startSymphony({ nodes: 2, files });
    await symphony.untilNote(await head(), 'success');
    // Nobody wrote this one into Git; only the agent knows it.
    await symphony.kubectl.withInput(tool({ name: 'by-hand', script: STAY }), 'apply', '-f', '-');
    await symphony.kubectl('wait', '--for=condition=Ready', 'pod/by-hand', WAIT_TIMEOUT);
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const head = async (): Promise<string> => (await symphony.repository.git('rev-parse', 'HEAD')).trim();

  const podFacts = async (): Promise<readonly string[]> => {
    const { items } = await symphony.kubectl.json('get', 'pods');
    return (items as readonly KubeJson[])
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
      .map(({ metadata, spec, status }) => {
        const ready = status.conditions?.find((one: KubeJson) => one['type'] === 'Ready')?.status as string;
        return [metadata.name, metadata.uid, spec.nodeName, status.podIP, status.phase, ready].join(' ');
      })
      .sort();
  };

  /** Throws with the first thing that is not as it was. */
  const everythingIsBack = async (pods: readonly string[]): Promise<true> => {
    expect(await podFacts()).toEqual(pods);
    const { status } = await symphony.kubectl.json('get', 'deployment', 'web');
    expect(status).toMatchObject({ replicas: 3, availableReplicas: 3 });
    expect((await symphony.kubectl.json('get', 'nodes'))['items']).toHaveLength(2);
    expect((await symphony.kubectl.json('get', 'configmap', 'settings'))['data'].a).toBe('1');
    const application = await symphony.kubectl.json('get', 'application', 'root', '-n', 'symphony-system');
    expect(application['status']?.commitStatus).toMatchObject({ sha: await head(), state: 'success' });
    return true;
  };

  async function losing(lose: () => Promise<void>): Promise<void> {
    const containers = await symphony.containers();
    expect(containers.filter(({ running }) => running)).toHaveLength(5);
    expect(new Set(containers.map(({ node }) => node)).size).toBe(2);
    const pods = await podFacts();
    await lose();
    await eventually('everything is back', () => everythingIsBack(pods));
    expect(await symphony.containers()).toEqual(containers);
    await symphony.untilNote(await head(), 'success');
    // It is the same cluster, not a picture of it: a change goes all the way, and changes nothing
    // else.
    await symphony.kubectl('scale', 'deployment/web', '--replicas=3');
    const single = containers.find(({ pod }) => pod === 'single');
    expect(await symphony.kubectl('get', 'pod', 'single', '-o', 'jsonpath={.metadata.uid}')).toBe(
      single?.podUid,
    );
  }

  it('is rebuilt after FLUSHALL, and no container stops', async () => {
    await losing(async () => {
      const redis = new Redis({ path: join(symphony.dataDir, 'redis', 'redis.sock'), protocol: 2 });
      await redis.flushall();
      redis.disconnect();
    });
  });

  it('is rebuilt after its files were deleted while nothing ran, and no container stops', async () => {
    await losing(async () => {
      await symphony.stop();
      await rm(join(symphony.dataDir, 'redis'), { recursive: true });
      await symphony.start();
    });
  });

  it('is rebuilt once more in the middle of a rollout, which then reaches its new version', async () => {
    const bystanders = (await symphony.containers()).filter(({ pod }) => !pod.startsWith('web-'));
    const sha = await symphony.repository.commit({ 'web.yaml': web({ replicas: 3, version: '2' }) });
    await eventually('the rollout is under way', async () =>
      (await symphony.containers()).some(({ image }) => image === 'symphony.example/web:2'),
    );
    const redis = new Redis({ path: join(symphony.dataDir, 'redis', 'redis.sock'), protocol: 2 });
    await redis.flushall();
    redis.disconnect();
    await eventually('the new version runs, and nothing of the old one', async () => {
      const now = (await symphony.containers()).filter(
        ({ pod, running }) => running && pod.startsWith('web-'),
      );
      return now.length === 3 && now.every(({ image }) => image === 'symphony.example/web:2');
    });
    await symphony.untilNote(sha, 'success');
    const { items } = await symphony.kubectl.json('get', 'pods', '-l', 'app=web');
    const owners = (items as readonly KubeJson[]).map(({ metadata }) => metadata['ownerReferences']?.length);
    expect(owners).toEqual([1, 1, 1]);
    expect(await symphony.containers()).toEqual(expect.arrayContaining([...bystanders]));
  });
});
