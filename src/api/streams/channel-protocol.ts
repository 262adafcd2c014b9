/**
 * Kubernetes' channel protocols over WebSocket, for exec and attach (KEP-4006): each binary message begins with the number
 * of its channel. v5 adds a message on channel 255 whose content is the number of a channel that the sender has closed,
 * which is how input ends. Pure.
 */
import { channels } from '../../base/channel-frames.ts';

export const V4 = 'v4.channel.k8s.io';
export const V5 = 'v5.channel.k8s.io';
/** In our order of preference. */
export const CHANNEL_PROTOCOLS: readonly string[] = [V5, V4];

const CLOSE_CHANNEL = 255;

export type ChannelMessage =
  | { readonly type: 'data'; readonly channel: number; readonly content: Buffer }
  | { readonly type: 'close'; readonly channel: number };

/** Undefined for a message that means nothing in this protocol: it is passed over. */
export function parseMessage(message: Buffer, protocol: string): ChannelMessage | undefined {
  if (message.length === 0) return undefined;
  const channel = message.readUInt8(0);
  const content = message.subarray(1);
  if (channel !== CLOSE_CHANNEL) return { type: 'data', channel, content };
  if (protocol !== V5 || content.length !== 1) return undefined;
  return { type: 'close', channel: content.readUInt8(0) };
}

export function encodeMessage(channel: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([channel]), content]);
}

/** The Status that ends a session which could not be brought to its own end. */
export function failureStatus(message: string): Buffer {
  return Buffer.from(
    JSON.stringify({ metadata: {}, status: 'Failure', message, reason: 'InternalError', code: 500 }),
  );
}

/** What a client may send to the container. */
export const isInput = (channel: number): boolean =>
  channel === channels.stdin || channel === channels.resize;
