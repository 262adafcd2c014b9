import { describe, expect, it } from 'vitest';
import { toRfc3339 } from '../../../src/base/clock.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { defineKind } from '../../../src/schemas/kinds/define-kind.ts';
import { builtinRegistry, createRegistry } from '../../../src/schemas/registry.ts';
import type { ResourceKind } from '../../../src/schemas/resource-kind.ts';
import { isStatusError, type StatusError } from '../../../src/schemas/errors/status.ts';
import {
  createStorageFormat,
  type DeleteOptions,
  type DeletePlan,
  isFullyReleased,
  planDelete,
  prepareCreate,
  prepareUpdate,
} from '../../../src/schemas/strategy/index.ts';
import { deepFreeze } from '../../support/deep-freeze.ts';
import { createContext } from '../facts.ts';

const now = Date.parse('2026-01-01T00:00:00Z');
const context = { ...createContext, nowMs: now };
const kind = (id: string): ResourceKind => {
  const found = builtinRegistry.byId(id);
  if (!found) throw new Error(`No kind "${id}"`);
  return found;
};
const pods = kind('pods');
const deployments = kind('deployments.apps');
const configMaps = kind('configmaps');
const controllers = kind('replicationcontrollers');
const namespaces = kind('namespaces');

const template = {
  metadata: { labels: { app: 'a' } },
  spec: { containers: [{ name: 'c', image: 'web:1' }] },
};

function create(of: ResourceKind, fields: Record<string, unknown>, metadata = {}): KubeObject {
  const apiVersion = of.group === '' ? of.version : `${of.group}/${of.version}`;
  const namespace = of.namespaced ? { namespace: 'ns' } : {};
  const input = { apiVersion, kind: of.kind, metadata: { name: 'a', ...namespace, ...metadata }, ...fields };
  return deepFreeze(prepareCreate(of, deepFreeze(input), context));
}

const aPod = (metadata = {}): KubeObject => create(pods, { spec: template.spec }, metadata);
const aDeployment = (metadata = {}): KubeObject =>
  create(deployments, { spec: { selector: { matchLabels: { app: 'a' } }, template } }, metadata);
const aController = (): KubeObject => create(controllers, { spec: { template } });
const aConfigMap = (metadata = {}): KubeObject => create(configMaps, { data: { k: 'v' } }, metadata);

function edit(object: KubeObject, change: (copy: KubeObject) => void): KubeObject {
  const copy = structuredClone(object);
  change(copy);
  return deepFreeze(copy);
}
const withSpec = (object: KubeObject, fields: Record<string, unknown>): KubeObject =>
  edit(object, (copy) => Object.assign(copy['spec'] as object, fields));

describe('prepareCreate', () => {
  it('fills in what only the system sets, whatever the request says', () => {
    const pod = aPod({
      uid: 'mine',
      resourceVersion: '7',
      generation: 9,
      creationTimestamp: '2001-01-01T00:00:00Z',
      deletionTimestamp: '2001-01-01T00:00:00Z',
      deletionGracePeriodSeconds: 1,
      selfLink: '/x',
    });
    expect(pod.metadata).toEqual({
      name: 'a',
      namespace: 'ns',
      uid: context.uid,
      creationTimestamp: '2026-01-01T00:00:00Z',
      generation: 1,
    });
  });

  it('makes a name of a prefix, cut so that 63 characters are not exceeded', () => {
    const name = (generateName: string): string => aConfigMap({ name: '', generateName }).metadata.name;
    expect(name('g-')).toBe('g-x2x2x');
    expect(name('x'.repeat(70))).toBe(`${'x'.repeat(58)}x2x2x`);
  });

  it('resets the status of kinds that have a status subresource, but keeps what a node reports', () => {
    expect(create(deployments, { spec: {}, status: { replicas: 9 } })['status']).toEqual({});
    expect(create(kind('replicasets.apps'), { spec: {}, status: { replicas: 9 } })['status']).toEqual({
      replicas: 0,
    });
    const node = create(kind('nodes'), { status: { capacity: { cpu: 4 } } });
    expect(node['status']).toMatchObject({ capacity: { cpu: '4' }, allocatable: { cpu: '4' } });
  });

  it('gives a namespace its phase, its finalizer and the label with its name', () => {
    expect(create(namespaces, { status: { phase: 'Terminating' } })).toMatchObject({
      metadata: { labels: { 'kubernetes.io/metadata.name': 'a' } },
      spec: { finalizers: ['kubernetes'] },
      status: { phase: 'Active' },
    });
  });

  it('drops the namespace of what has none', () => {
    expect(create(namespaces, {}, { namespace: 'x' }).metadata.namespace).toBeUndefined();
  });
});

describe('prepareUpdate', () => {
  const update = (
    of: ResourceKind,
    current: KubeObject,
    next: KubeObject,
    subresource?: 'status' | 'binding' | 'finalize',
  ): KubeObject => prepareUpdate(of, current, next, { nowMs: now, ...(subresource ? { subresource } : {}) });

  it('answers with the same object when nothing changes, defaults and order aside', () => {
    const current = aDeployment();
    const bare = { ...current, spec: { template, selector: { matchLabels: { app: 'a' } } } };
    expect(update(deployments, current, current)).toBe(current);
    expect(update(deployments, current, deepFreeze(bare))).toBe(current);
  });

  it('counts a generation for a change of the spec and of a deployment’s annotations only', () => {
    const current = aDeployment();
    const generation = (next: KubeObject): unknown => update(deployments, current, next).metadata.generation;
    expect(generation(withSpec(current, { replicas: 3 }))).toBe(2);
    expect(generation(edit(current, (copy) => (copy.metadata.annotations = { a: 'b' })))).toBe(2);
    expect(generation(edit(current, (copy) => (copy.metadata.labels = { a: 'b' })))).toBe(1);
    expect(
      update(configMaps, aConfigMap(), aConfigMap({ labels: { a: 'b' } })).metadata.generation,
    ).toBeUndefined();
  });

  it('keeps the system’s metadata and ignores the status', () => {
    const current = edit(aDeployment(), (copy) => (copy['status'] = { replicas: 2 }));
    const next = edit(current, (copy) => {
      copy['status'] = { replicas: 9 };
      copy.metadata = { name: 'a', namespace: 'ns', uid: 'other', generation: 77, labels: { x: 'y' } };
    });
    const updated = update(deployments, current, next);
    expect(updated['status']).toEqual({ replicas: 2 });
    expect(updated.metadata).toEqual({ ...current.metadata, labels: { x: 'y' } });
  });

  it('changes only the status through the status subresource', () => {
    const current = aDeployment();
    const next = withSpec(
      edit(current, (copy) => (copy['status'] = { replicas: 2 })),
      { replicas: 9 },
    );
    const updated = update(deployments, current, next, 'status');
    expect(updated).toEqual({ ...current, status: { replicas: 2 } });
    expect(update(deployments, updated, updated, 'status')).toBe(updated);
  });

  it('binds a pod without a new generation', () => {
    const pod = aPod();
    const bound = update(pods, pod, withSpec(pod, { nodeName: 'n1', hostname: 'x' }), 'binding');
    expect(bound.metadata.generation).toBe(1);
    expect(bound['spec']).toEqual({ ...(pod['spec'] as object), nodeName: 'n1' });
  });

  it('takes a namespace’s finalizers only through finalize', () => {
    const namespace = create(namespaces, {});
    const without = edit(namespace, (copy) => (copy['spec'] = {}));
    expect(update(namespaces, namespace, without)).toBe(namespace);
    expect(update(namespaces, namespace, without, 'finalize')['spec']).toEqual({});
  });

  it('keeps what was allocated for a service', () => {
    const services = kind('services');
    const desired = create(services, { spec: { type: 'NodePort', ports: [{ port: 80 }] } });
    const stored = edit(desired, (copy) => {
      const spec = copy['spec'] as { ports: { nodePort: number }[] };
      Object.assign(spec, { clusterIP: '10.96.0.7', clusterIPs: ['10.96.0.7'] });
      (spec.ports[0] as { nodePort: number }).nodePort = 30_001;
    });
    expect(update(services, stored, desired)).toBe(stored);
    const other = { clusterIP: '10.96.0.8', clusterIPs: ['10.96.0.8'] };
    expect(services.validateUpdate(withSpec(stored, other), stored)).toHaveLength(1);
  });
});

describe('planDelete', () => {
  const plan = (of: ResourceKind, object: KubeObject, options: DeleteOptions = {}, at = now): DeletePlan =>
    planDelete(of, object, deepFreeze(options), at);
  const marked = (result: DeletePlan): KubeObject => {
    if (result.action !== 'mark') throw new Error(`Expected a mark, not ${result.action}`);
    return deepFreeze(result.object);
  };

  it('removes at once what nothing holds', () => {
    expect(plan(configMaps, aConfigMap())).toEqual({ action: 'remove' });
    expect(plan(deployments, aDeployment(), { propagationPolicy: 'Background' })).toEqual({
      action: 'remove',
    });
  });

  it('marks what has finalizers, and does it once', () => {
    const held = aConfigMap({ finalizers: ['example.com/f'] });
    const object = marked(plan(configMaps, held));
    expect(object.metadata).toMatchObject({
      deletionTimestamp: toRfc3339(now),
      deletionGracePeriodSeconds: 0,
      finalizers: ['example.com/f'],
    });
    expect(plan(configMaps, object, {}, now + 60_000)).toEqual({ action: 'none' });
    expect(isFullyReleased(object)).toBe(false);
    expect(isFullyReleased(edit(object, (copy) => delete copy.metadata.finalizers))).toBe(true);
  });

  it.each([
    ['Foreground', 'foregroundDeletion'],
    ['Orphan', 'orphan'],
  ] as const)('with %s adds the finalizer %s and counts a generation', (propagationPolicy, finalizer) => {
    const object = marked(plan(deployments, aDeployment(), { propagationPolicy }));
    expect(object.metadata).toMatchObject({ finalizers: [finalizer], generation: 2 });
  });

  it('orphans the pods of a ReplicationController unless a policy says otherwise', () => {
    const object = marked(plan(controllers, aController()));
    expect(object.metadata.finalizers).toEqual(['orphan']);
    expect(plan(controllers, object)).toEqual({ action: 'none' });
    const foreground = marked(plan(controllers, aController(), { propagationPolicy: 'Foreground' }));
    expect(foreground.metadata.finalizers).toEqual(['foregroundDeletion']);
    expect(plan(controllers, aController(), { propagationPolicy: 'Background' })).toEqual({
      action: 'remove',
    });
  });

  it('replaces the finalizer of an earlier policy', () => {
    const object = marked(plan(deployments, aDeployment(), { propagationPolicy: 'Foreground' }));
    const again = marked(plan(deployments, object, { propagationPolicy: 'Orphan' }));
    expect(again.metadata).toMatchObject({ finalizers: ['orphan'], generation: 2 });
    expect(plan(deployments, object, { propagationPolicy: 'Background' })).toEqual({ action: 'remove' });
  });

  it('refuses what is not the object that was meant', () => {
    const object = edit(aConfigMap(), (copy) => (copy.metadata.resourceVersion = '5'));
    const failureOf = (options: DeleteOptions): StatusError => {
      try {
        plan(configMaps, object, options);
      } catch (error) {
        if (isStatusError(error, 'Conflict')) return error;
      }
      throw new Error('Expected a conflict');
    };
    expect(failureOf({ preconditions: { resourceVersion: '1' } }).message).toBe(
      'Operation cannot be fulfilled on ConfigMap "a": the ResourceVersion in the precondition (1) does not match the ResourceVersion in record (5). The object might have been modified',
    );
    expect(failureOf({ preconditions: { uid: 'x' } }).message).toBe(
      `Operation cannot be fulfilled on ConfigMap "a": the UID in the precondition (x) does not match the UID in record (${context.uid}). The object might have been deleted and then recreated`,
    );
    expect(plan(configMaps, object, { preconditions: { uid: context.uid, resourceVersion: '5' } })).toEqual({
      action: 'remove',
    });
  });

  const scheduled = (): KubeObject => withSpec(aPod(), { nodeName: 'n1' });

  it('removes a pod that no agent has, or that has finished, and shows its deletion', () => {
    const result = plan(pods, aPod());
    expect(result).toMatchObject({
      action: 'remove',
      object: {
        metadata: { generation: 2, deletionGracePeriodSeconds: 0, deletionTimestamp: toRfc3339(now) },
      },
    });
    const done = edit(scheduled(), (copy) => (copy['status'] = { phase: 'Succeeded' }));
    expect(plan(pods, done).action).toBe('remove');
  });

  it('gives a scheduled pod its grace, which may later be shortened but not stretched', () => {
    const first = marked(plan(pods, scheduled()));
    expect(first.metadata).toMatchObject({
      generation: 2,
      deletionGracePeriodSeconds: 30,
      deletionTimestamp: toRfc3339(now + 30_000),
    });
    expect(isFullyReleased(first)).toBe(false);
    const shorter = marked(plan(pods, first, { gracePeriodSeconds: 10 }, now + 5000));
    expect(shorter.metadata).toMatchObject({
      generation: 2,
      deletionGracePeriodSeconds: 10,
      deletionTimestamp: toRfc3339(now + 10_000),
    });
    expect(plan(pods, shorter, { gracePeriodSeconds: 60 })).toEqual({ action: 'none' });
    expect(plan(pods, shorter)).toEqual({ action: 'none' });
    expect(plan(pods, shorter, { gracePeriodSeconds: 0 }).action).toBe('remove');
  });

  it('takes a negative grace for one second and an endless one for a year', () => {
    const grace = (gracePeriodSeconds: number): unknown =>
      marked(plan(pods, scheduled(), { gracePeriodSeconds })).metadata.deletionGracePeriodSeconds;
    expect(grace(-5)).toBe(1);
    expect(grace(1e15)).toBe(366 * 24 * 3600);
  });

  it('keeps a namespace terminating until it is empty', () => {
    const object = marked(plan(namespaces, create(namespaces, {})));
    expect(object).toMatchObject({
      metadata: { deletionTimestamp: toRfc3339(now) },
      status: { phase: 'Terminating' },
    });
    expect(plan(namespaces, object, {}, now + 1000)).toEqual({ action: 'none' });
    const empty = edit(object, (copy) => (copy['spec'] = {}));
    expect(isFullyReleased(object)).toBe(false);
    expect(isFullyReleased(empty)).toBe(true);
    expect(plan(namespaces, empty).action).toBe('remove');
  });
});

describe('a kind with a migration', () => {
  const migrated = defineKind({
    group: '',
    kind: 'ConfigMap',
    applyOrder: 1,
    migration: {
      storageVersion: 3,
      migrate: (object, from) => ({ ...object, data: { from: String(from) } }),
    },
  });
  const format = createStorageFormat(createRegistry([migrated]));

  it('is stored in its version, and older objects are read through the migration', () => {
    const stored = create(migrated, { data: { k: 'v' } });
    expect(format.versionOf('configmaps')).toBe(3);
    expect(format.read('configmaps', stored, 2)).toMatchObject({ data: { from: '2' } });
    expect(format.read('configmaps', stored, 3)).toBe(stored);
    expect(format.read('configmaps', stored, 4)).toBe(stored);
  });
});
