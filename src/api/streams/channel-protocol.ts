/**
 * Kubernetes' channel protocols over WebSocket: each message begins with the number of its channel.
 * v5 (KEP-4006) can close a channel, which is how input ends. v4 ends a session with a Status as
 * JSON, older ones with a text. The base64 forms are text: a digit, then base64. Pure.
 */
import { channels } from '../../base/channel-frames.ts';

export interface ChannelProtocol {
  /** As negotiated; empty for a client that names none. */
  readonly name: string;
  readonly base64: boolean;
  /** Whether a session ends with a Status as JSON. */
  readonly statusAsJson: boolean;
  /** Whether a side can close one channel. */
  readonly closes: boolean;
}

const protocol = (
  name: string,
  { base64 = false, statusAsJson = false, closes = false } = {},
): ChannelProtocol => ({ name, base64, statusAsJson, closes });

export const V4 = protocol('v4.channel.k8s.io', { statusAsJson: true });
export const V5 = protocol('v5.channel.k8s.io', { statusAsJson: true, closes: true });
const V4_BASE64 = protocol('v4.base64.channel.k8s.io', { statusAsJson: true, base64: true });
/** The protocol of a client that names none. */
const UNNAMED = protocol('');

/** For exec and attach, in our order of preference. */
const SESSION_PROTOCOLS: readonly ChannelProtocol[] = [
  V5,
  V4,
  V4_BASE64,
  protocol('v3.channel.k8s.io'),
  protocol('v2.channel.k8s.io'),
  protocol('channel.k8s.io'),
  protocol('base64.channel.k8s.io', { base64: true }),
  UNNAMED,
];
const FORWARD_PROTOCOLS: readonly ChannelProtocol[] = [V4, V4_BASE64, UNNAMED];

export const channelProtocols = { session: SESSION_PROTOCOLS, forward: FORWARD_PROTOCOLS } as const;

const CLOSE_CHANNEL = 255;
const DIGIT_ZERO = 0x30;

export type ChannelMessage =
  | { readonly type: 'data'; readonly channel: number; readonly content: Buffer }
  | { readonly type: 'close'; readonly channel: number };

/** Undefined for a message without a meaning in this protocol; it is ignored. */
export function parseMessage(
  message: Buffer,
  { base64, closes }: ChannelProtocol,
): ChannelMessage | undefined {
  if (message.length === 0) return undefined;
  const first = message.readUInt8(0);
  if (base64) {
    const channel = first - DIGIT_ZERO;
    if (channel < 0 || channel > 9) return undefined;
    return { type: 'data', channel, content: Buffer.from(message.toString('latin1', 1), 'base64') };
  }
  const content = message.subarray(1);
  if (first !== CLOSE_CHANNEL) return { type: 'data', channel: first, content };
  if (!closes || content.length !== 1) return undefined;
  return { type: 'close', channel: content.readUInt8(0) };
}

export function encodeMessage(channel: number, content: Buffer, { base64 }: ChannelProtocol): Buffer {
  if (base64) return Buffer.from(`${String.fromCharCode(DIGIT_ZERO + channel)}${content.toString('base64')}`);
  return Buffer.concat([Buffer.from([channel]), content]);
}

/** The Status of a session that failed. */
export function failureStatus(message: string): Buffer {
  return Buffer.from(
    JSON.stringify({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }),
  );
}

/** The text for older protocols instead of a Status; empty after a success. */
export function statusText(status: Buffer): Buffer {
  const { status: result, message } = JSON.parse(status.toString('utf8')) as {
    readonly status?: string;
    readonly message?: string;
  };
  return Buffer.from(result === 'Success' ? '' : (message ?? 'the session failed'));
}

/** Channels on which a client may send to the container. */
export const isInput = (channel: number): boolean =>
  channel === channels.stdin || channel === channels.resize;
