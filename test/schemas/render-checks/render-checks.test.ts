import { describe, expect, it } from 'vitest';
import { readManifests, validateManifests } from '../../../src/schemas/manifest/index.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';
import {
  checkRender,
  type ClusterView,
  missingTargets,
  type Target,
} from '../../../src/schemas/render-checks/index.ts';

interface Given {
  readonly level?: 'privileged' | 'baseline' | 'restricted';
  readonly cluster?: ClusterView;
}

function warningsFor(text: string, { level = 'baseline', cluster }: Given = {}): readonly string[] {
  const { documents, errors } = readManifests({ path: 'a.yaml', bytes: Buffer.from(text) });
  expect(errors).toEqual([]);
  const { objects, refused } = validateManifests(documents, builtinRegistry);
  return checkRender(objects, { defaultPodSecurity: level, cluster, refused }).map(
    ({ path, message }) => `${path}: ${message}`,
  );
}

const pod = (spec: string, namespace = 'default'): string =>
  `---\n{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: ${namespace}}, spec: {${spec}}}\n`;
const deployment = (spec: string): string =>
  `---\n{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {${spec}}}}}\n`;
const object = (kind: string, name: string, rest = '', apiVersion = 'v1'): string =>
  `---\n{apiVersion: ${apiVersion}, kind: ${kind}, metadata: {name: ${name}}${rest}}\n`;
const withEnv = (env: string): string => `containers: [{name: c, image: i, ${env}}]`;
const C = 'containers: [{name: c, image: i}]';
const missing = (kind: string, name: string, when: string, namespace = 'default'): string =>
  `${kind} "${name}" is not among these manifests: it must exist in namespace "${namespace}" ${when}`;
const STARTS = 'when the pod starts';

describe('references that lead nowhere', () => {
  const CLAIM = 'accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}';
  const claim = (spec: string): string => object('PersistentVolumeClaim', 'c', `, spec: {${CLAIM}, ${spec}}`);
  const stateful = object(
    'StatefulSet',
    's',
    `, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {${C}}}, volumeClaimTemplates: [{metadata: {name: d}, spec: {${CLAIM}, storageClassName: fast}}]}`,
    'apps/v1',
  );
  const ephemeral = pod(
    `${C}, volumes: [{name: v, ephemeral: {volumeClaimTemplate: {spec: {${CLAIM}, storageClassName: fast}}}}]`,
  );
  const volume = object(
    'PersistentVolume',
    'v',
    ', spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: fast, hostPath: {path: /d}}',
  );

  it.each([
    [claim('storageClassName: fast'), 'spec.storageClassName'],
    [stateful, 'spec.volumeClaimTemplates[0].spec.storageClassName'],
    [ephemeral, 'spec.volumes[0].ephemeral.volumeClaimTemplate.spec.storageClassName'],
  ])('names the missing class of %s', (text, path) => {
    const message =
      'StorageClass "fast" is not among these manifests: it must exist unless a PersistentVolume of this class is made by hand';
    expect(warningsFor(text)).toEqual([`${path}: ${message}`]);
    const fast = object('StorageClass', 'fast', ', provisioner: x', 'storage.k8s.io/v1');
    expect(warningsFor(text + fast)).toEqual([]);
    expect(warningsFor(text + volume)).toEqual([]);
  });

  it.each(['local', 'standard', 'local-path', '""'])('does not miss the class %s', (name) => {
    expect(warningsFor(claim(`storageClassName: ${name}`))).toEqual([]);
  });

  it('does not miss the class of a claim that names its volume', () => {
    expect(warningsFor(claim('storageClassName: fast, volumeName: v'))).toEqual([]);
  });

  it.each([
    [
      `${C}, serviceAccountName: s`,
      'serviceAccountName',
      missing('ServiceAccount', 's', 'when pods are created'),
    ],
    [`${C}, serviceAccount: s`, 'serviceAccount', missing('ServiceAccount', 's', 'when pods are created')],
    [
      `${C}, imagePullSecrets: [{name: s}]`,
      'imagePullSecrets[0].name',
      missing('Secret', 's', 'when images are pulled'),
    ],
    [
      `${C}, volumes: [{name: v, configMap: {name: m}}]`,
      'volumes[0].configMap.name',
      missing('ConfigMap', 'm', STARTS),
    ],
    [
      `${C}, volumes: [{name: v, secret: {secretName: s}}]`,
      'volumes[0].secret.secretName',
      missing('Secret', 's', STARTS),
    ],
    [
      `${C}, volumes: [{name: v, projected: {sources: [{secret: {name: s}}]}}]`,
      'volumes[0].projected.sources[0].secret.name',
      missing('Secret', 's', STARTS),
    ],
    [
      withEnv('envFrom: [{configMapRef: {name: m}}]'),
      'containers[0].envFrom[0].configMapRef.name',
      missing('ConfigMap', 'm', STARTS),
    ],
    [
      withEnv('env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]'),
      'containers[0].env[0].valueFrom.secretKeyRef.name',
      missing('Secret', 's', STARTS),
    ],
    [
      `${C}, initContainers: [{name: d, image: i, envFrom: [{secretRef: {name: s}}]}]`,
      'initContainers[0].envFrom[0].secretRef.name',
      missing('Secret', 's', STARTS),
    ],
    [
      `${C}, runtimeClassName: r`,
      'runtimeClassName',
      'RuntimeClass "r" is not among these manifests: it must exist when pods are created',
    ],
  ])('%s', (spec, path, message) => {
    expect(warningsFor(pod(spec))).toEqual([`spec.${path}: ${message}`]);
    expect(warningsFor(deployment(spec))).toEqual([`spec.template.spec.${path}: ${message}`]);
  });

  it.each([
    `${C}, serviceAccountName: default`,
    `${C}, priorityClassName: system-node-critical`,
    `${C}, volumes: [{name: v, configMap: {name: kube-root-ca.crt}}]`,
    `${C}, volumes: [{name: v, secret: {secretName: s, optional: true}}]`,
    `${C}, volumes: [{name: v, projected: {sources: [{configMap: {name: m, optional: true}}, {serviceAccountToken: {path: t}}]}}]`,
    withEnv('envFrom: [{secretRef: {name: s, optional: true}}]'),
    withEnv('env: [{name: A, valueFrom: {configMapKeyRef: {name: m, key: k, optional: true}}}]'),
    withEnv('env: [{name: A, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]'),
  ])('nothing is said of what is optional or made by the system: %s', (spec) =>
    expect(warningsFor(pod(spec))).toEqual([]),
  );

  it('the namespace counts, and another one is named', () => {
    const text = `${object('ConfigMap', 'm')}${pod(`${C}, volumes: [{name: v, configMap: {name: m}}]`, 'other')}`;
    expect(warningsFor(text)).toEqual([
      `spec.volumes[0].configMap.name: ${missing('ConfigMap', 'm', STARTS, 'other')}`,
    ]);
  });

  it('a key that the object lacks is missed, in its data, binaryData and stringData', () => {
    const uses = (kind: string, name: string, key: string): string =>
      withEnv(`env: [{name: A, valueFrom: {${kind}KeyRef: {name: ${name}, key: ${key}}}}]`);
    const objects = `${object('ConfigMap', 'm', ', data: {a: b}, binaryData: {c: aGk=}')}${object('Secret', 's', ', stringData: {d: e}')}`;
    for (const [kind, name, key] of [
      ['configMap', 'm', 'a'],
      ['configMap', 'm', 'c'],
      ['secret', 's', 'd'],
    ] as const)
      expect(warningsFor(objects + pod(uses(kind, name, key)))).toEqual([]);
    expect(warningsFor(objects + pod(uses('configMap', 'm', 'x')))).toEqual([
      'spec.containers[0].env[0].valueFrom.configMapKeyRef.key: ConfigMap "m" has no key "x": the pod does not start without it',
    ]);
    const volume = `${C}, volumes: [{name: v, secret: {secretName: s, items: [{key: d, path: a}, {key: x, path: b}]}}]`;
    expect(warningsFor(objects + pod(volume))).toEqual([
      'spec.volumes[0].secret.items[1].key: Secret "s" has no key "x": the pod does not start without it',
    ]);
  });

  it('the keys of a token are filled in by the system', () => {
    const token = object('Secret', 't', ', type: kubernetes.io/service-account-token');
    const spec = withEnv('env: [{name: A, valueFrom: {secretKeyRef: {name: t, key: token}}}]');
    expect(warningsFor(token + pod(spec))).toEqual([]);
  });

  it('one object is told once of each name', () => {
    const twice = withEnv('envFrom: [{secretRef: {name: s}}, {secretRef: {name: s}}]');
    expect(warningsFor(pod(twice))).toHaveLength(1);
  });

  it('what is written with an error counts as there: its error says enough', () => {
    const broken = `${object('Secret', 's', ', data: {a: "not base64!"}')}${object('Service', 'web', ', spec: {selector: {app: d}, ports: [{port: 80}]}')}`;
    const disk = deployment(`${C}, volumes: [{name: v, csi: {driver: d.example}}]`);
    expect(warningsFor(broken + disk + pod(withEnv('envFrom: [{secretRef: {name: s}}]')))).toEqual([]);
  });

  it('a service account names pull secrets, too', () => {
    const account = object('ServiceAccount', 'a', ', imagePullSecrets: [{name: s}]');
    expect(warningsFor(account)).toEqual([
      `imagePullSecrets[0].name: ${missing('Secret', 's', 'when images are pulled')}`,
    ]);
  });
});

describe('Services', () => {
  const service = (selector: string, more = ''): string =>
    object('Service', 'web', `, spec: {selector: {${selector}}, ports: [{port: 80}]${more}}`);

  it('one that selects no pod leads nowhere', () => {
    expect(warningsFor(service('app: nothing'))).toEqual([
      'spec.selector: no pod of these manifests in namespace "default" has the labels app=nothing: the Service leads nowhere without one',
    ]);
  });

  it.each([
    ['a template', `${service('app: d')}${deployment(C)}`],
    ['labels that controllers add', service('statefulset.kubernetes.io/pod-name: web-0')],
    ['no selector', object('Service', 'web', ', spec: {ports: [{port: 80}]}')],
    ['a name of elsewhere', service('app: x', ', type: ExternalName, externalName: a.example')],
    [
      'pods of a kind that is refused',
      `${service('app: s')}${object('StatefulSet', 's', ', spec: {template: {metadata: {labels: {app: s}}}}', 'apps/v1')}`,
    ],
  ])('but for %s', (_name, text) => {
    expect(warningsFor(text).filter((warning) => warning.startsWith('spec.selector'))).toEqual([]);
  });

  it('the operator of a custom object makes pods with its name, whether its definition is known or not', () => {
    const service = `---\n{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {selector: {cluster-name: pg, role: master}, ports: [{port: 1}]}}\n`;
    expect(warningsFor(service)).toHaveLength(1);
    expect(warningsFor(service + object('Postgres', 'pg', '', 'acid.zalan.do/v1'))).toEqual([]);
    expect(warningsFor(service + object('Postgres', 'other', '', 'acid.zalan.do/v1'))).toHaveLength(1);
    expect(warningsFor(service + object('ConfigMap', 'pg'))).toHaveLength(1);
  });

  it('every label has to match', () => {
    expect(warningsFor(`${service('app: d, tier: x')}${deployment(C)}`)).toHaveLength(1);
  });
});

describe('Pod Security', () => {
  const PORT = 'containers: [{name: c, image: i, ports: [{containerPort: 80, hostPort: 80}]}]';
  const SAYS = 'would violate PodSecurity "baseline:latest": hostPort (container "c" uses hostPort 80)';
  const namespace = (labels: string): string =>
    `---\n{apiVersion: v1, kind: Namespace, metadata: {name: default, labels: {${labels}}}}\n`;
  const enforce = (level: string): string => `pod-security.kubernetes.io/enforce: ${level}`;

  it('speaks as the admission does, of pods and of templates', () => {
    expect(warningsFor(pod(PORT))).toEqual([`spec: ${SAYS}`]);
    expect(warningsFor(deployment(PORT))).toEqual([`spec.template.spec: ${SAYS}`]);
  });

  it('the level is that of the Namespace among the manifests, or else the default', () => {
    expect(warningsFor(pod(PORT), { level: 'privileged' })).toEqual([]);
    expect(warningsFor(namespace(enforce('privileged')) + pod(PORT))).toEqual([]);
    expect(warningsFor(namespace(enforce('restricted')) + pod(C), { level: 'privileged' })[0]).toContain(
      'would violate PodSecurity "restricted:latest"',
    );
    expect(warningsFor(pod(PORT, 'kube-system'))).toEqual([]);
    // Modes that only warn or audit refuse nothing.
    expect(warningsFor(namespace('pod-security.kubernetes.io/warn: restricted') + pod(C))).toEqual([]);
  });
});

describe('with a cluster', () => {
  const live: Readonly<Record<string, KubeObject>> = {
    'secrets/default/there': {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'there' },
      data: { a: '' },
    },
    'namespaces/open': {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'open', labels: { 'pod-security.kubernetes.io/enforce': 'privileged' } },
    },
  };
  const cluster: ClusterView = {
    find: ({ resource, namespace, name }: Target) =>
      name === 'forbidden' ? 'unknown' : live[[resource, namespace, name].filter(Boolean).join('/')],
    podsIn: () => [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', labels: { app: 'live' } } }],
  };
  const uses = (name: string): string => pod(withEnv(`envFrom: [{secretRef: {name: ${name}}}]`));

  it('what is there is no warning, what is not is said for sure, what may not be read stays open', () => {
    expect(warningsFor(uses('there'), { cluster })).toEqual([]);
    expect(warningsFor(uses('gone'), { cluster })[0]).toContain(
      'is neither among these manifests nor in the cluster',
    );
    expect(warningsFor(uses('forbidden'), { cluster })[0]).toContain('is not among these manifests: it must');
    const key = pod(withEnv('env: [{name: A, valueFrom: {secretKeyRef: {name: there, key: x}}}]'));
    expect(warningsFor(key, { cluster })[0]).toContain('Secret "there" has no key "x"');
  });

  it('labels of namespaces and pods of the cluster count', () => {
    const host = `${C}, hostNetwork: true`;
    expect(warningsFor(pod(host, 'open'), { cluster })).toEqual([]);
    expect(warningsFor(pod(host), { cluster })).toHaveLength(1);
    const service = (app: string) =>
      object('Service', 'web', `, spec: {selector: {app: ${app}}, ports: [{port: 80}]}`);
    expect(warningsFor(service('live'), { cluster })).toEqual([]);
    expect(warningsFor(service('dead'), { cluster })[0]).toContain(
      'no pod of these manifests or of the cluster',
    );
  });

  it('only what the render lacks has to be asked for', () => {
    const text = `${object('Secret', 'here')}${uses('here')}${uses('gone')}`;
    const { documents } = readManifests({ path: 'a.yaml', bytes: Buffer.from(text) });
    const { objects } = validateManifests(documents.slice(0, 2), builtinRegistry);
    expect(missingTargets(objects)).toEqual([]);
  });
});
