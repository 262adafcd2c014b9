/**
 * Pods of an old template that agents restored after lost history take part in the rollout, and end
 * with it.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { planLostReplicaSets } from '../../../src/controllers/deployment/plan-lost-replica-sets.ts';
import { replicaSetName } from '../../../src/controllers/deployment/plan-new-replica-set.ts';
import { HASH_LABEL, templateHash } from '../../../src/controllers/deployment/template-hash.ts';
import { isActive, isReady } from '../../../src/controllers/pod-facts.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import { controllerOf, keyOf } from '../../../src/schemas/object.ts';
import { RESTORED_OWNER, withMark } from '../../../src/schemas/pods/pod-marks.ts';
import type { Deployment, Pod, ReplicaSet } from '../../../src/schemas/types.ts';
import { aDeployment, aPod } from '../../support/builders.ts';
import type { TestCluster } from '../../support/cluster.ts';
import { type OneNode, startOneNode } from '../../support/fake-kubelet/one-node.ts';

describe('the ReplicaSets that are made again', () => {
  const deployment = aDeployment({ replicas: 3 });
  const restored = (hash: string, options: { readonly owner?: string; readonly name?: string } = {}): Pod => {
    const { owner = `ReplicaSet/${replicaSetName(deployment, hash)}`, name = `web-${hash}-a` } = options;
    const pod = aPod({ name, node: 'n1', ready: true, labels: { app: 'web', [HASH_LABEL]: hash } });
    return withMark(pod, RESTORED_OWNER, owner);
  };
  const deleting = (pod: Pod): Pod => {
    const deletionTimestamp = '2026-01-01T00:10:00Z';
    return { ...pod, metadata: { ...pod.metadata, deletionTimestamp, deletionGracePeriodSeconds: 300 } };
  };
  const plan = (orphans: readonly Pod[], taken: readonly string[] = []): readonly ReplicaSet[] =>
    planLostReplicaSets({ deployment, orphans, isNameTaken: (name) => taken.includes(name) }).map(
      ({ object }) => object as ReplicaSet,
    );

  it('are one for each old template, as large as there are pods of it', () => {
    const sets = plan([restored('old', { name: 'a' }), restored('old', { name: 'b' }), restored('older')]);
    expect(sets.map(({ metadata, spec }) => [metadata.name, spec.replicas])).toEqual([
      ['web-old', 2],
      ['web-older', 1],
    ]);
    expect(sets[0]?.spec.selector).toEqual({ matchLabels: { app: 'web', [HASH_LABEL]: 'old' } });
    expect(controllerOf(sets[0] as ReplicaSet)?.name).toBe('web');
  });

  it.each<[string, readonly Pod[], readonly string[]]>([
    ['of the newest template', [restored(templateHash(deployment.spec.template, undefined))], []],
    ['whose ReplicaSet is there', [restored('old')], ['web-old']],
    ['that had another owner', [restored('old', { owner: 'ReplicaSet/other-old' })], []],
    ['that had no ReplicaSet', [restored('old', { owner: 'Job/web-old' })], []],
    ['that somebody orphaned on purpose', [withMark(restored('old'), RESTORED_OWNER, undefined)], []],
    ['that are being deleted', [deleting(restored('old'))], []],
  ])('are none for pods %s', (_, orphans, taken) => {
    expect(plan(orphans, taken)).toEqual([]);
  });

  it('are one for pods that have ended, which wants none', () => {
    const ended: Pod = { ...restored('old'), status: { phase: 'Failed' } };
    expect(plan([ended])[0]?.spec.replicas).toBe(0);
    expect(plan([ended, restored('old', { name: 'b' })])[0]?.spec.replicas).toBe(1);
  });

  it('are one for the newest template while the Deployment is paused', () => {
    const paused = aDeployment({ replicas: 3, spec: { paused: true } });
    const hash = templateHash(paused.spec.template, undefined);
    const [set] = planLostReplicaSets({
      deployment: paused,
      orphans: [restored(hash)],
      isNameTaken: () => false,
    });
    expect(set?.object).toMatchObject({ metadata: { name: `web-${hash}` }, spec: { replicas: 1 } });
  });

  it.each([10, 300])(
    'have a template without what admission and binding added to the pod (%d s)',
    (tolerationSeconds) => {
      const pod = restored('old');
      const mount = {
        name: 'kube-api-access-x2x4x',
        mountPath: '/var/run/secrets/kubernetes.io/serviceaccount',
      };
      const toleration = (key: string): object => ({
        effect: 'NoExecute',
        key,
        operator: 'Exists',
        tolerationSeconds,
      });
      const added = {
        ...pod,
        spec: {
          ...pod.spec,
          priority: 0,
          ephemeralContainers: [{ name: 'debug' }],
          containers: pod.spec.containers.map((container) => ({ ...container, volumeMounts: [mount] })),
          volumes: [{ name: mount.name, projected: { sources: [] } }],
          tolerations: [
            toleration('node.kubernetes.io/not-ready'),
            toleration('node.kubernetes.io/unreachable'),
          ],
        },
      } as unknown as Pod;
      expect(plan([added])[0]?.spec.template).toEqual({
        metadata: { labels: { app: 'web', [HASH_LABEL]: 'old' } },
        spec: { containers: pod.spec.containers },
      });
    },
  );
});

describe('a rollout in whose middle the store lost its history', () => {
  let cluster: TestCluster;
  let node: OneNode;

  beforeEach(async () => {
    node = await startOneNode();
    ({ cluster } = node);
  });
  afterEach(() => node[Symbol.asyncDispose]());

  const pods = async (): Promise<readonly Pod[]> =>
    (await cluster.store.list('pods')).objects as readonly Pod[];

  /** The store after FLUSHALL, Git's sync and the agents' reports. */
  async function rebuilt(next: Deployment): Promise<void> {
    cluster.setMayAct(false);
    const running = await pods();
    for (const resource of ['deployments.apps', 'replicasets.apps', 'pods']) {
      const { objects } = await cluster.store.list(resource);
      for (const object of objects) {
        const expectedVersion = object.metadata.resourceVersion ?? '';
        await cluster.store.commit([{ type: 'delete', resource, key: keyOf(object), expectedVersion }]);
      }
    }
    for (const pod of running) {
      const metadata = omit(pod.metadata, 'ownerReferences');
      const object = withMark({ ...pod, metadata }, RESTORED_OWNER, `ReplicaSet/${controllerOf(pod)?.name}`);
      await cluster.store.commit([{ type: 'create', resource: 'pods', key: keyOf(pod), object }]);
    }
    await cluster.objects.create(next);
    await cluster.clock.advance(5_000);
    expect(await pods()).toHaveLength(running.length);
  }

  it.each([
    ['RollingUpdate', 3],
    ['Recreate', 0],
  ] as const)(
    'ends all old pods as a %s does, and none before the rebuild is over',
    async (type, atLeast) => {
      const spec = type === 'Recreate' ? { strategy: { type } } : {};
      await cluster.objects.create(aDeployment({ replicas: 4, image: 'app:1', spec }));
      await cluster.clock.advance(5_000);
      await rebuilt(aDeployment({ replicas: 4, image: 'app:2', spec }));
      let fewest = Number.POSITIVE_INFINITY;
      let most = 0;
      const watched = await cluster.context.caches.open<Pod>('pods');
      const watching = watched.subscribe(() => {
        const present = watched.list().filter(isActive);
        fewest = Math.min(fewest, present.filter(isReady).length);
        most = Math.max(most, present.length);
      });
      cluster.setMayAct(true);
      await cluster.clock.advance(60_000);
      watching[Symbol.dispose]();
      const left = await pods();
      expect(left.map(({ spec: { containers } }) => containers[0]?.image)).toEqual(Array(4).fill('app:2'));
      expect(left.every((pod) => controllerOf(pod) !== undefined)).toBe(true);
      expect(fewest).toBeGreaterThanOrEqual(atLeast);
      expect(most).toBeLessThanOrEqual(5);
    },
  );

  const uids = async (): Promise<readonly unknown[]> =>
    (await pods()).map(({ metadata }) => metadata.uid).sort();
  const write = async (pod: Pod, metadata: object): Promise<void> => {
    const expectedVersion = pod.metadata.resourceVersion ?? '';
    const object = { ...pod, metadata: { ...pod.metadata, ...metadata } };
    await cluster.store.commit([
      { type: 'update', resource: 'pods', key: keyOf(pod), object, expectedVersion },
    ]);
  };
  const isOwned = (pod: Pod): boolean => controllerOf(pod) !== undefined;

  it('changes nothing while the Deployment is paused, and every pod is owned', async () => {
    const slow = { minReadySeconds: 400 };
    await cluster.objects.create(aDeployment({ replicas: 4, image: 'app:1', spec: slow }));
    await cluster.clock.advance(5_000);
    const [stored] = (await cluster.store.list('deployments.apps')).objects as Deployment[];
    const metadata = omit((stored as Deployment).metadata, 'resourceVersion');
    await cluster.objects.update({
      ...aDeployment({ replicas: 4, image: 'app:2', spec: slow }),
      metadata,
    });
    await cluster.clock.advance(2_000);
    const before = await uids();
    expect(before).toHaveLength(5);
    await rebuilt(aDeployment({ replicas: 4, image: 'app:2', spec: { ...slow, paused: true } }));
    cluster.setMayAct(true);
    await cluster.clock.advance(60_000);
    expect(await uids()).toEqual(before);
    expect((await pods()).every(isOwned)).toBe(true);
  });

  it('keeps pods whose hash was given by another version', async () => {
    await cluster.objects.create(aDeployment({ replicas: 2 }));
    await cluster.clock.advance(5_000);
    const before = await uids();
    await rebuilt(aDeployment({ replicas: 2 }));
    for (const pod of await pods()) {
      const labels = { ...pod.metadata.labels, [HASH_LABEL]: 'older' };
      const annotations = { [RESTORED_OWNER]: 'ReplicaSet/web-older' };
      await write(pod, { labels, annotations });
    }
    await cluster.clock.advance(1_000);
    cluster.setMayAct(true);
    await cluster.clock.advance(60_000);
    expect(await uids()).toEqual(before);
  });

  it('takes pods in that have ended, so that they go with their ReplicaSet', async () => {
    await cluster.objects.create(aDeployment({ replicas: 2, image: 'app:1' }));
    await cluster.clock.advance(5_000);
    const [one] = (await pods()) as [Pod, Pod];
    await cluster.objects.update({ ...one, status: { phase: 'Failed' } }, { subresource: 'status' });
    await cluster.clock.advance(5_000);
    await rebuilt(aDeployment({ replicas: 2, image: 'app:2' }));
    cluster.setMayAct(true);
    await cluster.clock.advance(60_000);
    expect(await pods()).toHaveLength(3);
    expect((await pods()).every(isOwned)).toBe(true);
  });

  it('waits with Recreate until restored pods that are ending have gone', async () => {
    const spec = { strategy: { type: 'Recreate' as const } };
    await cluster.objects.create(aDeployment({ replicas: 2, image: 'app:1', spec }));
    await cluster.clock.advance(5_000);
    await node.kubelet[Symbol.asyncDispose]();
    for (const pod of await pods())
      await write(pod, { deletionTimestamp: '2026-01-01T01:00:00Z', deletionGracePeriodSeconds: 3_000 });
    await rebuilt(aDeployment({ replicas: 2, image: 'app:2', spec }));
    cluster.setMayAct(true);
    await cluster.clock.advance(20_000);
    const images = async () => (await pods()).map((pod) => pod.spec.containers[0]?.image);
    expect(await images()).toEqual(['app:1', 'app:1']);
    for (const pod of await pods()) {
      const expectedVersion = pod.metadata.resourceVersion ?? '';
      await cluster.store.commit([{ type: 'delete', resource: 'pods', key: keyOf(pod), expectedVersion }]);
    }
    await cluster.clock.advance(5_000);
    expect(await images()).toEqual(['app:2', 'app:2']);
  });

  it('takes every pod in when Git wants what ran', async () => {
    await cluster.objects.create(aDeployment({ replicas: 3 }));
    await cluster.clock.advance(5_000);
    const before = (await pods()).map(({ metadata }) => metadata.uid);
    await rebuilt(aDeployment({ replicas: 3 }));
    cluster.setMayAct(true);
    await cluster.clock.advance(60_000);
    expect((await pods()).map(({ metadata }) => metadata.uid)).toEqual(before);
    expect((await cluster.store.list('replicasets.apps')).objects).toHaveLength(1);
  });
});
