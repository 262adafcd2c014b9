/** The client's end of an exec or attach (channel-sessions.ts, spdy-sessions.ts). */
import type { ChannelMessage } from './channel-protocol.ts';

export interface SessionClient {
  /** Input and terminal sizes, in order; ends when the client is gone. */
  readonly input: AsyncIterable<ChannelMessage>;
  /** Output on a channel of base/channel-frames.ts. Resolves when it has left; never fails. */
  write(channel: number, content: Buffer): Promise<void>;
  /** Ends the session with a `metav1.Status` as JSON. Only the first one counts. */
  finish(status: Buffer): Promise<void>;
}
