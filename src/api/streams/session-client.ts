/** The client's end of an exec or attach, whichever protocol it speaks: what channel-sessions.ts and spdy-sessions.ts make. */
import type { ChannelMessage } from './channel-protocol.ts';

export interface SessionClient {
  /** Input and terminal sizes, in order; ends when the client is gone. */
  readonly input: AsyncIterable<ChannelMessage>;
  /** Output on one of base/channel-frames.ts's channels. Resolves when the bytes have left; never fails. */
  write(channel: number, content: Buffer): Promise<void>;
  /** The end of the session: a `metav1.Status` as JSON, told in the protocol's own way. The first one counts. */
  finish(status: Buffer): Promise<void>;
}
