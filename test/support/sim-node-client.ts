/**
 * A node's way to the API in the simulation: its credential is asked about every request, as at the
 * door of the real API (src/api/http/access.ts), and each request that was let through is told
 * (invariant 13).
 */
import type { ResourceCore } from '../../src/resources/resource-core.ts';
import { authorize } from '../../src/resources/authz/authorize.ts';
import { createAuthorizer } from '../../src/resources/authz/authorizer.ts';
import type { ResourceAttributes } from '../../src/resources/authz/types.ts';
import type { UserInfo } from '../../src/resources/types.ts';
import type { ApiClient, ListOptions, ResourcePath } from '../../src/client/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { ObjectAction } from '../../src/resources/subresources/types.ts';
import { createLocalClient } from '../doubles/local-client.ts';

export interface NodeAccess {
  readonly node: string;
  /** `restore` reports pods; other verbs are the API's. */
  readonly verb: string;
  /** `persistentvolumes`, `leases.coordination.k8s.io`. */
  readonly resource: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  /** The objects that a list answered. */
  readonly items: readonly KubeObject[];
}

export interface NodeClientOptions {
  readonly core: ResourceCore;
  readonly node: string;
  readonly user: UserInfo;
  readonly actions: readonly ObjectAction[];
  readonly onAccess: (access: NodeAccess) => void;
}

export function createNodeClient({ core, node, user, actions, onAccess }: NodeClientOptions): ApiClient {
  const inner = createLocalClient(core, { user, actions });
  const authorizer = createAuthorizer(core.snapshots);

  async function ask(
    verb: string,
    { group, plural }: Pick<ResourcePath, 'group' | 'plural'>,
    target: Partial<Pick<ResourceAttributes, 'namespace' | 'name' | 'subresource'>>,
    { fieldSelector, labelSelector }: ListOptions = {},
  ): Promise<(items?: readonly KubeObject[]) => void> {
    const { namespace, name, subresource } = target;
    await authorize(authorizer, user, {
      ...{ verb, group, resource: plural, subresource, namespace, name, fieldSelector, labelSelector },
    });
    const resource = group === '' ? plural : `${plural}.${group}`;
    return (items = []) => onAccess({ node, verb, resource, subresource, namespace, name, items });
  }
  async function through<T>(
    asked: Promise<(items?: readonly KubeObject[]) => void>,
    work: () => Promise<T>,
    items: (answer: T) => readonly KubeObject[] = () => [],
  ): Promise<T> {
    const tell = await asked;
    const answer = await work();
    tell(items(answer));
    return answer;
  }
  const own = { group: 'symphony.dev', plural: 'clusterstate' };

  return {
    get: <T extends KubeObject>(resource: ResourcePath, namespace: string | undefined, name: string) =>
      through(ask('get', resource, { namespace, name }), () => inner.get<T>(resource, namespace, name)),
    list: <T extends KubeObject>(resource: ResourcePath, options: ListOptions = {}) =>
      through(
        ask('list', resource, { namespace: options.namespace }, options),
        () => inner.list<T>(resource, options),
        ({ items }) => items,
      ),
    async *watch<T extends KubeObject>(resource: ResourcePath, options: Parameters<ApiClient['watch']>[1]) {
      const tell = await ask('watch', resource, { namespace: options.namespace }, options);
      for await (const event of inner.watch<T>(resource, options)) {
        if (event.type !== 'BOOKMARK') tell([event.object]);
        yield event;
      }
    },
    create(resource, object, subresource) {
      const { namespace, name } = object.metadata;
      // A create of a whole object has no name in its URL.
      const target = subresource === undefined ? { namespace } : { namespace, name, subresource };
      return through(ask('create', resource, target), () => inner.create(resource, object, subresource));
    },
    update(resource, object, subresource) {
      const { namespace, name } = object.metadata;
      const target = { namespace, name, subresource };
      return through(ask('update', resource, target), () => inner.update(resource, object, subresource));
    },
    patch(resource, namespace, name, body, options) {
      const target = { namespace, name, subresource: options?.subresource };
      return through(ask('patch', resource, target), () =>
        inner.patch(resource, namespace, name, body, options),
      );
    },
    delete: (resource, namespace, name, options) =>
      through(ask('delete', resource, { namespace, name }), () =>
        inner.delete(resource, namespace, name, options),
      ),
    clusterState: () => through(ask('get', own, {}), () => inner.clusterState()),
    restorePods: (name, pods) =>
      through(ask('create', { ...own, plural: 'nodes' }, { name, subresource: 'restore' }), () =>
        inner.restorePods(name, pods),
      ),
    report: (name, objects) =>
      through(ask('create', { ...own, plural: 'nodes' }, { name, subresource: 'report' }), () =>
        inner.report(name, objects),
      ),
  };
}
