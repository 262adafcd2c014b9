/** One timer per session: regular pings, and the end of a session that is idle for too long. */
import type { Clock, Timer } from '../../base/clock.ts';
import type { ByteChannel } from './byte-channel.ts';

/** Load balancers forget connections that are silent for a minute. */
const PING_INTERVAL_MS = 30_000;
/** The kubelet's streaming-connection-idle-timeout. */
export const IDLE_TIMEOUT_MS = 4 * 60 * 60 * 1000;
const GOING_AWAY = 1001;

export interface LiveChannel extends ByteChannel, Disposable {
  /** For a protocol that has pings of its own. */
  pingWith(ping: () => void): void;
}

/** The channel with a watchdog: traffic in either direction counts as activity. */
export function keepAlive(channel: ByteChannel, clock: Clock): LiveChannel {
  let lastAtMs = clock.now();
  let ping = (): void => channel.ping();
  const tick = (): void => {
    if (clock.now() - lastAtMs >= IDLE_TIMEOUT_MS) return channel.close(GOING_AWAY, 'idle for too long');
    ping();
    timer = clock.setTimer(tick, PING_INTERVAL_MS);
  };
  let timer: Timer = clock.setTimer(tick, PING_INTERVAL_MS);
  async function* messages(): AsyncGenerator<Buffer> {
    for await (const message of channel.messages) {
      lastAtMs = clock.now();
      yield message;
    }
  }
  return {
    messages: messages(),
    async send(message) {
      await channel.send(message);
      lastAtMs = clock.now();
    },
    ping: () => ping(),
    pingWith(next) {
      ping = next;
    },
    close: (code, reason) => channel.close(code, reason),
    [Symbol.dispose]: () => timer.cancel(),
  };
}
