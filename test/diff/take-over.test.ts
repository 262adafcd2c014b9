/**
 * Objects that another tool made, and that Git takes over: what only that tool's manifest declared
 * goes.
 */
import { describe, expect, it } from 'vitest';
import { mergeDesired } from '../../src/diff/merge.ts';
import { normaliseDesired } from '../../src/diff/normalise.ts';
import type { KubeObject } from '../../src/schemas/object.ts';

const deployment = (containers: object[], labels: Record<string, string>, more: object = {}): KubeObject => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'shop', labels },
  spec: {
    ...more,
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web' } }, spec: { containers } },
  },
});
const limits = { limits: { cpu: '1', memory: '1Gi' } };
const declared = deployment(
  [
    {
      name: 'web',
      image: 'web:1',
      env: [
        { name: 'OLD', value: '1' },
        { name: 'KEPT', value: '1' },
      ],
      resources: limits,
      ports: [
        { containerPort: 80, protocol: 'TCP' },
        { containerPort: 81, protocol: 'TCP' },
      ],
      args: ['--old'],
    },
    { name: 'sidecar', image: 'sidecar:1' },
  ],
  { team: 'a', old: 'x' },
  { replicas: 3 },
);
const desired = deployment(
  [
    {
      name: 'web',
      image: 'web:2',
      env: [{ name: 'KEPT', value: '2' }],
      ports: [{ containerPort: 80, protocol: 'TCP' }],
    },
  ],
  { team: 'b' },
);
const fields = {
  'f:metadata': {
    'f:labels': { '.': {}, 'f:team': {}, 'f:old': {} },
    'f:annotations': { '.': {}, 'f:kubectl.kubernetes.io/last-applied-configuration': {} },
    'f:finalizers': { 'v:"example.com/x"': {} },
  },
  'f:spec': {
    'f:replicas': {},
    'f:template': {
      'f:spec': {
        'f:containers': {
          'k:{"name":"web"}': {
            '.': {},
            'f:name': {},
            'f:image': {},
            'f:args': {},
            'f:env': { '.': {}, 'k:{"name":"OLD"}': { '.': {}, 'f:name': {}, 'f:value': {} } },
            'f:ports': { 'k:{"containerPort":81,"protocol":"TCP"}': { '.': {}, 'f:containerPort': {} } },
            'f:resources': { 'f:limits': { 'f:cpu': {}, 'f:memory': {} } },
          },
          'k:{"name":"sidecar"}': { '.': {}, 'f:name': {}, 'f:image': {} },
        },
      },
    },
  },
  'f:status': { 'f:replicas': {} },
};
const entry = (manager: string, operation: string, extra: object = {}) => ({
  manager,
  operation,
  apiVersion: 'apps/v1',
  fieldsType: 'FieldsV1',
  fieldsV1: fields,
  ...extra,
});

/** Fields that others, or the system, added to the live object. */
function live(metadata: Partial<KubeObject['metadata']>): KubeObject {
  return {
    ...declared,
    metadata: {
      ...declared.metadata,
      ...metadata,
      labels: { ...declared.metadata.labels, byhand: 'y' },
      finalizers: ['example.com/x'],
    },
  };
}
const lastApplied = { 'kubectl.kubernetes.io/last-applied-configuration': JSON.stringify(declared) };
const takeOver = (before: KubeObject): KubeObject => mergeDesired(before, normaliseDesired(desired), 'a/b');
const containersOf = (object: KubeObject): Record<string, unknown>[] =>
  (object['spec'] as { template: { spec: { containers: Record<string, unknown>[] } } }).template.spec
    .containers;

describe('a take-over', () => {
  it.each<readonly [string, Partial<KubeObject['metadata']>]>([
    ['kubectl apply', { annotations: lastApplied }],
    ['kubectl apply, by its record', { managedFields: [entry('kubectl-client-side-apply', 'Update')] }],
    ['kubectl apply --server-side', { managedFields: [entry('kubectl', 'Apply')] }],
    ['a first server-side apply', { managedFields: [entry('before-first-apply', 'Update')] }],
    ['Helm', { managedFields: [entry('helm', 'Update')] }],
    ['Argo CD', { managedFields: [entry('argocd-controller', 'Apply')] }],
    ['Flux', { managedFields: [entry('kustomize-controller', 'Apply')] }],
  ])('of what %s made removes what only its manifest declared', (_what, metadata) => {
    const next = takeOver(live(metadata));
    expect(next.metadata.labels).toEqual({ team: 'b', byhand: 'y' });
    expect(containersOf(next)).toEqual([
      {
        name: 'web',
        image: 'web:2',
        env: [{ name: 'KEPT', value: '2' }],
        ports: [{ containerPort: 80, protocol: 'TCP' }],
      },
    ]);
    // The number of replicas is handed to whoever scales; finalizers and kubectl's annotation are
    // not Git's.
    expect(next['spec']).toMatchObject({ replicas: 3 });
    expect(next.metadata.finalizers).toEqual(['example.com/x']);
    expect(next.metadata.annotations).toMatchObject(metadata.annotations ?? {});
  });

  it.each<readonly [string, Partial<KubeObject['metadata']>]>([
    ['nobody declared', {}],
    [
      'a person edited',
      { managedFields: [entry('kubectl-edit', 'Update'), entry('kubectl-patch', 'Update')] },
    ],
    ['a controller wrote', { managedFields: [entry('kubectl', 'Update', { subresource: 'status' })] }],
    ['is damaged', { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': '{' } }],
  ])('of what %s keeps all that Git does not name', (_what, metadata) => {
    const next = takeOver(live(metadata));
    expect(next.metadata.labels).toEqual({ team: 'b', old: 'x', byhand: 'y' });
    expect(containersOf(next).map(({ name }) => name)).toEqual(['web', 'sidecar']);
  });

  it('of what another Argo CD marked removes what only kubectl’s manifest declared', () => {
    const mark = { 'argocd.argoproj.io/tracking-id': 'argocd_web:apps/Deployment:shop/web' };
    const next = takeOver(live({ annotations: { ...lastApplied, ...mark } }));
    expect(next.metadata.labels).toEqual({ team: 'b', byhand: 'y' });
  });

  it('of a Secret that kubectl applied as text removes the keys that Git does not name', () => {
    const secret = (rest: object): KubeObject => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 's', namespace: 'shop' },
      ...rest,
    });
    const applied = JSON.stringify(secret({ stringData: { old: 'x' }, data: { gone: 'eA==', none: null } }));
    const before = secret({ data: { old: 'eA==', gone: 'eA==', byhand: 'eA==', none: 'eA==' } });
    before.metadata.annotations = { 'kubectl.kubernetes.io/last-applied-configuration': applied };
    const next = mergeDesired(before, normaliseDesired(secret({ stringData: { a: 'x' } })), 'a/b');
    expect(next['data']).toEqual({ a: 'eA==', byhand: 'eA==', none: 'eA==' });
  });

  it('happens once: later, what kubectl declared says nothing', () => {
    const mine = takeOver(live({ annotations: lastApplied }));
    const labels = { ...mine.metadata.labels, old: 'by hand' };
    const later = takeOver({ ...mine, metadata: { ...mine.metadata, labels } });
    expect(later.metadata.labels).toMatchObject({ old: 'by hand' });
  });
});
