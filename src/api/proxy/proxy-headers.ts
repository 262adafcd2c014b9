/** The headers of a proxied request and of its answer, without those of one connection. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { offeredProtocols } from '../streams/plan-upgrade.ts';

/** Headers of one connection only (RFC 9110, 7.6.1). */
const HOP_BY_HOP = [
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection'],
  ...['te', 'trailer', 'transfer-encoding', 'upgrade'],
];

/**
 * A pod does not learn how the caller proved itself. `expect` is answered here: the caller was told
 * to go on.
 */
const NOT_FOR_PODS = new Set([...HOP_BY_HOP, 'authorization', 'cookie', 'expect', 'sec-websocket-protocol']);
/** A pod may not set a cookie for the API's host, nor say which sites may read its origin. */
const NOT_FOR_CLIENTS = new Set([...HOP_BY_HOP, 'set-cookie']);

/** Headers that the sender meant for the next hop only. */
function named({ connection }: IncomingHttpHeaders): ReadonlySet<string> {
  return new Set((connection ?? '').split(',').map((name) => name.trim().toLowerCase()));
}

function without(headers: IncomingHttpHeaders, isDropped: (name: string) => boolean): IncomingHttpHeaders {
  const ofHop = named(headers);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !isDropped(name) && !ofHop.has(name)));
}

export interface Forwarded {
  /** The address of the client's connection. */
  readonly client: string | undefined;
  /** The path that the client asked for. */
  readonly path: string;
}

/** The headers that a pod gets. As upstream, `host` is the one that the client asked. */
export function requestHeaders(
  headers: IncomingHttpHeaders,
  { client, path }: Forwarded,
): Record<string, string | string[] | undefined> {
  const kept = without(headers, (name) => NOT_FOR_PODS.has(name) || name.startsWith('impersonate-'));
  const protocols = offeredProtocols(headers);
  const before = headers['x-forwarded-for'];
  const forwarded = [...(before === undefined ? [] : [String(before)]), ...(client ? [client] : [])];
  return {
    ...kept,
    'x-forwarded-uri': path,
    ...(forwarded.length > 0 ? { 'x-forwarded-for': forwarded.join(', ') } : {}),
    ...(protocols.length > 0 ? { 'sec-websocket-protocol': protocols.join(', ') } : {}),
  };
}

/** The headers of a pod's answer that the client gets. */
export const answerHeaders = (headers: IncomingHttpHeaders): IncomingHttpHeaders =>
  without(headers, (name) => NOT_FOR_CLIENTS.has(name) || name.startsWith('access-control-'));
