import { describe, expect, it } from 'vitest';
import type { Plan } from '../../../src/controllers/controller.ts';
import {
  type NamespaceContent,
  planNamespaceDeletion,
} from '../../../src/controllers/namespace/plan-namespace.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Namespace } from '../../../src/schemas/types.ts';

const going: Namespace = {
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name: 'n', deletionTimestamp: '2026-01-01T00:00:00Z' },
  spec: { finalizers: ['kubernetes'] },
};
const object = (kind: string, name: string, metadata: object = {}): KubeObject => ({
  apiVersion: 'v1',
  kind,
  metadata: { name, namespace: 'n', uid: name, ...metadata },
});
const gone = { deletionTimestamp: '2026-01-01T00:00:01Z', finalizers: ['example.com/wait'] };
const configMaps: NamespaceContent = {
  resource: 'configmaps',
  objects: [object('ConfigMap', 'c', { finalizers: ['example.com/keep'] })],
};
const pods = (...objects: KubeObject[]): NamespaceContent => ({ resource: 'pods', objects });

const deleted = ({ writes }: Plan): readonly string[] =>
  writes.flatMap((write) => (write.verb === 'delete' ? [write.object.metadata.name] : []));
function conditions({ writes }: Plan): Record<string, unknown> {
  const report = writes.find((write) => write.verb === 'update' && write.subresource === 'status');
  const status = report?.object['status'] as Namespace['status'];
  return Object.fromEntries((status?.conditions ?? []).map(({ type, message }) => [type, message]));
}

describe('the deletion of a namespace', () => {
  it('begins with the pods, whatever else there is', () => {
    const plan = planNamespaceDeletion(going, [configMaps, pods(object('Pod', 'p'))], 0);
    expect(deleted(plan)).toEqual(['p']);
  });

  it('waits for pods that are still ending, and says so of them alone', () => {
    const plan = planNamespaceDeletion(going, [configMaps, pods(object('Pod', 'p', gone))], 0);
    expect(deleted(plan)).toEqual([]);
    expect(conditions(plan)).toMatchObject({
      NamespaceDeletionContentFailure: 'All content successfully deleted, may be waiting on finalization',
      NamespaceContentRemaining: 'Some resources are remaining: pods. has 1 resource instances',
      NamespaceFinalizersRemaining:
        'Some content in the namespace has finalizers remaining: example.com/wait in 1 resource instances',
    });
  });

  it('goes on with the rest when no pod is left', () => {
    const plan = planNamespaceDeletion(going, [configMaps, pods()], 0);
    expect(deleted(plan)).toEqual(['c']);
    expect(conditions(plan)).toMatchObject({
      NamespaceContentRemaining: 'Some resources are remaining: configmaps. has 1 resource instances',
    });
  });

  it('ends with the finalizer when nothing is left and it was said', () => {
    const first = planNamespaceDeletion(going, [pods()], 0);
    const said = { ...going, status: first.writes[0]?.object['status'] } as Namespace;
    expect(planNamespaceDeletion(said, [pods()], 0).writes).toMatchObject([
      { verb: 'update', subresource: 'finalize', object: { spec: { finalizers: [] } } },
    ]);
  });
});
