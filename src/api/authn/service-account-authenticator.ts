/**
 * Service account tokens as credentials. A token's signature is checked once per server. The
 * account, the pod or Secret that it is bound to, their uids and the time are checked on every
 * request: deleting any of them revokes the token at once, also for open sessions.
 */
import { createHash } from 'node:crypto';
import { createBoundedMap } from '../../base/bounded-map.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Secret } from '../../schemas/types.ts';
import type { LiveObjects, LiveResource } from './live-objects.ts';
import {
  type AccountToken,
  accountUser,
  type BoundToken,
  ISSUER,
  type LegacyToken,
  type NamedRef,
  parseClaims,
} from './service-account-claims.ts';
import type { TokenVerifier } from './service-account-tokens.ts';
import { type TokenAuthenticator, type TokenOwner, TokenRefused, type UserInfo } from './types.ts';

export interface ServiceAccountAuthenticatorOptions {
  readonly verifier: TokenVerifier;
  readonly live: LiveObjects;
  readonly clock: { now(): number };
  /** Tokens whose signature is remembered. */
  readonly cacheSize?: number;
}

interface Verified {
  readonly token: AccountToken;
  readonly user: UserInfo;
}

/** A token for each pod of a large cluster, at less than a kilobyte each. */
const DEFAULT_CACHE_SIZE = 20_000;
/** Servers' clocks differ: a token of another server may seem to begin in the future. */
const CLOCK_LEEWAY_MS = 60_000;

const INVALIDATED = 'service account token has been invalidated';

export function createServiceAccountAuthenticator(
  options: ServiceAccountAuthenticatorOptions,
): TokenAuthenticator {
  const { verifier, live, clock } = options;
  /** By digest, so that a heap dump holds no tokens. */
  const cache = createBoundedMap<string, Verified>(options.cacheSize ?? DEFAULT_CACHE_SIZE);

  async function verified(text: string): Promise<Verified | undefined> {
    const key = createHash('sha256').update(text).digest('base64');
    const known = cache.get(key);
    if (known) {
      // The least recently used one goes first.
      cache.set(key, known);
      return known;
    }
    const claims = await verifier.verify(text);
    const token = claims && parseClaims(claims);
    if (!token) return undefined;
    const entry = { token, user: accountUser(token) };
    cache.set(key, entry);
    return entry;
  }

  /** Deleted long enough ago that a difference of clocks cannot explain it. */
  function isDeleted({ metadata }: KubeObject): boolean {
    const { deletionTimestamp } = metadata;
    return deletionTimestamp !== undefined && Date.parse(deletionTimestamp) < clock.now() - CLOCK_LEEWAY_MS;
  }

  async function checkAccount({ namespace, account }: AccountToken): Promise<void> {
    const found = await live.find('serviceaccounts', namespace, account.name, (object) =>
      isSame(object, account),
    );
    if (!found)
      throw new TokenRefused(`serviceaccounts "${account.name}" not found, or not with uid ${account.uid}`);
    if (isDeleted(found))
      throw new TokenRefused(`ServiceAccount ${namespace}/${account.name} has been deleted`);
  }

  async function checkBound(
    resource: LiveResource,
    namespace: string | undefined,
    ref: NamedRef | undefined,
  ): Promise<void> {
    if (!ref) return;
    const found = await live.find(resource, namespace, ref.name, (object) => isSame(object, ref));
    if (!found || isDeleted(found)) throw new TokenRefused(INVALIDATED);
  }

  async function checkToken(token: BoundToken): Promise<void> {
    const nowMs = clock.now();
    if (nowMs >= token.expiresAt * 1_000) throw new TokenRefused('service account token has expired');
    if (nowMs + CLOCK_LEEWAY_MS < token.notBefore * 1_000)
      throw new TokenRefused('service account token is not valid yet');
    await checkAccount(token);
    await checkBound('secrets', token.namespace, token.secret);
    await checkBound('pods', token.namespace, token.pod);
    // In a token that is bound to a pod, the node only says where the pod runs.
    if (!token.pod) await checkBound('nodes', undefined, token.node);
  }

  async function checkLegacy(token: LegacyToken, text: string): Promise<void> {
    const holds = (object: KubeObject): boolean =>
      Buffer.from((object as Secret).data?.['token'] ?? '', 'base64').toString('utf8') === text;
    const secret = await live.find('secrets', token.namespace, token.secretName, holds);
    if (!secret || isDeleted(secret)) throw new TokenRefused(INVALIDATED);
    await checkAccount(token);
  }

  async function authenticate(text: string, wanted: readonly string[]): Promise<TokenOwner | undefined> {
    const found = await verified(text);
    if (!found) return undefined;
    const { token, user } = found;
    const meant = token.type === 'bound' ? token.audiences : [ISSUER];
    const audiences = wanted.filter((audience) => meant.includes(audience));
    if (audiences.length === 0)
      throw new TokenRefused(
        `token audiences ${JSON.stringify(meant)} is invalid for the target audiences ${JSON.stringify(wanted)}`,
      );
    if (token.type === 'bound') await checkToken(token);
    else await checkLegacy(token, text);
    return { user, audiences };
  }

  return {
    authenticateToken: (text, wanted) => (COMPACT_JWS.test(text) ? authenticate(text, wanted) : undefined),
  };
}

/** RFC 7515, 7.1: header, payload and signature; anything else is a token of another sort. */
const COMPACT_JWS = /^[\w-]+\.[\w-]*\.[\w-]*$/;

const isSame = ({ metadata }: KubeObject, { uid }: NamedRef): boolean => metadata.uid === uid;
