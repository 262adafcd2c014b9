/** The certificate that this API server shows to the others, made when it is needed. */
import { type Authority, type Identity, issueIdentity } from '../../api/tls/authority.ts';
import { PEER_USER } from '../../api/peers/types.ts';
import type { Clock } from '../../base/clock.ts';

const LIFETIME_MS = 24 * 3_600_000;
const RENEW_AFTER_MS = 18 * 3_600_000;

export function createPeerCredentials(authority: Authority, clock: Clock): () => Promise<Identity> {
  let made: { readonly identity: Promise<Identity>; readonly atMs: number } | undefined;
  return () => {
    if (made && clock.now() - made.atMs < RENEW_AFTER_MS) return made.identity;
    const identity = issueIdentity(authority, {
      commonName: PEER_USER,
      organizations: ['system:masters'],
      purposes: ['client auth'],
      lifetimeMs: LIFETIME_MS,
    });
    made = { identity, atMs: clock.now() };
    return identity;
  };
}
