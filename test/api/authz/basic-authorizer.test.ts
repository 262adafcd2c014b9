import { describe, expect, it } from 'vitest';
import { createBasicAuthorizer } from '../../../src/api/authz/basic-authorizer.ts';
import type { ResourceAttributes, Verb } from '../../../src/api/authz/types.ts';
import type { UserInfo } from '../../../src/api/core/types.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { builtinRegistry } from '../../../src/schemas/registry.ts';

const own: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'mine', namespace: 'default' },
  spec: {
    nodeName: 'n1',
    imagePullSecrets: [{ name: 'pull' }],
    volumes: [{ name: 'v', secret: { secretName: 'mounted' } }],
    containers: [{ name: 'c', envFrom: [{ configMapRef: { name: 'env' } }] }],
  },
};
const other: KubeObject = { ...own, metadata: { ...own.metadata, name: 'theirs' }, spec: { nodeName: 'n2' } };

const authorizer = createBasicAuthorizer({
  pod: async (_namespace, name) => [own, other].find((pod) => pod.metadata.name === name),
  podsOf: async (node) => (node === 'n1' ? [own] : []),
});

const node: UserInfo = { name: 'system:node:n1', groups: ['system:nodes', 'system:authenticated'] };
const person: UserInfo = { name: 'ann', groups: ['system:authenticated'] };
const admin: UserInfo = { name: 'root', groups: ['system:masters'] };
/** Of the right name, but not of the group. */
const impostor: UserInfo = { name: 'system:node:n1', groups: ['system:authenticated'] };

/** `verb resource[/subresource] [namespace/]name [selector]`. */
function asked(text: string): ResourceAttributes {
  const [verb = '', path = '', place = '-', selector] = text.split(' ');
  const [full = '', subresource] = path.split('/');
  const [resource = '', ...group] = full.split('.');
  const [first, second] = place.split('/');
  const name = place === '-' ? undefined : (second ?? first);
  return {
    verb: verb as Verb,
    group: group.join('.'),
    resource,
    subresource,
    namespace: second === undefined ? undefined : first,
    name: name === '*' ? undefined : name,
    fieldSelector: selector,
  };
}

const may = async (user: UserInfo, text: string): Promise<boolean> =>
  (await authorizer.authorize(user, asked(text))).allowed;

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
    'get clusterstate.symphony.dev',
    'create nodes.symphony.dev/tunnel n1',
  ])('%s', async (text) => expect(await may(node, text)).toBe(true));
});

describe('what a node may not do', () => {
  it.each([
    'get nodes n2',
    'patch nodes/status n2',
    'delete nodes n2',
    'list nodes',
    'list nodes - metadata.name=n2',
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
    'list namespaces',
    'get deployments.apps default/web',
    'create serviceaccounts default/*',
    'deletecollection events default/*',
    'create nodes.symphony.dev/tunnel n2',
    'create nodes.symphony.dev/restore n2',
  ])('%s', async (text) => expect(await may(node, text)).toBe(false));
});

describe('everybody else', () => {
  const verbs: readonly Verb[] = [
    'get',
    'list',
    'watch',
    'create',
    'update',
    'patch',
    'delete',
    'deletecollection',
  ];
  const everything = builtinRegistry.kinds.flatMap(({ group, plural, subresources }) =>
    [undefined, ...subresources].flatMap((subresource) =>
      verbs.map(
        (verb): ResourceAttributes => ({
          verb,
          group,
          resource: plural,
          subresource,
          namespace: 'default',
          name: 'mine',
          fieldSelector: undefined,
        }),
      ),
    ),
  );

  it('is refused every verb on every resource, administrators are refused none', async () => {
    expect(everything.length).toBeGreaterThan(100);
    for (const attributes of everything) {
      expect((await authorizer.authorize(person, attributes)).allowed).toBe(false);
      expect((await authorizer.authorize(impostor, attributes)).allowed).toBe(false);
      expect((await authorizer.authorize(admin, attributes)).allowed).toBe(true);
    }
  });

  it('may read discovery when known, and no metrics', async () => {
    const paths = ['/api', '/apis/apps/v1', '/openapi/v3', '/version'];
    for (const path of paths) {
      expect((await authorizer.authorizePath(person, 'get', path)).allowed).toBe(true);
      expect((await authorizer.authorizePath(person, 'post', path)).allowed).toBe(false);
      expect(
        (await authorizer.authorizePath({ name: 'system:anonymous', groups: [] }, 'get', path)).allowed,
      ).toBe(false);
    }
    expect((await authorizer.authorizePath(person, 'get', '/metrics')).allowed).toBe(false);
    expect((await authorizer.authorizePath(admin, 'get', '/metrics')).allowed).toBe(true);
  });
});
