/**
 * The connection to the backend of a proxied request: from the object's name to a stream through
 * the tunnel of the pod's agent, which connects to the pod's own address and to nothing else.
 */
import type { Duplex } from 'node:stream';
import { errorMessage } from '../../base/errors.ts';
import { goWords, hostPort } from '../../base/go-words.ts';
import { toPlainStream } from '../../base/plain-stream.ts';
import type { Rng } from '../../base/rng.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { failure, type StatusError } from '../../schemas/errors/status.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { EndpointSlice, Pod, Service } from '../../schemas/types.ts';
import { openAgentStream } from '../streams/agent-stream.ts';
import { planPortForward } from '../streams/stream-request.ts';
import type { Tunnels } from '../tunnel.ts';
import {
  parseProxyName,
  planPodBackend,
  planServiceBackend,
  type ProxyBackend,
  type ProxyName,
} from './plan-proxy-target.ts';

export interface ProxyDependencies {
  readonly core: ResourceCore;
  readonly tunnels: Tunnels;
  readonly rng: Rng;
}

export interface FoundBackend extends ProxyBackend {
  readonly scheme: ProxyName['scheme'];
  /** Its address and port: `10.244.0.5:8080`. */
  readonly host: string;
}

/** `name` as in the URL: `https:web:http`. */
export async function findBackend(
  dependencies: ProxyDependencies,
  resource: 'pods' | 'services',
  namespace: string,
  name: string,
): Promise<FoundBackend> {
  const wanted = parseProxyName(name, resource === 'pods' ? 'pod' : 'service');
  const find = resource === 'pods' ? podBackend : serviceBackend;
  const backend = await find(dependencies, namespace, wanted);
  return { ...backend, scheme: wanted.scheme, host: hostPort(backend.address, backend.port) };
}

async function podBackend(
  { core }: ProxyDependencies,
  namespace: string,
  wanted: ProxyName,
): Promise<ProxyBackend> {
  const pod = await core.get({ kind: kindOf(core, '', 'pods'), namespace, name: wanted.name });
  return planPodBackend(pod as Pod, wanted);
}

async function serviceBackend(
  { core, rng }: ProxyDependencies,
  namespace: string,
  wanted: ProxyName,
): Promise<ProxyBackend> {
  const service = await core.get({ kind: kindOf(core, '', 'services'), namespace, name: wanted.name });
  const list = async (
    group: string,
    plural: string,
    labelSelector?: string,
  ): Promise<readonly KubeObject[]> => {
    const selection = { resourceVersion: '0', ...(labelSelector === undefined ? {} : { labelSelector }) };
    return (await core.list({ kind: kindOf(core, group, plural), namespace }, selection)).objects;
  };
  const ofService = `kubernetes.io/service-name=${wanted.name}`;
  const slices = (await list('discovery.k8s.io', 'endpointslices', ofService)) as readonly EndpointSlice[];
  const pods = (await list('', 'pods')) as readonly Pod[];
  return planServiceBackend(service as Service, slices, pods, wanted, rng.next());
}

function kindOf({ registry }: ResourceCore, group: string, plural: string) {
  const kind = registry.byResource(group, 'v1', plural);
  if (!kind) throw new Error(`The registry has no ${plural}`);
  return kind;
}

/** Throws 503 with the words of whoever could not reach the pod. */
export async function openBackend(
  { tunnels }: ProxyDependencies,
  { pod, port }: FoundBackend,
  signal: AbortSignal,
): Promise<Duplex> {
  const { node, path } = planPortForward(pod, port);
  const stream = await openAgentStream(tunnels, { node, path: `${path}&at=address` }, signal).catch(
    (error: unknown) => {
      throw unreachable(errorMessage(error));
    },
  );
  // Node 20 sends rubbish where an HTTP/2 stream is given texts and bytes in one go, as its HTTP
  // client does with a head and a body. This stream passes on bytes alone.
  const plain = toPlainStream(stream);
  plain.on('error', () => undefined);
  return plain;
}

export const unreachable = (why: string): StatusError =>
  failure(503, 'ServiceUnavailable', `error trying to reach service: ${why}`, {});

export const unreachableBy = (error: unknown, { host }: FoundBackend): StatusError =>
  unreachable(goWords(error, host));
