import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { systemClock } from '../../../src/base/clock.ts';
import { omit } from '../../../src/schemas/json-access.ts';
import { podKind } from '../../../src/schemas/kinds/pod/kind.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { kindNamed, startTestCore, type TestCore } from '../../api/test-api.ts';

let test: TestCore;
beforeEach(async () => {
  test = await startTestCore(systemClock);
});
afterEach(async () => {
  vi.restoreAllMocks();
  await test[Symbol.asyncDispose]();
});

const pod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'a', namespace: 'default', finalizers: ['example.com/wait'] },
  spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'nginx:1' }] },
};

it('a controller that lets go of a pod has nothing read or checked again, by admission neither', async () => {
  const writer = test.core.as({
    user: { name: 'system:kube-controller-manager', groups: ['system:masters'] },
  });
  await writer.write({ writes: [{ verb: 'create', object: pod }] });
  const seen = await writer.get(kindNamed('Pod'), 'default/a');
  const metadata = omit(seen.metadata, 'finalizers');
  const work = [vi.spyOn(podKind, 'withDefaults'), vi.spyOn(podKind, 'validate')];
  const reads = vi.spyOn(test.store, 'getMany');
  await writer.write({ writes: [{ verb: 'update', object: { ...seen, metadata }, seen }] });
  expect(work.map((spy) => spy.mock.calls.length)).toEqual([0, 0]);
  expect(reads).not.toHaveBeenCalled();

  vi.restoreAllMocks();
  const stored = await writer.get(kindNamed('Pod'), 'default/a');
  expect(stored.metadata.finalizers).toBeUndefined();
  expect(stored['spec']).toEqual(seen['spec']);
  expect(test.proofs.isProven(stored)).toBe(true);
});
