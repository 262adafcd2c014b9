/** A test cluster with the real scheduler, nodes that hold volumes, and class `local`. */
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import type {
  Event,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../../../src/schemas/types.ts';
import { localClass } from '../../../src/schemas/volumes/classes.ts';
import { aNode, aPod } from '../../support/builders.ts';
import { startTestCluster, type TestCluster } from '../../support/cluster.ts';
import { startScheduler } from '../../support/scheduler.ts';

export const CLAIMS = 'persistentvolumeclaims';
export const VOLUMES = 'persistentvolumes';

export interface StorageCluster extends AsyncDisposable {
  readonly cluster: TestCluster;
  claim(name?: string): Promise<PersistentVolumeClaim | undefined>;
  volume(name: string): Promise<PersistentVolume | undefined>;
  /** The volume that the claim names. */
  volumeOf(claim?: string): Promise<PersistentVolume>;
  pod(name?: string): Promise<Pod | undefined>;
  whyPending(pod?: string): Promise<string | undefined>;
  events(about: string): Promise<readonly string[]>;
  create(...objects: readonly KubeObject[]): Promise<void>;
  remove(resource: string, key: string): Promise<void>;
  /** Lets everything happen that is due. */
  settle(): Promise<void>;
}

export function storageNode(name: string, capacity = '100Gi', cpu = '4'): Node {
  const node = aNode({ name, ready: true, labels: { 'kubernetes.io/hostname': name } });
  const resources = { cpu, memory: '8Gi', pods: '110' };
  return {
    ...node,
    metadata: {
      ...node.metadata,
      annotations: {
        'symphony.dev/volumes-directory': '/data/volumes',
        'symphony.dev/volumes-capacity': capacity,
      },
    },
    status: { ...node.status, allocatable: resources, capacity: resources },
  };
}

export const aClaim = (
  name = 'data',
  spec: Partial<PersistentVolumeClaim['spec']> = {},
): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: { name, namespace: 'default' },
  spec: {
    accessModes: ['ReadWriteOnce'],
    storageClassName: 'local',
    resources: { requests: { storage: '1Gi' } },
    ...spec,
  },
});

export const aVolume = (name: string, spec: Partial<PersistentVolume['spec']> = {}): PersistentVolume => ({
  apiVersion: 'v1',
  kind: 'PersistentVolume',
  metadata: { name },
  spec: {
    accessModes: ['ReadWriteOnce'],
    capacity: { storage: '1Gi' },
    hostPath: { path: '/x' },
    persistentVolumeReclaimPolicy: 'Retain',
    storageClassName: 'local',
    ...spec,
  },
});

export const aClass = (name: string, rest: Partial<StorageClass> = {}): StorageClass => ({
  ...localClass,
  metadata: { name },
  ...rest,
});

export function userOf(claim: string, name = 'user', cpu = '1'): Pod {
  const pod = aPod({ name });
  return {
    ...pod,
    spec: {
      containers: [{ name: 'c', image: 'i', resources: { requests: { cpu } } }],
      volumes: [{ name: 'v', persistentVolumeClaim: { claimName: claim } }],
    },
  };
}

export async function startStorageCluster(
  nodes: readonly Node[] = [storageNode('n1'), storageNode('n2')],
): Promise<StorageCluster> {
  const cluster = await startTestCluster();
  const scheduler = await startScheduler(cluster);
  const { store, objects, clock, context } = cluster;
  const get = async <T extends KubeObject>(resource: string, key: string): Promise<T | undefined> =>
    (await store.get(resource, key)) as T | undefined;
  const storage: StorageCluster = {
    cluster,
    claim: (name = 'data') => get(CLAIMS, `default/${name}`),
    volume: (name) => get(VOLUMES, name),
    async volumeOf(claim = 'data') {
      const name = (await storage.claim(claim))?.spec.volumeName ?? '';
      const volume = await storage.volume(name);
      if (!volume) throw new Error(`claim ${claim} has no volume "${name}"`);
      return volume;
    },
    pod: (name = 'user') => get('pods', `default/${name}`),
    async whyPending(name) {
      const pod = await storage.pod(name);
      return pod?.status?.conditions?.find(({ type }) => type === 'PodScheduled')?.message;
    },
    async events(about) {
      await context.events.flush();
      const { objects: all } = await store.list('events');
      return (all as Event[])
        .filter(({ involvedObject }) => `${involvedObject.kind}/${involvedObject.name}` === about)
        .map(({ reason, message }) => `${reason}: ${message}`);
    },
    async create(...made) {
      for (const object of made) {
        const { status, ...rest } = object;
        const created = await objects.create(rest);
        if (object.kind === 'Node') await objects.update({ ...created, status }, { subresource: 'status' });
      }
    },
    async remove(resource, key) {
      const kind = builtinRegistry.byId(resource);
      if (!kind) throw new Error(`no kind ${resource}`);
      await objects.delete(kind, key, { gracePeriodSeconds: 0 });
    },
    settle: () => clock.advance(3_000),
    async [Symbol.asyncDispose]() {
      await scheduler[Symbol.asyncDispose]();
      await cluster[Symbol.asyncDispose]();
    },
  };
  await storage.create(localClass, ...nodes);
  await storage.settle();
  return storage;
}
