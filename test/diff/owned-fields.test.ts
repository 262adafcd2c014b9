/**
 * Exported live objects are committed every day: what controllers write into them makes no
 * difference to Git.
 */
import { describe, expect, it } from 'vitest';
import { jsonClone } from '../../src/base/json.ts';
import { planChangeSet } from '../../src/diff/change-set.ts';
import { createDesiredSet } from '../../src/diff/desired-set.ts';
import { marked } from '../../src/diff/merge.ts';
import { normaliseDesired } from '../../src/diff/normalise.ts';
import { replaceDesired } from '../../src/diff/merge.ts';
import { omit } from '../../src/schemas/json-access.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { Deployment } from '../../src/schemas/types.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { prepareCreate, prepareUpdate } from '../../src/schemas/strategy/index.ts';
import { rbacSamples } from '../schemas/rbac-samples.ts';
import { storedSamples } from '../schemas/stored-samples.ts';
import { aConfigMap, aDeployment, aNode, aPod, aReplicaSet } from '../support/builders.ts';

const kindOf = ({ apiVersion, kind }: KubeObject) => builtinRegistry.byKind(apiVersion, kind)!;
const created = (object: KubeObject): KubeObject =>
  prepareCreate(kindOf(object), object, { nowMs: 0, uid: 'uid', nameSuffix: 'abcde' });

/** Applies a manifest to a live object and lets controllers write: what Git would still change. */
function differences(manifest: KubeObject, controllers: (live: KubeObject) => KubeObject): readonly string[] {
  const kind = kindOf(manifest);
  const first = created(marked(normaliseDesired(manifest), 'a/b'));
  const live = { ...controllers(first), metadata: { ...controllers(first).metadata } };
  const plan = (current: KubeObject) =>
    planChangeSet(createDesiredSet([{ kind, object: manifest, origin: 'a.yaml:1' }]), () => current, [], {
      application: 'a/b',
      prune: true,
      allowEmpty: false,
      historyComplete: true,
      syncOptions: [],
      ignore: [],
    }).changes;
  const [change] = plan(live);
  if (change?.action === 'noop') return [];
  const next = prepareUpdate(kind, live, change!.object, { nowMs: 0 });
  // One write may be needed to take the object over; after it, Git and the controllers must be at
  // rest.
  const [again] = plan(controllers(next));
  return again?.action === 'noop' ? ['once'] : ['for ever'];
}

const withData = (object: KubeObject, change: Record<string, unknown>): KubeObject => ({
  ...object,
  ...change,
});
const annotated = (object: KubeObject, annotations: Record<string, string>): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, annotations: { ...object.metadata.annotations, ...annotations } },
});
const labelled = (object: KubeObject, labels: Record<string, string>): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, labels: { ...object.metadata.labels, ...labels } },
});
const spec = (object: KubeObject, change: object): KubeObject => ({
  ...object,
  spec: { ...(object['spec'] as object), ...change },
});
const simple = (apiVersion: string, kind: string, name: string, rest: object, namespace = 'default') =>
  ({ apiVersion, kind, metadata: { name, namespace }, ...rest }) as KubeObject;

const rule = (verb: string) => ({ apiGroups: [''], resources: ['pods'], verbs: [verb] });
const aggregated = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name: 'all' },
  aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
} as KubeObject;
const tokenSecret = (data: Record<string, string>, uid: string): KubeObject =>
  annotated(
    simple('v1', 'Secret', 't', {
      type: 'kubernetes.io/service-account-token',
      ...(Object.keys(data).length === 0 ? {} : { data }),
    }),
    { 'kubernetes.io/service-account.name': 'default', 'kubernetes.io/service-account.uid': uid },
  );
const service = simple('v1', 'Service', 'kubernetes', {
  spec: { ports: [{ port: 443 }], clusterIP: '10.96.0.9', type: 'ClusterIP' },
});

/** As the restarts on a change of the configuration leave it, with this hash. */
function hashed(object: KubeObject, hash: string): KubeObject {
  const { template } = object['spec'] as Deployment['spec'];
  const annotations = { ...template.metadata?.annotations, 'symphony.dev/config-hash': hash };
  return spec(annotated(object, { 'symphony.dev/config-hashes': `{"ConfigMap/a":"${hash}"}` }), {
    template: { ...template, metadata: { ...template.metadata, annotations } },
  });
}

describe('what a controller owns', () => {
  it.each<readonly [string, KubeObject, (live: KubeObject) => KubeObject]>([
    ['hashes of the configuration', aDeployment(), (live) => hashed(live, 'b')],
    ['exported hashes of the configuration', hashed(aDeployment(), 'a'), (live) => hashed(live, 'b')],
    [
      'rules of an aggregated role',
      { ...aggregated, rules: [] },
      (live) => withData(live, { rules: [rule('get')] }),
    ],
    [
      'old rules of an aggregated role',
      { ...aggregated, rules: [rule('list')] },
      (live) => withData(live, { rules: [rule('get')] }),
    ],
    [
      'rules of a role that only the live object aggregates',
      { ...omit(aggregated, 'aggregationRule'), rules: [rule('list')] },
      (live) => withData(live, { aggregationRule: aggregated['aggregationRule'], rules: [rule('get')] }),
    ],
    [
      'the revision of a Deployment',
      annotated(aDeployment({ name: 'web' }), { 'deployment.kubernetes.io/revision': '7' }),
      (live) => annotated(live, { 'deployment.kubernetes.io/revision': '1' }),
    ],
    [
      'the size of a ReplicaSet that a Deployment scales',
      annotated(aReplicaSet({ name: 'web-1', replicas: 3 }), {
        'deployment.kubernetes.io/desired-replicas': '3',
      }),
      (live) => {
        const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true };
        const scaled = annotated(spec(live, { replicas: 0 }), {
          'deployment.kubernetes.io/desired-replicas': '0',
        });
        return { ...scaled, metadata: { ...scaled.metadata, ownerReferences: [owner] } };
      },
    ],
    [
      'the token of an account',
      tokenSecret({ token: 'b2xk', 'ca.crt': 'b2xk', namespace: 'b2xk' }, 'old'),
      (live) =>
        annotated(withData(live, { data: { token: 'bmV3', 'ca.crt': 'bmV3', namespace: 'bmV3' } }), {
          'kubernetes.io/service-account.uid': 'new',
        }),
    ],
    [
      'the CA of a namespace',
      annotated(aConfigMap({ name: 'kube-root-ca.crt', data: { 'ca.crt': 'old' } }), {
        'kubernetes.io/description': 'old',
      }),
      (live) =>
        annotated(withData(live, { data: { 'ca.crt': 'new' } }), { 'kubernetes.io/description': 'new' }),
    ],
    ['the own Service', service, (live) => spec(live, { clusterIP: '10.96.0.1', clusterIPs: ['10.96.0.1'] })],
    [
      'the own endpoints',
      simple('v1', 'Endpoints', 'kubernetes', { subsets: [{ addresses: [{ ip: '10.9.9.2' }] }] }),
      (live) => withData(live, { subsets: [{ addresses: [{ ip: '10.9.9.3' }] }] }),
    ],
    [
      'the endpoints of a Service that selects pods',
      labelled(simple('v1', 'Endpoints', 'web', { subsets: [{ addresses: [{ ip: '10.9.9.2' }] }] }), {
        team: 'x',
      }),
      (live) =>
        withData(
          {
            ...live,
            metadata: {
              ...live.metadata,
              labels: { 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
            },
          },
          { subsets: [{ addresses: [{ ip: '10.9.9.3' }] }] },
        ),
    ],
    [
      'health taints, labels and addresses of a node',
      labelled(
        spec(aNode({ name: 'n' }), {
          podCIDR: '10.1.0.0/24',
          podCIDRs: ['10.1.0.0/24'],
          taints: [
            { key: 'node.kubernetes.io/unreachable', effect: 'NoExecute' },
            { key: 'mine', effect: 'NoSchedule' },
          ],
        }),
        { 'kubernetes.io/hostname': 'old', tier: 'a' },
      ),
      (live) =>
        labelled(
          spec(live, {
            podCIDR: '10.2.0.0/24',
            podCIDRs: ['10.2.0.0/24'],
            taints: [
              { key: 'mine', effect: 'NoSchedule' },
              { key: 'node.kubernetes.io/not-ready', effect: 'NoSchedule' },
            ],
          }),
          { 'kubernetes.io/hostname': 'n' },
        ),
    ],
    [
      'finalizers and the name label of a namespace',
      {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'shop', labels: { 'kubernetes.io/metadata.name': 'other' } },
        spec: { finalizers: ['example.com/x'] },
      },
      (live) => withData(live, { spec: { finalizers: ['kubernetes'] } }),
    ],
    [
      'who asked for a certificate',
      {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: 'c' },
        spec: {
          request: 'YQ==',
          signerName: 'example.com/s',
          usages: ['digital signature'],
          username: 'old',
        },
      },
      (live) => spec(live, { username: 'system:symphony:sync', groups: ['system:masters'] }),
    ],
    [
      'what took an annotation off an Application',
      annotated(
        simple('argoproj.io/v1alpha1', 'Application', 'a', {
          spec: { source: { repoURL: 'https://git.example/a.git' }, destination: {} },
          operation: { sync: {} },
        }),
        { 'argocd.argoproj.io/refresh': 'hard' },
      ),
      (live) => live,
    ],
    [
      'the renewal of a leader election',
      annotated(aConfigMap({ name: 'lock' }), { 'control-plane.alpha.kubernetes.io/leader': '{"t":1}' }),
      (live) => annotated(live, { 'control-plane.alpha.kubernetes.io/leader': '{"t":2}' }),
    ],
  ])('is not healed: %s', (_what, manifest, controllers) => {
    expect(differences(manifest, controllers)).not.toContain('for ever');
  });

  it('stays when the object is replaced as a whole', () => {
    const live = { ...created(aggregated), rules: [rule('get')] };
    const desired = normaliseDesired({ ...aggregated, rules: [] }, live);
    expect(replaceDesired(live, desired, 'a/b')).toMatchObject({ rules: [rule('get')] });
  });

  it('is taken out of what an earlier version applied, without removing it', () => {
    const live = { ...created(aggregated), rules: [rule('get')] };
    const before = marked({ ...live, rules: [] }, 'a/b');
    const applied = {
      ...live,
      metadata: { ...live.metadata, annotations: before.metadata.annotations ?? {} },
    };
    const kind = kindOf(live);
    const [change] = planChangeSet(
      createDesiredSet([{ kind, object: { ...aggregated, rules: [] }, origin: 'a.yaml:1' }]),
      () => applied,
      [],
      {
        application: 'a/b',
        prune: true,
        allowEmpty: false,
        historyComplete: true,
        syncOptions: [],
        ignore: [],
      },
    ).changes;
    expect(change!.object).toMatchObject({ rules: [rule('get')] });
  });
});

describe('an exported live object', () => {
  const samples = [
    ...storedSamples,
    ...rbacSamples,
    aPod(),
    aDeployment(),
    aReplicaSet(),
    aNode(),
    aConfigMap(),
  ];
  it.each(samples.map((object) => [object.kind, object] as const))(
    'of kind %s is at rest',
    (_kind, object) => {
      const live = created(object);
      const exported: KubeObject = {
        ...jsonClone(live),
        metadata: {
          ...live.metadata,
          uid: 'old',
          resourceVersion: '7',
          generation: 9,
          creationTimestamp: '2020-01-01T00:00:00Z',
          selfLink: '/x',
          managedFields: [{ manager: 'kubectl' }],
          ownerReferences: [{ apiVersion: 'v1', kind: 'X', name: 'x', uid: 'gone', controller: true }],
          annotations: { 'symphony.dev/changed-by': '2026-01-01T00:00:00Z alice' },
        },
        status: { phase: 'Old', replicas: 7 },
      };
      expect(differences(exported, (current) => current)).toEqual([]);
      expect(normaliseDesired(exported).metadata.ownerReferences).toBeUndefined();
    },
  );
});
