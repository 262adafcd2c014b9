import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isRecord, jsonEqual } from '../../src/base/json.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { fieldErrorText } from '../../src/schemas/errors/status.ts';
import { planDelete, prepareCreate, prepareUpdate } from '../../src/schemas/strategy/index.ts';
import { deepFreeze } from '../support/deep-freeze.ts';
import { customSamples } from './custom-samples.ts';
import { gatewaySamples } from './gateway-samples.ts';
import { rbacSamples } from './rbac-samples.ts';
import { idleSamples, storedSamples } from './stored-samples.ts';
import { casesOf, createContext, inTestNamespace, kindOf, readFact } from './facts.ts';

/** Made by openssl; its key is kept nowhere. */
const signingRequest: KubeObject = {
  apiVersion: 'certificates.k8s.io/v1',
  kind: 'CertificateSigningRequest',
  metadata: { name: 'a' },
  spec: {
    request: [
      'LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlIWk1JR0JBZ0VBTUI4eER6QU5CZ05WQkFvTUJuQmxiM0Jz',
      'WlRFTU1Bb0dBMVVFQXd3RFlXNXVNRmt3RXdZSApLb1pJemowQ0FRWUlLb1pJemowREFRY0RRZ0FFWjRpT2N3QUNUUUdTMnk1',
      'eFRPNEpSZXp2S3VNMkV2NmYxSHZHCitHaEplcWhOcjNYK3pKR2QwSjRhdTNpaHhPWnRYMTUvNmVpaGlNRWJoSklBYmRXU1hx',
      'QUFNQW9HQ0NxR1NNNDkKQkFNQ0EwY0FNRVFDSUMyK2hEalZqSWRHRERHd0FXZlBmQ3A3elJQU3lWZkdjdHBqVTg0RHQrUlFB',
      'aUJaVmpITwpCYi9vRmFtMFUremZ5ZGlab0RUWGxmQWNFK2NMUWNJZFJySkhsZz09Ci0tLS0tRU5EIENFUlRJRklDQVRFIFJF',
      'UVVFU1QtLS0tLQo=',
    ].join(''),
    signerName: 'kubernetes.io/kube-apiserver-client',
    usages: ['client auth'],
  },
};

const application: KubeObject = {
  apiVersion: 'argoproj.io/v1alpha1',
  kind: 'Application',
  metadata: { name: 'a', namespace: 'testns' },
  spec: {
    source: { repoURL: 'https://git.example.com/a.git', path: 'deploy', targetRevision: 'main' },
    destination: { namespace: 'x' },
    syncPolicy: {
      automated: {},
      syncOptions: ['CreateNamespace=true'],
      retry: { limit: 3, backoff: { duration: '5s', factor: 2 } },
    },
  },
};
const node: KubeObject = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'n1' },
  spec: { taints: [{ key: 'a', effect: 'NoSchedule' }], podCIDRs: ['10.1.0.0/24'] },
  status: { capacity: { cpu: '4' }, conditions: [] },
};
const namespace: KubeObject = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a' } };
const event: KubeObject = {
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: 'e', namespace: 'testns' },
  involvedObject: { kind: 'Pod', namespace: 'testns', name: 'a' },
};
const account: KubeObject = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: { name: 'a', namespace: 'testns' },
};

const configMap: KubeObject = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'a', namespace: 'testns' },
  data: { k: 'v' },
  binaryData: { b: 'AAEC' },
  immutable: true,
};
const replicaSet: KubeObject = {
  apiVersion: 'apps/v1',
  kind: 'ReplicaSet',
  metadata: { name: 'a', namespace: 'testns' },
  spec: {
    selector: { matchExpressions: [{ key: 'app', operator: 'In', values: ['a'] }] },
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'web:1' }] } },
  },
};

const replicationController: KubeObject = {
  apiVersion: 'v1',
  kind: 'ReplicationController',
  metadata: { name: 'a', namespace: 'testns' },
  spec: {
    template: { metadata: { labels: { app: 'a' } }, spec: { containers: [{ name: 'c', image: 'web:1' }] } },
  },
};

const [claimSpec, metadata] = [
  { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
  { name: 'a' },
];
const volumeSpec = {
  accessModes: ['ReadWriteOnce'],
  capacity: { storage: '1Gi' },
  hostPath: { path: '/x' },
};
const storageSamples: readonly KubeObject[] = [
  { apiVersion: 'v1', kind: 'PersistentVolume', metadata, spec: volumeSpec },
  {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { ...metadata, namespace: 'testns' },
    spec: claimSpec,
  },
  { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata, provisioner: 'example.com/p' },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIDriver',
    metadata,
    spec: { tokenRequests: [{ audience: 'a', expirationSeconds: 600 }], volumeLifecycleModes: ['Ephemeral'] },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata,
    spec: { drivers: [{ name: 'd', nodeID: 'i', topologyKeys: ['a'], allocatable: { count: 1 } }] },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSIStorageCapacity',
    metadata: { ...metadata, namespace: 'testns' },
    storageClassName: 's',
    capacity: '1Gi',
    nodeTopology: { matchLabels: { a: 'b' } },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttachment',
    metadata,
    spec: { attacher: 'a', nodeName: 'n', source: { persistentVolumeName: 'v' } },
    status: { attached: true, attachError: { message: 'm' } },
  },
  {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'VolumeAttributesClass',
    metadata,
    driverName: 'd',
    parameters: { a: 'b' },
  },
];

/** One valid object and more of every kind. */
const autoscaler: KubeObject = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'a', namespace: 'a' },
  spec: {
    scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'a' },
    maxReplicas: 3,
    behavior: { scaleUp: { policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }] } },
  },
};
const addressGroup: KubeObject = {
  apiVersion: 'symphony.dev/v1alpha1',
  kind: 'AddressGroup',
  metadata: { name: 'a' },
  spec: { namespace: 'testns', podSelector: { matchLabels: { app: 'a' } } },
  addresses: [{ ip: '10.9.9.1', ports: [{ name: 'http', protocol: 'TCP', port: 80 }] }],
};
const samples: readonly KubeObject[] = [
  ...casesOf('api/defaulting').map((name) =>
    inTestNamespace(readFact<KubeObject>(`api/defaulting/${name}/input.yaml`)),
  ),
  application,
  signingRequest,
  addressGroup,
  node,
  namespace,
  event,
  account,
  autoscaler,
  configMap,
  replicaSet,
  replicationController,
  ...storedSamples,
  ...idleSamples,
  ...storageSamples,
  ...rbacSamples,
  ...customSamples,
  ...gatewaySamples,
].map(deepFreeze);

/** Every path of an object, from the root down. */
function pathsOf(value: unknown, path: readonly (string | number)[] = []): (string | number)[][] {
  const own = [[...path]];
  if (Array.isArray(value))
    return [...own, ...value.flatMap((item, index) => pathsOf(item, [...path, index]))];
  if (!isRecord(value)) return own;
  return [...own, ...Object.entries(value).flatMap(([name, member]) => pathsOf(member, [...path, name]))];
}

function replaceAt(value: unknown, path: readonly (string | number)[], replacement: unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return replacement;
  if (Array.isArray(value))
    return value.map((item, index) => (index === step ? replaceAt(item, rest, replacement) : item));
  return {
    ...(value as object),
    [step]: replaceAt((value as Record<string, unknown>)[step], rest, replacement),
  };
}

const anyJson = fc.oneof(
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 2 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(null, '', 0, -1, {}, [], [null], '\u001b[31m\n', {
      __proto__: null,
      constructor: 'x',
    }),
  },
);

const textOf = (errors: readonly Parameters<typeof fieldErrorText>[0][]): string =>
  errors.map(fieldErrorText).join('\n');

describe('every kind', () => {
  it('has a sample here that is accepted, and all that is registered has one', () => {
    for (const sample of samples) {
      const kind = kindOf(sample);
      const created = prepareCreate(kind, sample, createContext);
      expect(kind.checkStructure(sample), sample.kind).toEqual([]);
      expect(kind.validate(created), sample.kind).toEqual([]);
    }
    const kinds = new Set(samples.map(kindOf));
    expect(builtinRegistry.kinds.filter((kind) => !kinds.has(kind)).map(({ kind }) => kind)).toEqual([]);
  });

  it('takes defaults only once, and an unchanged update for none', () => {
    for (const sample of samples) {
      const kind = kindOf(sample);
      const defaulted = deepFreeze(kind.withDefaults(sample));
      expect(jsonEqual(kind.withDefaults(defaulted), defaulted), sample.kind).toBe(true);
      const created = deepFreeze(prepareCreate(kind, sample, createContext));
      expect(prepareUpdate(kind, created, created, { nowMs: 0 }), sample.kind).toBe(created);
      expect(prepareUpdate(kind, created, created, { nowMs: 0, subresource: 'status' })).toBe(created);
    }
  });

  it('survives any JSON in place of any of its parts, changes no input and shows no control character', () => {
    const damaged = fc.constantFrom(...samples).chain((sample) =>
      fc.record({
        sample: fc.constant(sample),
        path: fc.constantFrom(...pathsOf(sample)),
        replacement: anyJson,
      }),
    );
    fc.assert(
      fc.property(damaged, ({ sample, path, replacement }) => {
        const kind = kindOf(sample);
        const broken = deepFreeze(replaceAt(sample, path, replacement)) as KubeObject;
        if (!isRecord(broken)) return;
        kind.checkStructure(broken);
        const defaulted = deepFreeze(kind.withDefaults(broken));
        expect(jsonEqual(kind.withDefaults(defaulted), defaulted)).toBe(true);
        const created = deepFreeze(prepareCreate(kind, broken, createContext));
        const current = deepFreeze(prepareCreate(kind, sample, createContext));
        const errors = [
          ...kind.validate(broken),
          ...kind.validate(created),
          ...kind.validateUpdate(created, current),
          ...kind.validateUpdate(current, created),
        ];
        // Only the list of changed pod fields has lines of its own.
        expect(textOf(errors)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
        const updated = deepFreeze(prepareUpdate(kind, current, broken, { nowMs: 0 }));
        // A body whose metadata is none gets no further than the check of its structure.
        if (isRecord(broken.metadata)) {
          expect(prepareUpdate(kind, updated, updated, { nowMs: 0 })).toBe(updated);
        }
        planDelete(kind, created, {}, 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('refuses names that would write to a terminal or reach out of a directory', () => {
    const hostile = ['\u001b[31mred', 'a\nb', '..', 'a/b'];
    for (const name of [...hostile, '-x', 'A', 'а', 'x'.repeat(254)]) {
      for (const sample of [namespace, node, event, account, application]) {
        // Names of events are segments of a path, no more.
        if (sample === event && !hostile.includes(name)) continue;
        const errors = kindOf(sample).validate({ ...sample, metadata: { ...sample.metadata, name } });
        expect(errors.map((error) => error.path)).toContain('metadata.name');
      }
    }
  });
});

describe('applications', () => {
  const errorsOf = (spec: Record<string, unknown>): string =>
    textOf(
      kindOf(application).validate({ ...application, spec: { ...(application['spec'] as object), ...spec } }),
    );

  it.each([
    [{ source: null }, 'spec.source: Required value'],
    [{ source: {} }, 'spec.source.repoURL: Required value'],
    [
      { source: { repoURL: '--upload-pack=x' } },
      'spec.source.repoURL: Invalid value: "--upload-pack=x": must be the URL or the absolute path of a repository',
    ],
    [
      { source: { repoURL: '/srv/a', path: '../b' } },
      `spec.source.path: Invalid value: "../b": must not contain '..'`,
    ],
    [
      { source: { repoURL: '/srv/a', targetRevision: '--force' } },
      'spec.source.targetRevision: Invalid value: "--force": must be a branch, a tag or a commit',
    ],
    [{ destination: null }, 'spec.destination: Required value'],
    [
      { destination: { server: 'x', name: 'y' } },
      'spec.destination.name: Forbidden: may not be specified when `server` is set',
    ],
    [
      { syncPolicy: { syncOptions: ['Prune'] } },
      'spec.syncPolicy.syncOptions[0]: Invalid value: "Prune": must have the form Name=value',
    ],
    [
      { syncPolicy: { retry: { backoff: { duration: 'soon' } } } },
      `spec.syncPolicy.retry.backoff.duration: Invalid value: "soon": must be a duration, such as '5s' or '3m'`,
    ],
  ])('%j: %s', (spec, text) => {
    expect(errorsOf(spec)).toBe(text);
  });
});
