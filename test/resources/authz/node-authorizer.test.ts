import { describe, expect, it } from 'vitest';
import { createNodeAuthorizer } from '../../../src/resources/authz/node-authorizer.ts';
import type { ResourceAttributes } from '../../../src/resources/authz/types.ts';
import type { UserInfo } from '../../../src/resources/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';

const own: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'mine', namespace: 'default' },
  spec: {
    nodeName: 'n1',
    imagePullSecrets: [{ name: 'pull' }],
    serviceAccountName: 'runner',
    volumes: [
      { name: 'v', secret: { secretName: 'mounted' } },
      { name: 'd', persistentVolumeClaim: { claimName: 'data' } },
    ],
    containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'env' } }] }],
  },
};
const other: KubeObject = { ...own, metadata: { ...own.metadata, name: 'theirs' }, spec: { nodeName: 'n2' } };

const volumes = new Map(
  [
    ['local-1', 'n1'],
    ['local-2', 'n2'],
  ].map(([name = '', on = '']) => [
    name,
    {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, labels: { 'symphony.dev/node': on } },
    } satisfies KubeObject,
  ]),
);

const authorizer = createNodeAuthorizer({
  pod: async (_namespace, name) => [own, other].find((pod) => pod.metadata.name === name),
  podsOf: async (node) => (node === 'n1' ? [own] : []),
  claim: async (_namespace, name) =>
    name === 'data'
      ? {
          apiVersion: 'v1',
          kind: 'PersistentVolumeClaim',
          metadata: { name, namespace: 'default' },
          spec: { volumeName: 'disk' },
        }
      : undefined,
  volume: async (name) => volumes.get(name),
  signingRequest: async (name) => ({
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name },
    spec: { username: name === 'mine' ? 'system:node:n1' : 'system:node:n2' },
  }),
  ingresses: async (namespace) =>
    namespace === 'default'
      ? [
          {
            apiVersion: 'networking.k8s.io/v1',
            kind: 'Ingress',
            metadata: { name: 'web', namespace },
            spec: { tls: [{ secretName: 'cert' }, { secretName: 'opaque' }, { secretName: 'gone' }] },
          },
        ]
      : [],
  isGatewaySecret: async (namespace, name) => namespace === 'infra' && name === 'shown',
  secret: async (_namespace, name) =>
    name === 'gone'
      ? undefined
      : { ...own, kind: 'Secret', type: name === 'opaque' ? 'Opaque' : 'kubernetes.io/tls' },
  node: async (name) => ({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'symphony.dev/ingress': String(name === 'n1') } },
  }),
  refresh: async () => undefined,
});

const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
/** It has the right name, but is not of the group. */
const impostor: UserInfo = { name: 'system:node:n1', groups: ['system:authenticated'] };

/** The host's network is made of these. */
const NETWORK_KINDS = [
  'services',
  'endpointslices.discovery.k8s.io',
  'nodes',
  'namespaces',
  'networkpolicies.networking.k8s.io',
  'addressgroups.symphony.dev',
  'ingresses.networking.k8s.io',
  'ingressclasses.networking.k8s.io',
];

/** `verb resource[/subresource] [namespace/]name [selector]`. */
function asked(text: string): ResourceAttributes {
  const [verb = '', path = '', place = '-', selector] = text.split(' ');
  const [full = '', subresource] = path.split('/');
  const [resource = '', ...group] = full.split('.');
  const [first, second] = place.split('/');
  const name = place === '-' ? undefined : (second ?? first);
  return {
    verb,
    group: group.join('.'),
    resource,
    subresource,
    namespace: second === undefined ? undefined : first,
    name: name === '*' ? undefined : name,
    ...(selector?.startsWith('labels:')
      ? { fieldSelector: undefined, labelSelector: selector.slice('labels:'.length) }
      : { fieldSelector: selector }),
  };
}

const may = async (user: UserInfo, text: string): Promise<boolean> =>
  (await authorizer.authorize(user, asked(text)))?.allowed ?? false;

describe('what a node may do', () => {
  it.each([
    'create nodes',
    'get nodes n1',
    'patch nodes/status n1',
    'update nodes n1',
    'list nodes - metadata.name=n1',
    'watch nodes - metadata.name=n1',
    'create leases.coordination.k8s.io kube-node-lease/*',
    'update leases.coordination.k8s.io kube-node-lease/n1',
    'list pods - spec.nodeName=n1',
    'watch pods - spec.nodeName=n1,status.phase!=Failed',
    'get pods default/mine',
    'patch pods/status default/mine',
    'delete pods default/mine',
    'get pods default/absent',
    'get secrets default/pull',
    'get secrets default/mounted',
    'get configmaps default/env',
    'watch configmaps default/* metadata.name=env',
    'create events default/*',
    'patch events default/e',
    'list services',
    ...NETWORK_KINDS.flatMap((kind) => [`list ${kind}`, `watch ${kind}`]),
    'get clusterstate.symphony.dev',
    'create nodes.symphony.dev/tunnel n1',
    'create pods/eviction default/mine',
    'get persistentvolumeclaims default/data',
    'get persistentvolumes disk',
    'get persistentvolumes local-1',
    'patch persistentvolumes local-1',
    'watch persistentvolumes - labels:symphony.dev/node=n1',
    'create serviceaccounts/token default/runner',
    'create certificatesigningrequests.certificates.k8s.io',
    'get certificatesigningrequests.certificates.k8s.io mine',
    'watch certificatesigningrequests.certificates.k8s.io - metadata.name=mine',
  ])('%s', async (text) => expect(await may(node, text)).toBe(true));
});

describe('what a node may not do', () => {
  it.each([
    ...NETWORK_KINDS.flatMap((kind) => [
      `create ${kind}`,
      `update ${kind} default/x`,
      `delete ${kind} default/x`,
    ]).filter((text) => text !== 'create nodes'),
    'get nodes n2',
    'get nodes/status n2',
    'patch nodes/status n2',
    'delete nodes n2',
    'update leases.coordination.k8s.io kube-node-lease/n2',
    'update leases.coordination.k8s.io kube-system/n1',
    'list pods',
    'list pods - spec.nodeName=n2',
    'list pods - spec.nodeName!=n1',
    'get pods default/theirs',
    'patch pods/status default/theirs',
    'delete pods default/theirs',
    'create pods default/*',
    'patch pods default/mine',
    'update pods default/mine',
    'create pods/binding default/mine',
    'create pods/exec default/mine',
    'get secrets default/unrelated',
    'get secrets other/pull',
    'list secrets default/*',
    'watch secrets',
    'update secrets default/pull',
    'delete configmaps default/env',
    'get deployments.apps default/web',
    'create serviceaccounts default/*',
    'deletecollection events default/*',
    'create nodes.symphony.dev/tunnel n2',
    'create nodes.symphony.dev/restore n2',
    'create pods/eviction default/theirs',
    'get pods/log default/mine',
    'get persistentvolumeclaims default/other',
    'update persistentvolumeclaims default/data',
    'get persistentvolumes another',
    'list persistentvolumes',
    'get persistentvolumes local-2',
    'update persistentvolumes local-2',
    'patch persistentvolumes disk',
    'patch persistentvolumes/status local-1',
    'delete persistentvolumes local-1',
    'create persistentvolumes',
    'list persistentvolumes - labels:symphony.dev/node=n2',
    'list persistentvolumes - labels:symphony.dev/node',
    'list persistentvolumes - labels:x=y,symphony.dev/node=n1,z',
    'list persistentvolumes - symphony.dev/node=n1',
    'create serviceaccounts/token default/default',
    'create serviceaccounts/token other/runner',
    'get serviceaccounts default/runner',
    'get certificatesigningrequests.certificates.k8s.io theirs',
    'list certificatesigningrequests.certificates.k8s.io',
    'update certificatesigningrequests.certificates.k8s.io/approval mine',
    'list roles.rbac.authorization.k8s.io default/*',
    'deletecollection pods default/*',
    'deletecollection leases.coordination.k8s.io kube-node-lease/*',
  ])('%s', async (text) => expect(await may(node, text)).toBe(false));
});

describe('a node that serves Ingresses', () => {
  const other: UserInfo = { ...node, name: 'system:node:n2' };
  it.each([
    ['reads a certificate that one names', node, 'get secrets default/cert', true],
    ['does not follow it, since its type may change', node, 'watch secrets default/cert', false],
    ['does not write it', node, 'update secrets default/cert', false],
    ['reads no other type', node, 'get secrets default/opaque', false],
    ['reads none that may get another type', node, 'get secrets default/gone', false],
    ['reads none that no Ingress names', node, 'get secrets default/unrelated', false],
    ['reads none of another namespace', node, 'get secrets other/cert', false],
    ['does not list them', node, 'list secrets default/*', false],
    ['has the label', other, 'get secrets default/cert', false],
  ] as const)('%s', async (_, user, text, expected) => expect(await may(user, text)).toBe(expected));
});

describe('everybody else', () => {
  it('is none of its business, a node by name alone included', async () => {
    expect(await authorizer.authorize(impostor, asked('get nodes n1'))).toBeUndefined();
  });
});

describe('a refusal', () => {
  it('looks again before it is given, since a pod may have been bound a moment ago', async () => {
    let bound: KubeObject = { ...own, spec: { nodeName: 'n2' } };
    const late = createNodeAuthorizer({
      pod: async () => bound,
      podsOf: async () => [],
      claim: async () => undefined,
      volume: async () => undefined,
      signingRequest: async () => undefined,
      isGatewaySecret: async () => false,
      ingresses: async () => [],
      secret: async () => undefined,
      node: async () => undefined,
      refresh: async () => {
        bound = own;
      },
    });
    expect(await late.authorize(node, asked('patch pods/status default/mine'))).toEqual({ allowed: true });
  });

  it.each([
    ['get nodes', "node 'n1' cannot read all nodes, only its own Node object"],
    ['get nodes n2', "node 'n1' cannot read 'n2', only its own Node object"],
    ['patch nodes n2', "node 'n1' cannot change 'n2', only its own Node object"],
    ['list pods', 'can only list/watch pods with spec.nodeName field selector'],
    ['get secrets default/unrelated', "no relationship found between node 'n1' and this object"],
  ])('%s says why', async (text, reason) => {
    expect(await authorizer.authorize(node, asked(text))).toEqual({ allowed: false, reason });
  });
});
