import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RequestContext } from '../../../../src/api/core/types.ts';
import { systemClock } from '../../../../src/base/clock.ts';
import { errorMessage } from '../../../../src/base/errors.ts';
import type { KubeObject } from '../../../../src/schemas/object.ts';
import type { Subresource } from '../../../../src/schemas/resource-kind.ts';
import { kindNamed, plainWrite, startTestCore, type TestCore } from '../../test-api.ts';

let test: TestCore;
const agent: RequestContext = {
  user: { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] },
  warn: () => undefined,
  annotate: () => undefined,
};

beforeEach(async () => {
  test = await startTestCore(systemClock, ['default', 'kube-node-lease']);
});
afterEach(() => test[Symbol.asyncDispose]());

const node = (name: string, labels: Record<string, string> = {}): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels },
});

const outcome = (written: Promise<unknown>): Promise<string> =>
  written.then(
    () => 'done',
    (error: unknown) => errorMessage(error),
  );

const create = (object: KubeObject): Promise<string> => {
  const collection = { kind: kindNamed(object.kind), namespace: object.metadata.namespace };
  return outcome(test.core.create(collection, object, plainWrite, agent));
};

const merge = (kind: string, name: string, body: object, subresource?: Subresource): Promise<string> => {
  const ref = { kind: kindNamed(kind), namespace: kind === 'Pod' ? 'default' : undefined, name };
  return outcome(test.core.patch(ref, { format: 'merge', body }, plainWrite, agent, subresource));
};

describe('what the body of an agent says', () => {
  it('makes its own node, and no other', async () => {
    expect(await create(node('n1', { zone: 'a' }))).toBe('done');
    expect(await create(node('n2'))).toMatch(/node "n1" is not allowed to modify node "n2"/);
  });

  it('makes its own lease, and no other', async () => {
    const lease = (name: string): KubeObject => ({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: {},
    });
    expect(await create(lease('n1'))).toBe('done');
    expect(await create(lease('n2'))).toMatch(/can only access node lease with the same name/);
  });

  it('sets no label that keeps nodes apart, neither at first nor later nor with a status', async () => {
    const restricted = { 'node-restriction.kubernetes.io/tenant': 'a' };
    expect(await create(node('n1', restricted))).toMatch(
      /not allowed to set the following labels: node-restriction.kubernetes.io\/tenant/,
    );
    await create(node('n1'));
    const metadata = { labels: { 'x.node-restriction.kubernetes.io/tenant': 'a' } };
    expect(await merge('Node', 'n1', { metadata })).toMatch(/not allowed to modify labels/);
    expect(await merge('Node', 'n1', { metadata }, 'status')).toMatch(/not allowed to modify labels/);
    expect(await merge('Node', 'n1', { metadata: { labels: { zone: 'b' } } })).toBe('done');
  });

  it('takes no such label away', async () => {
    await test.objects.create(node('n1', { 'node-restriction.kubernetes.io/tenant': 'a' }));
    const metadata = { labels: { 'node-restriction.kubernetes.io/tenant': null } };
    expect(await merge('Node', 'n1', { metadata })).toMatch(/not allowed to modify labels/);
  });

  it('changes neither its taints nor its owners', async () => {
    await create(node('n1'));
    const taints = [{ key: 'a', effect: 'NoSchedule' }];
    expect(await merge('Node', 'n1', { spec: { taints } })).toMatch(/not allowed to modify taints/);
    const ownerReferences = [{ apiVersion: 'v1', kind: 'Node', name: 'n2', uid: 'u' }];
    expect(await merge('Node', 'n1', { metadata: { ownerReferences } })).toMatch(/modify ownerReferences/);
  });

  it('reports the status of its pods, not their labels', async () => {
    await test.objects.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p', namespace: 'default', labels: { app: 'a' } },
      spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'web:1' }] },
    });
    expect(await merge('Pod', 'p', { status: { message: 'm' } }, 'status')).toBe('done');
    expect(await merge('Pod', 'p', { metadata: { labels: { app: 'b' } } }, 'status')).toMatch(
      /cannot update labels through pod status/,
    );
  });
});
