import { expect, it, vi } from 'vitest';
import { podKind } from '../../../src/schemas/kinds/pod/kind.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import type { KubeObject, ObjectMeta } from '../../../src/schemas/object.ts';
import { prepareCreate } from '../../../src/schemas/strategy/index.ts';
import { kubernetesStrategy, planWrite } from '../../../src/resources/writing/plan-write.ts';

const context = { nowMs: 0, uid: 'u', nameSuffix: 'abcde' };
const FINALIZERS = ['batch.kubernetes.io/job-tracking', 'example.com/wait'];

function stored(given: Partial<ObjectMeta> = {}): KubeObject {
  const metadata = { name: 'a', namespace: 'n', labels: { app: 'web' }, finalizers: FINALIZERS };
  const spec = { containers: [{ name: 'c', image: 'nginx:1' }] };
  const pod = prepareCreate(podKind, { apiVersion: 'v1', kind: 'Pod', metadata, spec }, context);
  return { ...pod, metadata: { ...pod.metadata, resourceVersion: '1', ...given } };
}

const withMetadata = (pod: KubeObject, given: object): KubeObject => ({
  ...pod,
  metadata: { ...pod.metadata, ...given },
});

/** The planned write, and how often the whole object was checked. */
function planned(next: KubeObject, current: KubeObject) {
  const kind = { ...podKind, withDefaults: vi.fn(podKind.withDefaults), validate: vi.fn(podKind.validate) };
  const write = { verb: 'update', object: next } as const;
  const draft = { write, kind, current, object: next, context };
  const { op } = planWrite(draft, { strategy: kubernetesStrategy, proofs: undefined });
  return { op, checks: kind.validate.mock.calls.length + kind.withDefaults.mock.calls.length };
}

it('an update that only takes finalizers away checks nothing again', () => {
  const pod = stored();
  const { op, checks } = planned(withMetadata(pod, { finalizers: FINALIZERS.slice(1) }), pod);
  expect(checks).toBe(0);
  expect(op).toMatchObject({ type: 'update', expectedVersion: '1' });
  expect(op && 'object' in op ? op.object.metadata.finalizers : []).toEqual(['example.com/wait']);
});

it('the last finalizer of a deleted object takes it along', () => {
  const pod = stored({ deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: FINALIZERS.slice(1) });
  expect(planned({ ...pod, metadata: omit(pod.metadata, 'finalizers') }, pod).op).toMatchObject({
    type: 'delete',
    expectedVersion: '1',
  });
});

it.each<[string, (pod: KubeObject) => KubeObject]>([
  ['a finalizer is new', (pod) => withMetadata(pod, { finalizers: ['example.com/other'] })],
  ['the list is empty', (pod) => withMetadata(pod, { finalizers: [] })],
  ['a label changes as well', (pod) => withMetadata(pod, { finalizers: [], labels: { app: 'b' } })],
  ['the status is another', (pod) => ({ ...withMetadata(pod, { finalizers: [] }), status: {} })],
  [
    'the spec was read anew',
    (pod) => ({ ...withMetadata(pod, { finalizers: [] }), spec: { ...pod['spec']! } }),
  ],
])('an update is checked whole where %s', (_, change) => {
  const pod = stored();
  expect(planned(change(pod), pod).checks).toBeGreaterThan(0);
});

it('a finalizer that is none is refused beside one that goes', () => {
  const pod = stored();
  expect(() => planned(withMetadata(pod, { finalizers: ['no finalizer'] }), pod)).toThrow(/finalizers/);
  expect(() => planned(withMetadata(pod, { finalizers: 'a' }), pod)).toThrow(/finalizers/);
});
