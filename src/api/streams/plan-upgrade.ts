/**
 * Plans the protocol after the upgrade of an exec, attach or port-forward: channels over WebSocket,
 * SPDY/3.1 on the socket, or SPDY/3.1 inside a WebSocket (kubectl port-forward from 1.31 on,
 * KEP-4006). Pure; throws the Status that the client gets.
 */
import { badRequest, failure } from '../../schemas/errors/status.ts';
import { type ChannelProtocol, channelProtocols } from './channel-protocol.ts';
import type { PodStream } from './stream-request.ts';

export type PlannedUpgrade = {
  /** The name that the answer of a WebSocket's handshake carries; undefined for a plain socket. */
  readonly webSocket: string | undefined;
} & (
  | { readonly speaks: 'channels'; readonly protocol: ChannelProtocol }
  | { readonly speaks: 'spdy'; readonly protocol: SpdyProtocol }
);

/** As Node provides them. */
type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** The protocol on top of SPDY's streams. */
export interface SpdyProtocol {
  readonly name: string;
  readonly statusAsJson: boolean;
}

const SESSION_PROTOCOLS: readonly SpdyProtocol[] = [
  { name: 'v4.channel.k8s.io', statusAsJson: true },
  { name: 'v3.channel.k8s.io', statusAsJson: false },
  { name: 'v2.channel.k8s.io', statusAsJson: false },
  { name: 'channel.k8s.io', statusAsJson: false },
];
const FORWARD_PROTOCOL: SpdyProtocol = { name: 'portforward.k8s.io', statusAsJson: false };

const SPDY = 'spdy/3.1';
const WEBSOCKET = 'websocket';
const TUNNELLED = `SPDY/3.1+${FORWARD_PROTOCOL.name}`;
const PROTOCOL_HEADER = 'x-stream-protocol-version';
/** Browsers can send their token only as one of the offered protocols; it is not a protocol. */
const TOKEN_PREFIX = 'base64url.bearer.authorization.k8s.io.';

/** The protocols that a WebSocket's client offers. */
export function offeredProtocols(headers: RequestHeaders): readonly string[] {
  return listOf(headers['sec-websocket-protocol']).filter((name) => !name.startsWith(TOKEN_PREFIX));
}

export function planUpgrade(kind: PodStream, headers: RequestHeaders): PlannedUpgrade {
  const upgrade = upgradeOf(headers).toLowerCase();
  if (upgrade === SPDY) return { speaks: 'spdy', webSocket: undefined, protocol: planSpdy(kind, headers) };
  if (upgrade !== WEBSOCKET) throw badRequest(`unable to upgrade: "${upgradeOf(headers)}" is not served`);
  const offered = offeredProtocols(headers);
  if (kind === 'portforward' && offered.includes(TUNNELLED))
    return { speaks: 'spdy', webSocket: TUNNELLED, protocol: FORWARD_PROTOCOL };
  const protocol = chooseChannelProtocol(
    channelProtocols[kind === 'portforward' ? 'forward' : 'session'],
    offered,
  );
  return { speaks: 'channels', webSocket: protocol.name, protocol };
}

/** The first of ours that is offered; throws when there is none. */
export function chooseChannelProtocol(
  served: readonly ChannelProtocol[],
  offered: readonly string[],
): ChannelProtocol {
  const wanted = offered.length === 0 ? [''] : offered;
  const chosen = served.find(({ name }) => wanted.includes(name));
  if (chosen) return chosen;
  throw refused(
    offered,
    served.map(({ name }) => name).filter((name) => name !== ''),
  );
}

function planSpdy(kind: PodStream, headers: RequestHeaders): SpdyProtocol {
  const served = kind === 'portforward' ? [FORWARD_PROTOCOL] : SESSION_PROTOCOLS;
  const offered = listOf(headers[PROTOCOL_HEADER]);
  if (offered.length === 0) throw badRequest('unable to upgrade: X-Stream-Protocol-Version is required');
  const chosen = served.find(({ name }) => offered.includes(name));
  if (chosen) return chosen;
  throw refused(
    offered,
    served.map(({ name }) => name),
  );
}

const refused = (offered: readonly string[], served: readonly string[]): Error =>
  failure(
    403,
    'Forbidden',
    `unable to upgrade: unable to negotiate protocol: client supports [${offered.join(' ')}], server accepts [${served.join(' ')}]`,
  );

const upgradeOf = ({ upgrade }: RequestHeaders): string => String(upgrade ?? '');

/** A header of names, whether it came once with commas or several times. */
function listOf(header: string | string[] | undefined): readonly string[] {
  return [header ?? []]
    .flat()
    .flatMap((line) => line.split(','))
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
