/**
 * The API over HTTPS, for agents and the CLI. A watch ends after a bounded time, and its caller
 * goes on from the last version. An ERROR event becomes the StatusError that it carries.
 */
import { createAbort } from '../base/abort.ts';
import type { Clock } from '../base/clock.ts';
import { TransientError } from '../base/errors.ts';
import { isRecord } from '../base/json.ts';
import type { Logger } from '../base/logger.ts';
import { asRecords, asString, getPath } from '../schemas/json-access.ts';
import type { KubeObject } from '../schemas/object.ts';
import { StatusError } from '../schemas/errors/status.ts';
import { isStatus } from './answer.ts';
import { type Connection, type ConnectionOptions, openConnection } from './connection.ts';
import { parseJsonLines } from './json-lines.ts';
import { type Endpoint, readKubeconfig } from './kubeconfig.ts';
import { listQuery, resourceUrl } from './resource-url.ts';
import type { ApiClient, ClientWatchEvent, ClusterCondition, WaitingPod, ObjectList } from './types.ts';

export interface HttpClientOptions extends ConnectionOptions {
  readonly logger: Logger;
}

export interface HttpApiClient extends ApiClient, Disposable {
  /** For requests beyond resources: the tunnel, logs, readiness. */
  readonly connection: Connection;
}

/** The server ends a watch after this time: a half-open connection cannot starve us forever. */
const WATCH_TIMEOUT_SECONDS = 300;
/** The server may be late by this much. */
const WATCH_SLACK_MS = 30_000;

export function createHttpClient(options: HttpClientOptions): HttpApiClient {
  const connection = openConnection(options);
  const logger = options.logger.child({ component: 'api-client' });

  async function* watch<T extends KubeObject>(
    ...[resource, watchOptions]: Parameters<ApiClient['watch']>
  ): AsyncGenerator<ClientWatchEvent<T>, void, undefined> {
    const query = listQuery(watchOptions);
    query.set('watch', 'true');
    query.set('allowWatchBookmarks', 'true');
    query.set('resourceVersion', watchOptions.resourceVersion);
    query.set('timeoutSeconds', String(WATCH_TIMEOUT_SECONDS));
    const abort = createAbort();
    const stop = (): void => abort.abort();
    watchOptions.signal.addEventListener('abort', stop, { once: true });
    if (watchOptions.signal.aborted) return;
    // Ends as if by the server: the caller goes on from its last version, with the new identity.
    const renewal = connection.onRenewal(stop);
    const timer = options.clock.setTimer(stop, WATCH_TIMEOUT_SECONDS * 1_000 + WATCH_SLACK_MS);
    try {
      const url = resourceUrl(resource, { namespace: watchOptions.namespace, query });
      const chunks = await connection.stream(url, abort.signal);
      for await (const line of parseJsonLines(chunks)) {
        if (abort.signal.aborted) return;
        yield eventOf<T>(line);
      }
    } catch (error) {
      if (!watchOptions.signal.aborted) throw error;
    } finally {
      timer.cancel();
      renewal[Symbol.dispose]();
      watchOptions.signal.removeEventListener('abort', stop);
      abort.abort();
      logger.debug({ resource: resource.plural }, 'Watch ended');
    }
  }

  const get: ApiClient['get'] = async (resource, namespace, name) =>
    (await connection.request({ method: 'GET', path: resourceUrl(resource, { namespace, name }) })) as never;

  return {
    connection,
    get,
    async list<T extends KubeObject>(...[resource, listOptions = {}]: Parameters<ApiClient['list']>) {
      const path = resourceUrl(resource, { namespace: listOptions.namespace, query: listQuery(listOptions) });
      return listOf<T>(await connection.request({ method: 'GET', path }));
    },
    watch,
    create: async (resource, object, subresource) => {
      const { namespace, name } = object.metadata;
      const path = resourceUrl(resource, { namespace, ...(subresource ? { name, subresource } : {}) });
      return (await connection.request({ method: 'POST', path, body: object })) as never;
    },
    update: async (resource, object, subresource) => {
      const { namespace, name } = object.metadata;
      const path = resourceUrl(resource, { namespace, name, subresource });
      return (await connection.request({ method: 'PUT', path, body: object })) as never;
    },
    patch: async (resource, namespace, name, patch, patchOptions = {}) =>
      (await connection.request({
        method: 'PATCH',
        path: resourceUrl(resource, { namespace, name, subresource: patchOptions.subresource }),
        body: patch,
        contentType: patchOptions.type ?? 'application/merge-patch+json',
      })) as never,
    async delete(resource, namespace, name, deleteOptions) {
      const path = resourceUrl(resource, { namespace, name });
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', ...deleteOptions };
      await connection.request({ method: 'DELETE', path, ...(deleteOptions ? { body } : {}) });
    },
    async clusterState() {
      const path = '/apis/symphony.dev/v1/clusterstate';
      return conditionOf(await connection.request({ method: 'GET', path }));
    },
    async restorePods(node, pods) {
      const path = `/apis/symphony.dev/v1/nodes/${encodeURIComponent(node)}/restore`;
      const body = { kind: 'PodList', apiVersion: 'v1', items: pods };
      return waitingOf(await connection.request({ method: 'POST', path, body }));
    },
    async report(node, items) {
      const path = `/apis/symphony.dev/v1/nodes/${encodeURIComponent(node)}/report`;
      return refusalsOf(
        await connection.request({ method: 'POST', path, body: { kind: 'List', apiVersion: 'v1', items } }),
      );
    },
    [Symbol.dispose]: () => connection[Symbol.dispose](),
  };
}

/** A client of the current context of a kubeconfig file. */
export async function fromKubeconfig(
  path: string,
  context: { readonly clock: Clock; readonly logger: Logger },
  overrides: Partial<Pick<Endpoint, 'server' | 'token'>> = {},
): Promise<HttpApiClient> {
  const endpoint = await readKubeconfig(path);
  return createHttpClient({ ...endpoint, ...overrides, ...context });
}

function eventOf<T extends KubeObject>(line: unknown): ClientWatchEvent<T> {
  if (!isRecord(line)) throw new TransientError('Cannot read watch: an event is not an object');
  const { type, object } = line;
  if (type === 'ERROR') {
    if (isStatus(object)) throw new StatusError(object);
    throw new TransientError('Cannot read watch: the server reported an unknown error');
  }
  return { type: type as ClientWatchEvent<T>['type'], object: object as T };
}

/** List items come without `kind` and `apiVersion`, as in Kubernetes; they are given back here. */
function listOf<T extends KubeObject>(answer: unknown): ObjectList<T> {
  if (!isRecord(answer) || !Array.isArray(answer['items']))
    throw new TransientError('Cannot read list: the answer has no items');
  const kind = asString(answer['kind']).replace(/List$/, '');
  const apiVersion = asString(answer['apiVersion']) || 'v1';
  const next = asString(getPath(answer, 'metadata', 'continue'));
  return {
    items: answer['items'].map((item) => ({ apiVersion, kind, ...(item as object) }) as unknown as T),
    resourceVersion: asString(getPath(answer, 'metadata', 'resourceVersion')),
    ...(next === '' ? {} : { continue: next }),
  };
}

/** The server may wrap the condition as an object (`status`) or answer it plainly. */
function conditionOf(answer: unknown): ClusterCondition {
  const body = isRecord(answer) && isRecord(answer['status']) ? answer['status'] : answer;
  if (!isRecord(body) || typeof body['epoch'] !== 'string')
    throw new TransientError('Cannot read the cluster state: the answer has no epoch');
  return { epoch: body['epoch'], phase: body['phase'] === 'rebuilding' ? 'rebuilding' : 'normal' };
}

/** An older control plane answers with a Status, and restores everything. */
function waitingOf(answer: unknown): readonly WaitingPod[] {
  const waiting = asRecords(getPath(answer, 'waiting'));
  return waiting.map(({ pod, reason }) => ({ pod: asString(pod), reason: asString(reason) }));
}

const refusalsOf = (answer: unknown): readonly (StatusError | undefined)[] =>
  asRecords(getPath(answer, 'results')).map((result) =>
    isStatus(result) ? new StatusError(result) : undefined,
  );
