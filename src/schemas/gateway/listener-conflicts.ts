/** Listeners of one Gateway that are in each other's way. Pure. */
import { type GatewayListener, isTrue, type Judgement } from './types.ts';

/** The protocols that nodes serve. */
export const GATEWAY_PROTOCOLS: readonly string[] = ['HTTP', 'HTTPS'];

/** Both listeners of a conflict lose: nobody could tell which of them is meant. */
export function ownConflict(
  listener: GatewayListener,
  all: readonly GatewayListener[],
): Judgement | undefined {
  const rivals = all.filter((other) => other !== listener && other.port === listener.port);
  const alien = rivals.find(({ protocol }) => protocol !== listener.protocol);
  if (alien)
    return isTrue(
      'Conflicted',
      'ProtocolConflict',
      `Listener ${alien.name} has the same port and another protocol`,
    );
  const twin = rivals.find(({ hostname }) => (hostname ?? '') === (listener.hostname ?? ''));
  return (
    twin && isTrue('Conflicted', 'HostnameConflict', `Listener ${twin.name} has the same port and hostname`)
  );
}
