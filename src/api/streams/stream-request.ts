/** Checks a request for exec, attach or port-forward, and plans the agent's path. Pure. */
import type { KubeObject } from '../../schemas/object.ts';
import { badRequest } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import { flagOf } from '../http/query-options.ts';

export type PodStream = 'exec' | 'attach' | 'portforward';

export interface StreamTarget {
  readonly node: string;
  /** Path and query of the agent's route. */
  readonly path: string;
}

/** Longer command lines are refused; the kernel's limit on arguments is of the same size. */
const MAX_COMMAND_CHARS = 128 * 1024;

export interface PlannedSession extends StreamTarget {
  /** The streams that a client of SPDY opens for it. */
  readonly streams: readonly string[];
}

/** The container that a stream is about; names the choice where there is one. */
export function chooseContainer(object: KubeObject, wanted: string): string {
  const { metadata, spec } = object as Pod;
  const main = spec.containers.map(({ name }) => name);
  const init = (spec.initContainers ?? []).map(({ name }) => name);
  const ephemeral = (spec.ephemeralContainers ?? []).map(({ name }) => name);
  if (wanted === '') {
    const [only] = main;
    if (main.length === 1 && only !== undefined) return only;
    const also = init.length > 0 ? ` or one of the init containers: [${init.join(' ')}]` : '';
    throw badRequest(
      `a container name must be specified for pod ${metadata.name}, choose one of: [${main.join(' ')}]${also}`,
    );
  }
  if (![...main, ...init, ...ephemeral].includes(wanted))
    throw badRequest(`container ${wanted} is not valid for pod ${metadata.name}`);
  return wanted;
}

export function planSession(
  pod: KubeObject,
  route: 'exec' | 'attach',
  query: URLSearchParams,
): PlannedSession {
  const container = chooseContainer(pod, query.get('container') ?? '');
  const node = nodeOf(pod);
  const agent = new URLSearchParams();
  const flag = (name: string): boolean => flagOf(query, name) === true;
  const [stdin, stdout, tty] = [flag('stdin'), flag('stdout'), flag('tty')];
  // A terminal has one output; clients that ask for both get the one, as with the kubelet.
  const stderr = flag('stderr') && !tty;
  if (!stdin && !stdout && !stderr) throw badRequest('you must specify at least 1 of stdin, stdout, stderr');
  if (stdin) agent.set('stdin', 'true');
  if (tty) agent.set('tty', 'true');
  if (route === 'exec') {
    const command = query.getAll('command');
    if (command.length === 0) throw badRequest('you must specify at least 1 command for the container');
    if (command.join('').length > MAX_COMMAND_CHARS) throw badRequest('the command is too long');
    for (const part of command) agent.append('command', part);
  }
  const path = ['', route, pod.metadata.namespace ?? '', pod.metadata.name, container];
  const wanted = { stdin, stdout, stderr, resize: tty };
  const streams = ['error', ...Object.entries(wanted).flatMap(([name, asked]) => (asked ? [name] : []))];
  return { node, path: `${path.map(encodeURIComponent).join('/')}?${agent.toString()}`, streams };
}

export function planPortForward(pod: KubeObject, port: number): StreamTarget {
  const path = ['', 'portForward', pod.metadata.namespace ?? '', pod.metadata.name];
  return { node: nodeOf(pod), path: `${path.map(encodeURIComponent).join('/')}?port=${port}` };
}

/** Ports of the query, for the protocol that names them there. */
export function portsOf(query: URLSearchParams): readonly number[] {
  const ports = query.getAll('ports').flatMap((text) => text.split(','));
  if (ports.length === 0 || ports.length > MAX_PORTS)
    throw badRequest(`query parameter "ports" must name 1 to ${MAX_PORTS} ports`);
  return ports.map((text) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
    if (port < 1 || port > 65_535)
      throw badRequest(`query parameter "ports" cannot be ${JSON.stringify(text)}`);
    return port;
  });
}

/** Each port takes two of 255 channels; people forward a few. */
const MAX_PORTS = 64;

/** Throws while the pod is on no node. */
export function nodeOf(object: KubeObject): string {
  const { metadata, spec } = object as Pod;
  if (!spec.nodeName) throw badRequest(`pod ${metadata.name} does not have a host assigned`);
  return spec.nodeName;
}
