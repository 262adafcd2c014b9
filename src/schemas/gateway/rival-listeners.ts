/**
 * Gateways that want the same port. All of them listen on the same nodes, so that a port has one
 * protocol, and a hostname of it one listener: the older Gateway has it. Pure.
 */
import { GATEWAY_PROTOCOLS, ownConflict } from './listener-conflicts.ts';
import { olderFirst } from './older-first.ts';
import { type Gateway, type GatewayListener, isTrue, type Judgement } from './types.ts';

interface Claim {
  readonly protocol: string;
  readonly owner: Gateway;
  /** By hostname. */
  readonly hostnames: Map<string, Gateway>;
}

/** The listeners that lose, each with the reason. `gateways`: all of our classes. */
export function judgeRivals(gateways: readonly Gateway[]): ReadonlyMap<GatewayListener, Judgement> {
  const claims = new Map<number, Claim>();
  const losers = new Map<GatewayListener, Judgement>();
  for (const gateway of [...gateways].sort(olderFirst))
    for (const listener of gateway.spec.listeners) {
      const { port, protocol, hostname = '' } = listener;
      if (!GATEWAY_PROTOCOLS.includes(protocol) || ownConflict(listener, gateway.spec.listeners)) continue;
      const claim: Claim = claims.get(port) ?? {
        protocol,
        owner: gateway,
        hostnames: new Map<string, Gateway>(),
      };
      const rival = claim.hostnames.get(hostname);
      if (claim.protocol !== protocol)
        losers.set(listener, lost('ProtocolConflict', claim.owner, 'port with another protocol'));
      else if (rival && rival !== gateway)
        losers.set(listener, lost('HostnameConflict', rival, 'port and hostname'));
      else claim.hostnames.set(hostname, gateway);
      claims.set(port, claim);
    }
  return losers;
}

const lost = (reason: string, { metadata }: Gateway, same: string): Judgement =>
  isTrue(
    'Conflicted',
    reason,
    `Gateway ${metadata.namespace ?? ''}/${metadata.name}, which is older, has the same ${same}: choose another one, or attach the routes to that Gateway`,
  );
