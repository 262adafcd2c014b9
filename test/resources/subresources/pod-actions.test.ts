/** Bindings and evictions that meet a pod in another state than the caller believes. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(createFakeClock());
});
afterEach(() => test[Symbol.asyncDispose]());

const metadata = { name: 'a', namespace: 'default' };
const pod = (spec: Record<string, unknown> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { ...metadata, labels: { app: 'a' } },
  spec: { containers: [{ name: 'c', image: 'web:1' }], ...spec },
});
const ref = { kind: kindNamed('Pod'), ...metadata };
const stored = () => test.store.get('pods', 'default/a');

/** Happens between the plan of the next commit and the commit. */
function meanwhile(task: () => Promise<unknown>): void {
  const commit = test.store.commit;
  test.store.commit = async (...args) => {
    test.store.commit = commit;
    await task();
    return commit(...args);
  };
}

describe('a binding', () => {
  const bind = (extra: Record<string, unknown> = {}) =>
    test.core.bind(
      ref,
      { metadata: { name: 'a', ...extra }, target: { kind: 'Node', name: 'n' } },
      plainWrite,
      test.context,
    );

  it('waits for the gates of the pod', async () => {
    await test.objects.create(pod({ schedulingGates: [{ name: 'later' }] }));
    await expect(bind()).rejects.toMatchObject({
      code: 409,
      message: 'Operation cannot be fulfilled on pods/binding "a": pod a has non-empty .spec.schedulingGates',
    });
  });

  it('may name the version of the pod, and is refused once that has changed', async () => {
    const { resourceVersion } = (await test.objects.create(pod())).metadata;
    await expect(bind({ resourceVersion: '1' })).rejects.toThrow(
      `Precondition failed: ResourceVersion in precondition: 1, ResourceVersion in object meta: ${resourceVersion}`,
    );
    await bind({ resourceVersion });
    expect((await stored())?.['spec']).toMatchObject({ nodeName: 'n' });
  });

  it('does not validate the spec again, which it keeps', () => {
    const { validate } = kindNamed('Pod');
    const invalid = pod({ containers: [] });
    expect(validate(invalid, invalid)).not.toEqual([]);
    expect(validate(invalid, invalid, 'binding')).toEqual([]);
  });
});

describe('an eviction', () => {
  const evict = () =>
    test.core.actions
      .find(({ subresource }) => subresource === 'eviction')
      ?.create(ref, { apiVersion: 'policy/v1', kind: 'Eviction' }, plainWrite, test.context);

  it('asks the budget where a pending pod becomes ready before the commit', async () => {
    await test.objects.create(pod({ nodeName: 'n' }));
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'b', namespace: 'default' },
      spec: { minAvailable: 1, selector: { matchLabels: { app: 'a' } } },
    };
    const counts = { observedGeneration: 1, currentHealthy: 1, desiredHealthy: 1, disruptionsAllowed: 0 };
    await test.objects.update(
      { ...(await test.objects.create(budget)), status: { expectedPods: 1, ...counts } },
      { subresource: 'status' },
    );
    const conditions = [{ type: 'Ready', status: 'True' }];
    meanwhile(() =>
      test.objects.update(
        { ...pod({ nodeName: 'n' }), status: { phase: 'Running', conditions } },
        { subresource: 'status' },
      ),
    );
    await expect(evict()).rejects.toMatchObject({ code: 429 });
    expect((await stored())?.metadata.deletionTimestamp).toBeUndefined();
  });
});
