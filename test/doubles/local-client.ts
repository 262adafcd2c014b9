/** The API's client without a network, on the same core. */
import { createAsyncQueue } from '../../src/base/async-queue.ts';
import type {
  ApiClient,
  ClientWatchEvent,
  ListOptions,
  PatchType,
  ResourcePath,
} from '../../src/client/types.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import type { ResourceKind, Subresource } from '../../src/schemas/resource-kind.ts';
import { failure } from '../../src/schemas/errors/status.ts';
import type { ResourceCore } from '../../src/resources/resource-core.ts';
import { resourceNotFound } from '../../src/resources/refusals.ts';
import type { ObjectAction } from '../../src/resources/subresources/types.ts';
import type {
  ObjectRef,
  PatchFormat,
  RequestContext,
  UserInfo,
  WriteOptions,
} from '../../src/resources/types.ts';
import { actionOf } from '../../src/api/http/object-requests.ts';

/** Events that may wait for one consumer, as over HTTP; beyond it the watch ends with 410. */
const WATCH_QUEUE_LIMIT = 10_000;

const FORMATS: Readonly<Record<PatchType, PatchFormat>> = {
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/json-patch+json': 'json',
};

export interface LocalClientOptions {
  readonly user: UserInfo;
  readonly actions?: readonly ObjectAction[];
}

export function createLocalClient(core: ResourceCore, options: LocalClientOptions): ApiClient {
  const context: RequestContext = { user: options.user, warn: () => undefined, annotate: () => undefined };
  const refOf = (resource: ResourcePath, namespace: string | undefined, name: string): ObjectRef => ({
    kind: kindOf(core, resource),
    namespace,
    name,
  });

  return {
    async get<T extends KubeObject>(resource: ResourcePath, namespace: string | undefined, name: string) {
      return (await core.get(refOf(resource, namespace, name))) as T;
    },
    async list<T extends KubeObject>(resource: ResourcePath, { namespace, ...rest }: ListOptions = {}) {
      const page = await core.list({ kind: kindOf(core, resource), namespace }, rest);
      return {
        items: page.objects as readonly T[],
        resourceVersion: page.resourceVersion,
        ...(page.continue === undefined ? {} : { continue: page.continue }),
      };
    },
    watch: (resource, watched) => watchLocally(core, resource, watched),
    async create<T extends KubeObject>(resource: ResourcePath, object: T, subresource?: Subresource) {
      const { namespace, name } = object.metadata;
      const { kind } = refOf(resource, namespace, name);
      if (!subresource) return (await core.create({ kind, namespace }, object, WRITING, context)) as T;
      const action = actionOf(options.actions ?? [], kind, subresource);
      if (!action) throw resourceNotFound();
      return (await action.create({ kind, namespace, name }, object, WRITING, context)) as T;
    },
    async update<T extends KubeObject>(resource: ResourcePath, object: T, subresource?: Subresource) {
      const { namespace, name } = object.metadata;
      const ref = refOf(resource, namespace, name);
      return (await core.update(ref, object, WRITING, context, subresource)).object as T;
    },
    async patch<T extends KubeObject>(
      resource: ResourcePath,
      namespace: string | undefined,
      name: string,
      body: unknown,
      { type = 'application/merge-patch+json', subresource }: Parameters<ApiClient['patch']>[4] = {},
    ) {
      const ref = refOf(resource, namespace, name);
      const patch = { format: FORMATS[type], body };
      return (await core.patch(ref, patch, WRITING, context, subresource)).object as T;
    },
    async delete(resource, namespace, name, deleteOptions) {
      await core.delete(refOf(resource, namespace, name), { ...deleteOptions, dryRun: false }, context);
    },
    async clusterState() {
      const state = await core.clusterState();
      if (!state) throw failure(503, 'ServiceUnavailable', 'the cluster has no data yet');
      return { epoch: state.epoch, phase: state.phase };
    },
    restorePods: (node, pods) => core.restorePods(node, pods),
    report: (node, objects) => core.takeReport(node, objects, context),
  };
}

const WRITING: WriteOptions = { dryRun: false, fieldValidation: 'Warn' };

function kindOf(core: ResourceCore, { group, version, plural }: ResourcePath): ResourceKind {
  const kind = core.registry.byResource(group, version, plural);
  if (!kind) throw resourceNotFound();
  return kind;
}

async function* watchLocally<T extends KubeObject>(
  core: ResourceCore,
  resource: ResourcePath,
  watched: Parameters<ApiClient['watch']>[1],
): AsyncGenerator<ClientWatchEvent<T>> {
  const { namespace, signal, ...rest } = watched;
  if (signal.aborted) return;
  const queue = createAsyncQueue<ClientWatchEvent<T>>(WATCH_QUEUE_LIMIT);
  const handle = await core.watch(
    { kind: kindOf(core, resource), namespace },
    { ...rest, allowWatchBookmarks: true },
    {
      frame({ type, object }) {
        if (queue.push({ type, object: object as T })) return;
        queue.close(failure(410, 'Expired', 'the consumer of the watch is too slow'));
      },
      end: (error) => queue.close(error),
    },
  );
  const stop = (): void => queue.close();
  signal.addEventListener('abort', stop, { once: true });
  try {
    for await (const event of queue) {
      if (signal.aborted) return;
      yield event;
    }
  } finally {
    signal.removeEventListener('abort', stop);
    handle[Symbol.dispose]();
  }
}
