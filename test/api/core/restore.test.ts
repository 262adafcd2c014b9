import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { kindNamed, startTestCore, type TestCore } from '../test-api.ts';

const pods = { kind: kindNamed('Pod'), namespace: 'default' };
const running = (name: string, node = 'n1'): unknown => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    resourceVersion: '7',
    ownerReferences: [
      { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'web', uid: 'gone', controller: true },
    ],
  },
  spec: { nodeName: node, containers: [{ name: 'c', image: 'nginx:1' }] },
  status: { phase: 'Running', podIP: '10.244.1.7' },
});

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock);
});
afterEach(() => test[Symbol.asyncDispose]());

async function rebuild(): Promise<void> {
  const state = await test.store.clusterState();
  if (!state) throw new Error('there is no state');
  await test.store.setClusterState({ ...state, phase: 'rebuilding' }, state);
}

describe('pods that agents tell of after the store lost its history', () => {
  it('are refused while nothing was lost', async () => {
    await expect(test.core.restorePods('n1', [running('a')])).rejects.toMatchObject({ code: 409 });
  });

  it('come back with uid, node and status, and without owners', async () => {
    await rebuild();
    await test.core.restorePods('n1', [running('a')]);
    const pod = await test.core.get({ ...pods, name: 'a' });
    expect(pod.metadata).toMatchObject({ uid: 'uid-a' });
    expect(pod.metadata.ownerReferences).toBeUndefined();
    expect(pod['status']).toEqual({ phase: 'Running', podIP: '10.244.1.7' });
  });

  it('do not replace what is there, and do not keep each other out', async () => {
    await rebuild();
    await test.core.restorePods('n1', [running('a')]);
    const before = await test.core.get({ ...pods, name: 'a' });
    await test.core.restorePods('n1', [running('a'), running('b')]);
    expect(await test.core.get({ ...pods, name: 'a' })).toEqual(before);
    expect((await test.core.get({ ...pods, name: 'b' })).metadata.uid).toBe('uid-b');
  });

  it('are taken from the node they run on only', async () => {
    await rebuild();
    await expect(test.core.restorePods('n1', [running('a', 'n2')])).rejects.toThrow(
      'is not bound to that node',
    );
    await expect(test.core.restorePods('n1', ['nonsense'])).rejects.toMatchObject({ code: 400 });
  });
});
