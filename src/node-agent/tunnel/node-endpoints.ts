/**
 * The paths that this node answers behind `nodes/NAME/proxy`: the kubelet's that clients ask, and
 * the state of the host's network. All of them only read. Everything else is 404.
 */
import type { Clock } from '../../base/clock.ts';
import type { PodWorker } from '../pod/types.ts';
import { type ContainerRecord, type ContainerRuntime, labelKeys } from '../runtime/types.ts';
import { nodeMetrics, type NodePod, resourceMetrics, statsSummary } from './node-statistics.ts';
import { type ProbeOptions, probeNetwork } from './network-probe.ts';
import { Refused } from './refused.ts';
import type { UsageSampler } from './usage-sampler.ts';

export interface NodeEndpointsOptions {
  readonly nodeName: string;
  pods(): readonly PodWorker[];
  /** Absent where the node has no network of its own. */
  readonly network?: NodeNetworkView | undefined;
}

/** The network of the node's host, as checks see it. */
export interface NodeNetworkView {
  /** The kernel's state. `service`: whether it has this `address:port`, too. */
  facts(service: string | undefined): Promise<unknown>;
  readonly isOfCluster: ProbeOptions['isOfCluster'];
  readonly clusterDomain: string;
}

export interface NodeCall {
  readonly node: NodeEndpointsOptions;
  readonly runtime: Pick<ContainerRuntime, 'stats' | 'logs' | 'dialFrom'>;
  readonly clock: Clock;
  readonly findPod: ProbeOptions['findPod'];
  readonly sampleUsage: UsageSampler;
  readonly query: URLSearchParams;
  readonly signal: AbortSignal;
}

export interface NodeAnswer {
  readonly contentType: string;
  readonly body: string | AsyncIterable<Buffer>;
}

const TEXT = 'text/plain; charset=utf-8';
const HTML = 'text/html; charset=utf-8';
const METRICS = 'text/plain; version=0.0.4; charset=utf-8';
const text = (body: string): NodeAnswer => ({ contentType: TEXT, body });
const json = (value: unknown): NodeAnswer => ({
  contentType: 'application/json',
  body: JSON.stringify(value),
});

type Endpoint = (call: NodeCall) => NodeAnswer | Promise<NodeAnswer>;

const ENDPOINTS: ReadonlyMap<string, Endpoint> = new Map<string, Endpoint>([
  ...['/healthz', '/healthz/ping', '/healthz/log', '/healthz/syncloop'].map(
    (path) => [path, () => text('ok')] as const,
  ),
  ['/pods', ({ node }) => json(podList(node.pods()))],
  ['/metrics', ({ node }) => ({ contentType: METRICS, body: nodeMetrics(node.nodeName, podsOf(node)) })],
  [
    '/metrics/resource',
    async ({ runtime }) => ({ contentType: METRICS, body: resourceMetrics(await runtime.stats()) }),
  ],
  [
    '/stats/summary',
    async ({ node, sampleUsage }) =>
      json(statsSummary(node.nodeName, podsOf(node), (await sampleUsage()).containers)),
  ],
  [
    '/network',
    async ({ node, query }) => json(await networkOf(node).facts(query.get('service') ?? undefined)),
  ],
  [
    '/network/probe',
    async ({ node, query, ...call }) => json(await probeNetwork({ ...call, ...networkOf(node) }, query)),
  ],
  ['/logs', () => listing(['containers/'])],
  ['/logs/containers', ({ node }) => listing([...logFiles(node.pods()).keys()])],
]);

const LOG_FILE = /^\/logs\/containers\/([^/]+)$/;

/** `path` is the one behind `/proxy`. Throws {@link Refused} with 404. */
export async function answerNodePath(call: NodeCall, path: string): Promise<NodeAnswer> {
  const endpoint = ENDPOINTS.get(path.length > 1 ? path.replace(/\/$/, '') : path);
  if (endpoint) return endpoint(call);
  const record = logFiles(call.node.pods()).get(LOG_FILE.exec(path)?.[1] ?? '');
  if (!record) throw new Refused(404, '404 page not found\n');
  const lines = await call.runtime.logs(record.id, { follow: false, timestamps: true }, call.signal);
  return { contentType: TEXT, body: lines };
}

function networkOf({ nodeName, network }: NodeEndpointsOptions): NodeNetworkView {
  if (!network) throw new Refused(404, `node ${nodeName} has no network of its own`);
  return network;
}

function podsOf({ pods }: NodeEndpointsOptions): readonly NodePod[] {
  return pods().map(({ uid, pod: { metadata }, records }) => ({
    uid,
    name: metadata.name,
    namespace: metadata.namespace ?? '',
    running: records.filter(({ phase }) => phase === 'running').length,
    ended: records.filter(({ phase }) => phase === 'exited').length,
  }));
}

const podList = (pods: readonly PodWorker[]): unknown => ({
  kind: 'PodList',
  apiVersion: 'v1',
  metadata: {},
  items: pods.map(({ pod, status }) => ({ ...pod, ...(status ? { status } : {}) })),
});

/** The logs of containers, under the names that a kubelet gives them. */
function logFiles(pods: readonly PodWorker[]): ReadonlyMap<string, ContainerRecord> {
  return new Map(
    pods.flatMap(({ pod: { metadata }, records }) =>
      records.flatMap((record) => {
        const container = record.labels[labelKeys.containerName];
        if (container === undefined) return [];
        const name = `${metadata.name}_${metadata.namespace ?? ''}_${container}-${record.id}.log`;
        return [[name, record] as const];
      }),
    ),
  );
}

/** A directory as Go's file server lists it. The names are made of labels and ids. */
function listing(names: readonly string[]): NodeAnswer {
  const links = [...names].sort().map((name) => `<a href="${encodeURI(name)}">${name}</a>\n`);
  const head = '<!doctype html>\n<meta name="viewport" content="width=device-width">\n';
  return { contentType: HTML, body: `${head}<pre>\n${links.join('')}</pre>\n` };
}
