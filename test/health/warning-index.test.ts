import { describe, expect, it } from 'vitest';
import { createWarningIndex } from '../../src/health/index.ts';
import type { KubeObject } from '../../src/schemas/object.ts';

const pod = (uid = 'u1', namespace = 'shop'): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', namespace, uid },
});
const at = (second: number): string => new Date(second * 1_000).toISOString();

function event(
  name: string,
  fields: Record<string, unknown>,
  involved: object = {},
  namespace = 'shop',
): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace },
    type: 'Warning',
    reason: 'FailedMount',
    message: 'configmap "c" not found',
    firstTimestamp: at(10),
    lastTimestamp: at(10),
    involvedObject: { kind: 'Pod', namespace: 'shop', name: 'web', uid: 'u1', ...involved },
    ...fields,
  };
}
const reasons = (index: ReturnType<typeof createWarningIndex>, about = pod()): readonly string[] =>
  index.about(about).map(({ reason }) => reason);

describe('the index of warnings', () => {
  it('keeps that a probe had a container killed, and no other killing', () => {
    const index = createWarningIndex();
    const killing = (message: string): KubeObject =>
      event('k', { type: 'Normal', reason: 'Killing', message }, { fieldPath: 'spec.containers{api}' });
    index.observe(killing('Stopping container api'), 'ADDED');
    expect(reasons(index)).toEqual([]);
    index.observe(killing('Container api failed liveness probe, will be restarted'), 'ADDED');
    expect(reasons(index)).toEqual(['Killing']);
  });

  it('keeps the newest of each trouble, newest first', () => {
    const index = createWarningIndex();
    const container = { fieldPath: 'spec.containers{api}' };
    index.observe(event('a', {}), 'ADDED');
    index.observe(
      event('b', { reason: 'Unhealthy', message: 'Liveness probe failed: 500' }, container),
      'ADDED',
    );
    index.observe(
      event('c', { reason: 'Unhealthy', message: 'Readiness probe failed: 503' }, container),
      'ADDED',
    );
    const later = {
      reason: 'Unhealthy',
      message: 'Liveness probe failed: 502',
      firstTimestamp: at(20),
      lastTimestamp: at(30),
    };
    index.observe(event('d', later, container), 'ADDED');
    expect(index.about(pod())).toMatchObject([
      // Since when it has failed is not forgotten because it fails in other words.
      { message: 'Liveness probe failed: 502', container: 'api', firstMs: 10_000, lastMs: 30_000 },
      { message: 'Readiness probe failed: 503' },
      { reason: 'FailedMount', container: undefined },
    ]);
  });

  it('forgets what came before the containers as soon as one of them is at work', () => {
    const index = createWarningIndex();
    index.observe(event('a', {}), 'ADDED');
    index.observe(event('b', { reason: 'Failed' }, { fieldPath: 'spec.initContainers{db}' }), 'ADDED');
    expect(index.observe(event('c', { type: 'Normal', reason: 'Scheduled' }), 'ADDED')).toBeUndefined();
    expect(reasons(index)).toEqual(['Failed', 'FailedMount']);
    expect(index.observe(event('d', { type: 'Normal', reason: 'Pulled' }), 'ADDED')).toBeDefined();
    expect(reasons(index)).toEqual(['Failed']);
  });

  it('forgets an event that is deleted', () => {
    const index = createWarningIndex();
    index.observe(event('a', {}), 'ADDED');
    index.observe(event('a', {}), 'DELETED');
    expect(reasons(index)).toEqual([]);
  });

  it('does not believe events of other namespaces, or of an object with another uid', () => {
    const index = createWarningIndex();
    index.observe(event('a', {}, { namespace: 'evil' }, 'evil'), 'ADDED');
    index.observe(event('b', {}, {}, 'evil'), 'ADDED');
    index.observe(event('c', {}, { uid: 'u2' }), 'ADDED');
    index.observe(event('d', {}, { uid: undefined }), 'ADDED');
    index.observe(event('e', {}, { namespace: undefined }), 'ADDED');
    expect(reasons(index)).toEqual([]);
    expect(reasons(index, { ...pod(), metadata: { name: 'web', uid: 'u1' } })).toEqual([]);
  });

  it('reads the times of every form of event', () => {
    const index = createWarningIndex();
    const times = { firstTimestamp: null, lastTimestamp: null, eventTime: at(5) };
    index.observe(event('a', { ...times, series: { count: 2, lastObservedTime: at(50) } }), 'ADDED');
    expect(index.about(pod())).toMatchObject([{ firstMs: 5_000, lastMs: 50_000 }]);
    const combined = '(combined from similar events): x';
    index.observe(event('b', { message: combined }), 'ADDED');
    expect(index.about(pod())[0]?.message).toBe('x');
  });

  it('is bounded in objects and in troubles of each', () => {
    const index = createWarningIndex(3);
    for (let number = 0; number < 100; number += 1) {
      index.observe(event(`s${number}`, {}, { uid: `u${number}` }), 'ADDED');
      index.observe(event(`t${number}`, { reason: `Failed${number}` }, { uid: 'flooded' }), 'ADDED');
    }
    const known = Array.from({ length: 100 }, (_unit, number) => reasons(index, pod(`u${number}`)).length);
    expect(known.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(index.about(pod('flooded')).length).toBe(16);
    expect(index.about(pod('flooded'))[0]?.reason).toBe('Failed99');
  });
});
