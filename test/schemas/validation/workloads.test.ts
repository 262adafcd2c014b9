import { expect, it } from 'vitest';
import { replicationControllerKind } from '../../../src/schemas/kinds/replication-controller.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';

const controller = (
  spec: Readonly<Record<string, unknown>>,
  labels?: Record<string, string>,
): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'web', namespace: 'default', ...(labels ? { labels } : {}) },
  spec,
});
const template = (labels: Record<string, string>, spec: Record<string, unknown> = {}): object => ({
  metadata: { labels },
  spec: { containers: [{ name: 'c', image: 'web:1' }], ...spec },
});
const complaints = (object: KubeObject): readonly string[] =>
  replicationControllerKind
    .validate(replicationControllerKind.withDefaults(object))
    .map((error) => `${error.path}: ${error.detail ?? ''}`);

it('gives a ReplicationController the labels of its pods as selector and labels, where it says nothing', () => {
  const made = replicationControllerKind.withDefaults(controller({ template: template({ app: 'web' }) }));
  expect(made).toMatchObject({
    metadata: { labels: { app: 'web' } },
    spec: { replicas: 1, selector: { app: 'web' } },
  });
  const said = controller(
    { selector: { app: 'web' }, template: template({ app: 'web', x: 'y' }) },
    { mine: '1' },
  );
  expect(replicationControllerKind.withDefaults(said)).toMatchObject({
    metadata: { labels: { mine: '1' } },
    spec: { selector: { app: 'web' } },
  });
});

it('refuses a ReplicationController whose selector does not select its pods, or that has none to run', () => {
  expect(complaints(controller({ template: template({ app: 'web' }) }))).toEqual([]);
  expect(complaints(controller({ selector: { app: 'other' }, template: template({ app: 'web' }) }))).toEqual([
    'spec.template.metadata.labels: `selector` does not match template `labels`',
  ]);
  expect(complaints(controller({ selector: { app: 'web' } }))).toEqual(['spec.template: ']);
  expect(complaints(controller({ template: template({}) }))).toEqual(['spec.selector: ']);
  const jobLike = controller({ template: template({ app: 'web' }, { activeDeadlineSeconds: 5 }) });
  expect(complaints(jobLike)).toEqual([
    'spec.template.spec.activeDeadlineSeconds: activeDeadlineSeconds in ReplicationController is not Supported',
  ]);
});
