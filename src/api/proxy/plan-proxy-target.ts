/**
 * Chooses the pod and the port for a request to `pods/NAME/proxy` or `services/NAME/proxy`. NAME
 * may be `NAME:PORT` or `SCHEME:NAME:PORT`. Pure; throws the Status that the client gets.
 */
import { badRequest, failure } from '../../schemas/errors/status.ts';
import type { Pod, Service } from '../../schemas/types.ts';

export interface ProxyName {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number or a name; empty where the request names none. */
  readonly port: string;
}

const DEFAULT_PORT = { http: 80, https: 443 } as const;

export function parseProxyName(text: string): ProxyName {
  const parts = text.split(':');
  const [scheme = '', name = '', port = ''] =
    parts.length === 3 ? parts : parts.length === 2 ? ['', ...parts] : ['', text];
  if (parts.length > 3 || name === '' || !['', 'http', 'https'].includes(scheme))
    throw badRequest(`invalid proxy request ${JSON.stringify(text)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port };
}

/** Without a port: the first that a container declares. */
export function podProxyPort({ spec }: Pod, { port, scheme }: ProxyName): number {
  const declared = spec.containers.flatMap(({ ports = [] }) => ports);
  if (port === '') return declared[0]?.containerPort ?? DEFAULT_PORT[scheme];
  if (/^\d+$/.test(port)) return validPort(port);
  const named = declared.find(({ name }) => name === port);
  if (!named) throw badRequest(`no port named ${JSON.stringify(port)} in the pod`);
  return named.containerPort;
}

export interface ServiceBackend {
  readonly pod: Pod;
  readonly port: number;
}

/** A ready pod behind the service, chosen by `pick` in [0, 1). Throws 503 where there is none. */
export function planServiceBackend(
  service: Service,
  pods: readonly Pod[],
  wanted: ProxyName,
  pick: number,
): ServiceBackend {
  const { metadata, spec } = service;
  const ports = spec?.ports ?? [];
  const found =
    wanted.port === ''
      ? ports.length === 1
        ? ports[0]
        : undefined
      : ports.find(({ name, port }) => name === wanted.port || String(port) === wanted.port);
  const unavailable = (what: string): Error =>
    failure(503, 'ServiceUnavailable', `${what} for service ${JSON.stringify(metadata.name)}`, {});
  if (!found) throw unavailable(`no service port ${JSON.stringify(wanted.port)} found`);
  const selector = Object.entries(spec?.selector ?? {});
  const ready = pods.filter(
    (pod) =>
      selector.length > 0 &&
      selector.every(([key, value]) => pod.metadata.labels?.[key] === value) &&
      pod.metadata.deletionTimestamp === undefined &&
      pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True'),
  );
  const pod = ready[Math.floor(pick * ready.length)];
  if (!pod) throw unavailable('no endpoints available');
  const target = String(found.targetPort ?? found.port);
  return { pod, port: podProxyPort(pod, { ...wanted, port: target }) };
}

function validPort(text: string): number {
  const port = Number(text);
  if (port < 1 || port > 65_535) throw badRequest(`invalid port ${JSON.stringify(text)}`);
  return port;
}
