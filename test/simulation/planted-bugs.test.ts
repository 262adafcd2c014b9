/**
 * A checker that never fails is worth nothing: for each rule, a cluster that breaks it, and a run
 * that notices.
 */
import { expect, it } from 'vitest';
import { RuntimeError, labelKeys } from '../../src/node-agent/runtime/types.ts';
import type { EndpointSlice, Job, PersistentVolumeClaim, Pod, ReplicaSet } from '../../src/schemas/types.ts';
import { type KubeObject, controllerOf } from '../../src/schemas/object.ts';
import type { MemoryStore } from '../doubles/memory-store/memory-store.ts';
import { CommitRefused, type Store, type StoreOp } from '../../src/store/types.ts';
import type { PlantedBug } from '../support/sim-world.ts';
import type { Action } from './actions.ts';
import { type RunOptions, runSimulation } from './run.ts';

/** Most bugs show only when the right thing happens; so many seeds are enough for each of these. */
const MOST_SEEDS = 12;

async function caught(bug: PlantedBug, options: Partial<RunOptions> = {}): Promise<ReadonlySet<number>> {
  const found = new Set<number>();
  for (let seed = 1; seed <= MOST_SEEDS && found.size === 0; seed += 1) {
    const { violations } = await runSimulation({ seed, bug, length: 'short', ...options });
    for (const { invariant } of violations) found.add(invariant);
  }
  return found;
}

/** The store, with every commit rewritten. */
const rewriting =
  (
    rewrite: (ops: readonly StoreOp[], store: MemoryStore) => readonly StoreOp[],
  ): NonNullable<PlantedBug['store']> =>
  (store): Store => ({ ...store, commit: (ops, options) => store.commit(rewrite(ops, store), options) });

const live = (store: MemoryStore, resource: string): readonly Pod[] =>
  [...(store.data.resources.get(resource)?.objects.values() ?? [])] as unknown as readonly Pod[];

it('1: notices a ReplicaSet that makes a pod too many', async () => {
  const store = rewriting((ops) =>
    ops.flatMap((op) => {
      if (op.type !== 'create' || op.resource !== 'pods') return [op];
      const twin = {
        ...op.object.metadata,
        name: `${op.object.metadata.name}x`,
        uid: `${op.object.metadata.uid}x`,
      };
      return [op, { ...op, key: `${op.key}x`, object: { ...op.object, metadata: twin } }];
    }),
  );
  expect(await caught({ store })).toContain(1);
});

it('1: notices a rollout that takes everything down at once', async () => {
  const bug: PlantedBug = {
    store: (inner) => ({
      ...inner,
      async commit(ops, options) {
        const result = await inner.commit(ops, options);
        // A new ReplicaSet sends the old ones' pods away.
        for (const op of ops) {
          if (op.type !== 'create' || op.resource !== 'replicasets.apps') continue;
          const owner = controllerOf(op.object)?.uid;
          const sets = live(inner, 'replicasets.apps').filter((set) => controllerOf(set)?.uid === owner);
          for (const set of sets) {
            if (set.metadata.uid === op.object.metadata.uid) continue;
            const emptied = {
              ...(set as unknown as ReplicaSet),
              spec: { ...(set as unknown as ReplicaSet).spec, replicas: 0 },
            };
            await inner.commit([
              {
                type: 'update',
                resource: 'replicasets.apps',
                key: `default/${set.metadata.name}`,
                object: emptied,
                expectedVersion: set.metadata.resourceVersion ?? '',
              },
            ]);
          }
        }
        return result;
      },
    }),
  };
  // Rollouts, one after another.
  const only = ({ name }: Action): boolean =>
    name === 'commit another image or size' || name === 'commit a Deployment';
  expect(await caught(bug, { steps: 20, calm: true, only })).toContain(1);
});

it('2: notices a scheduler that looks at no node', async () => {
  const store = rewriting((ops) =>
    ops.map((op) => {
      const pod = 'object' in op ? (op.object as Pod) : undefined;
      if (op.type !== 'update' || op.resource !== 'pods' || !pod?.spec.nodeName) return op;
      return { ...op, object: { ...pod, spec: { ...pod.spec, nodeName: 'n3' } } };
    }),
  );
  expect(await caught({ store })).toContain(2);
});

it('3: notices an agent that sees the containers of others', async () => {
  const bug: PlantedBug = {
    runtime: (runtime, engine) => ({
      ...runtime,
      async create(spec, sandbox) {
        const id = await runtime.create(spec, sandbox);
        Object.assign(engine.spec(id)?.labels ?? {}, { [labelKeys.node]: 'another' });
        return id;
      },
    }),
  };
  expect(await caught(bug)).toContain(3);
});

it('4: notices a client that makes every container twice', async () => {
  const bug: PlantedBug = {
    runtime: (runtime, engine) => ({
      ...runtime,
      async create(spec, sandbox) {
        const other = { ...sandbox.spec, network: { type: 'none' as const }, ports: [] };
        const twinSpec = { ...spec, name: `${spec.name}_twin` };
        const twin = await engine.create(twinSpec, { ...sandbox, spec: other });
        await engine.start(twin).catch(() => undefined);
        return runtime.create(spec, sandbox);
      },
    }),
  };
  expect(await caught(bug)).toContain(4);
});

it('6: notices a mirror that shows half a tree', async () => {
  let looks = 0;
  const bug: PlantedBug = {
    mirror: (mirror) => ({
      ...mirror,
      // As a clone that broke off: what is missing looks as if it had been removed.
      treeId: async (commit, path) => ((looks += 1), `${(await mirror.treeId(commit, path)) ?? ''}${looks}`),
      tree: async (commit, path) =>
        (await mirror.tree(commit, path)).filter((_, index) => looks < 8 || index % 2 === 0),
      changedEntries: async () => {
        throw new Error('no tree to compare with');
      },
    }),
  };
  expect(await caught(bug)).toContain(6);
});

it('7: notices a sync that reads something else than Git holds', async () => {
  const bug: PlantedBug = {
    mirror: (mirror) => ({
      ...mirror,
      readBlobs: async (ids) =>
        (await mirror.readBlobs(ids)).map((blob) =>
          Buffer.from(blob.toString().replace('minReadySeconds: 0', 'minReadySeconds: 1')),
        ),
    }),
  };
  expect(await caught(bug)).toContain(7);
});

it('8: notices a store that accepts stale writes', async () => {
  const bug: PlantedBug = {
    store: (store) => ({
      ...store,
      async commit(ops, options) {
        try {
          return await store.commit(ops, options);
        } catch (error) {
          if (!(error instanceof CommitRefused) || error.reason !== 'stale') throw error;
          const current = ops.map((op) => {
            if (op.type === 'create') return op;
            const version = store.data.resources.get(op.resource)?.objects.get(op.key)
              ?.metadata.resourceVersion;
            return { ...op, expectedVersion: version ?? '' };
          });
          return store.commit(current, options);
        }
      },
    }),
  };
  expect(await caught(bug)).toContain(8);
});

it('8: notices a watch with a gap', async () => {
  const bug: PlantedBug = {
    store: (store) => ({
      ...store,
      async *watch(resource, fromVersion, signal) {
        let count = 0;
        for await (const event of store.watch(resource, fromVersion, signal))
          if ((count += 1) % 20 !== 0) yield event;
      },
    }),
  };
  expect(await caught(bug)).toContain(8);
});

it('12: notices a collector that takes what has an owner', async () => {
  let commits = 0;
  const bug: PlantedBug = {
    store: (store) => ({
      ...store,
      async commit(ops, options) {
        const result = await store.commit(ops, options);
        commits += 1;
        const victim = live(store, 'pods').find(
          (pod) => controllerOf(pod) && pod.metadata.deletionTimestamp === undefined,
        );
        if (commits % 60 === 0 && victim) {
          const { name, resourceVersion = '' } = victim.metadata;
          await store.commit([
            { type: 'delete', resource: 'pods', key: `default/${name}`, expectedVersion: resourceVersion },
          ]);
        }
        return result;
      },
    }),
  };
  expect(await caught(bug)).toContain(12);
});

it('15: notices a cluster that never gets there', async () => {
  const bug: PlantedBug = {
    runtime: (runtime) => ({
      ...runtime,
      async pullImage() {
        throw new RuntimeError('image-pull', 'Cannot pull: the registry is gone');
      },
    }),
  };
  expect(await caught(bug, { steps: 4, skipEnding: false, only: ({ fault }) => !fault })).toContain(15);
});

it('16: notices a controller that writes for ever', async () => {
  const bug: PlantedBug = {
    store: (store) => ({
      ...store,
      async commit(ops, options) {
        const result = await store.commit(ops, options);
        const deployment = live(store, 'deployments.apps')[0];
        if (ops.some(({ resource }) => resource === 'leases.coordination.k8s.io') && deployment) {
          const { name, resourceVersion = '' } = deployment.metadata;
          await store.commit([
            {
              type: 'update',
              resource: 'deployments.apps',
              key: `default/${name}`,
              object: deployment,
              expectedVersion: resourceVersion,
            },
          ]);
        }
        return result;
      },
    }),
  };
  expect(await caught(bug, { steps: 4, skipEnding: false })).toContain(16);
});

const workloads = { scene: 'workloads', steps: 16 } as const;
/** The pods that a bug moves or copies. */
const isOf = (object: KubeObject, kind: string): boolean => controllerOf(object)?.kind === kind;

it('5: notices a StatefulSet that replaces a pod before it has stopped', async () => {
  // A deletion takes the object at once, as if nothing could run any more.
  const store = rewriting((ops) =>
    ops.map((op) => {
      if (op.type !== 'update' || op.resource !== 'pods' || !isOf(op.object, 'StatefulSet')) return op;
      const { resource, key, expectedVersion } = op;
      return op.object.metadata.deletionTimestamp === undefined
        ? op
        : { type: 'delete', resource, key, expectedVersion };
    }),
  );
  const only = ({ name }: Action): boolean =>
    ['commit a StatefulSet', 'kubectl drain', 'kubectl uncordon'].includes(name);
  expect(await caught({ store }, { ...workloads, only, calm: false })).toContain(5);
});

it('11: notices an endpoint that is ready without a ready pod', async () => {
  const store = rewriting((ops) =>
    ops.map((op) => {
      if (op.type !== 'create' || op.resource !== 'endpointslices.discovery.k8s.io') return op;
      const targetRef = { kind: 'Pod', namespace: 'default', name: 'gone', uid: 'gone' };
      const stray = { addresses: ['10.244.9.9'], conditions: { ready: true }, targetRef };
      const endpoints = [...((op.object as EndpointSlice).endpoints ?? []), stray];
      return { ...op, object: { ...op.object, endpoints } };
    }),
  );
  expect(await caught({ store }, workloads)).toContain(11);
});

it('11: notices a Lease that is renewed for an agent that was not heard', async () => {
  const bug: PlantedBug = {
    parts(parts) {
      const { nodeHealth } = parts.controllers;
      if (!nodeHealth?.heartbeats) return parts;
      const { heartbeats } = nodeHealth;
      // As if every agent that was ever heard were heard now.
      const always = async (signal: AbortSignal): Promise<ReadonlyMap<string, number>> =>
        new Map([...(await heartbeats(signal)).keys()].map((node) => [node, 0]));
      return {
        ...parts,
        controllers: { ...parts.controllers, nodeHealth: { ...nodeHealth, heartbeats: always } },
      };
    },
  };
  const only = ({ name }: Action): boolean => ['cut a node off', 'kubectl cordon'].includes(name);
  expect(await caught(bug, { only, calm: false })).toContain(11);
});

it('11: notices an agent that says ready before anything runs', async () => {
  // Once a pod: an agent that is contradicted for ever would write for ever.
  const told = new Set<string | undefined>();
  const store = rewriting((ops) =>
    ops.map((op) => {
      const pod = 'object' in op && op.resource === 'pods' ? (op.object as Pod) : undefined;
      const conditions = pod?.status?.conditions;
      if (op.type !== 'update' || !conditions?.some(({ type }) => type === 'Ready')) return op;
      if (!pod || told.has(pod.metadata.uid)) return op;
      told.add(pod.metadata.uid);
      const lie = conditions.map((condition) =>
        condition.type === 'Ready' ? { ...condition, status: 'True' } : condition,
      );
      return { ...op, object: { ...pod, status: { ...pod.status, conditions: lie } } };
    }),
  );
  expect(await caught({ store }, workloads)).toContain(11);
});

it('13: notices a node that may do everything', async () => {
  const only = ({ name, scene }: Action): boolean => scene === 'workloads' && !name.startsWith('kubectl');
  expect(await caught({ nodeGroups: ['system:masters'] }, { ...workloads, only, calm: false })).toContain(13);
});

it('18: notices a Job that counts a pod twice', async () => {
  const store = rewriting((ops) =>
    ops.map((op) => {
      const job = 'object' in op && op.resource === 'jobs.batch' ? (op.object as Job) : undefined;
      if (op.type !== 'update' || !job?.status?.succeeded) return op;
      return { ...op, object: { ...job, status: { ...job.status, succeeded: job.status.succeeded + 1 } } };
    }),
  );
  expect(await caught({ store }, workloads)).toContain(18);
});

it('19: notices a DaemonSet that makes two pods for a node', async () => {
  const store = rewriting((ops) =>
    ops.flatMap((op) => {
      if (op.type !== 'create' || op.resource !== 'pods' || !isOf(op.object, 'DaemonSet')) return [op];
      const { name, uid } = op.object.metadata;
      const metadata = { ...op.object.metadata, name: `${name}x`, uid: `${uid}x` };
      return [op, { ...op, key: `${op.key}x`, object: { ...op.object, metadata } }];
    }),
  );
  expect(await caught({ store }, workloads)).toContain(19);
});

it('20: notices an agent that removes a volume in use', async () => {
  const bug: PlantedBug = {
    volumes: (volumes) => ({
      ...volumes,
      // Nothing counts as in use, and a volume is taken for deleted once it is noted.
      directories: {
        ...volumes.directories,
        note: (volume) => volumes.directories.remove(volume),
      },
    }),
  };
  expect(await caught(bug, workloads)).toContain(20);
});

it('20: notices a claim that changes its volume', async () => {
  const store = rewriting((ops, { data }) =>
    ops.map((op) => {
      const claim =
        op.type === 'update' && op.resource === 'persistentvolumeclaims'
          ? (op.object as PersistentVolumeClaim)
          : undefined;
      const live = claim && data.resources.get(op.resource)?.objects.get(op.key);
      if (op.type !== 'update' || !claim || !(live as PersistentVolumeClaim | undefined)?.spec.volumeName)
        return op;
      return { ...op, object: { ...claim, spec: { ...claim.spec, volumeName: 'another' } } };
    }),
  );
  expect(await caught({ store }, workloads)).toContain(20);
});

it('21: notices a CronJob that makes two Jobs for one time', async () => {
  const store = rewriting((ops) =>
    ops.flatMap((op) => {
      if (op.type !== 'create' || op.resource !== 'jobs.batch' || !isOf(op.object, 'CronJob')) return [op];
      const { name, uid } = op.object.metadata;
      const metadata = { ...op.object.metadata, name: `${name}x`, uid: `${uid}x` };
      return [op, { ...op, key: `${op.key}x`, object: { ...op.object, metadata } }];
    }),
  );
  expect(await caught({ store }, workloads)).toContain(21);
});

it('22: notices a control plane that asks no budget', async () => {
  const store = rewriting((ops) =>
    ops.map((op) => {
      if (!('object' in op) || op.resource !== 'poddisruptionbudgets.policy') return op;
      const spec = { ...(op.object['spec'] as object), minAvailable: 0 };
      return { ...op, object: { ...op.object, spec } };
    }),
  );
  const only = ({ name }: Action): boolean =>
    ['commit a StatefulSet', 'kubectl drain', 'kubectl uncordon'].includes(name);
  expect(await caught({ store }, { ...workloads, only, calm: false })).toContain(22);
});
