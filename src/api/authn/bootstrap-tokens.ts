/**
 * Bootstrap tokens: `<id>.<secret>`, kept as Secrets `kube-system/bootstrap-token-<id>`. Source:
 * kubernetes.io, "Authenticating with Bootstrap Tokens".
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { toRfc3339 } from '../../base/clock.ts';
import { type Rng, systemRng } from '../../base/rng.ts';
import type { Secret } from '../../schemas/types.ts';
import {
  BOOTSTRAP_NAMESPACE,
  BOOTSTRAP_PREFIX,
  BOOTSTRAP_TYPE,
  bootstrapExpiryMs,
  bootstrapField,
  isBootstrapToken,
} from '../../schemas/bootstrap-token.ts';
import type { LiveObjects } from './live-objects.ts';
import type { TokenAuthenticator, TokenOwner } from './types.ts';

export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
  /** A token to create; its creator chooses how long it is valid. */
  readonly secretObject: Secret;
}

export interface BootstrapTokenOptions {
  /** Epoch milliseconds; without it the token never expires. */
  readonly expiresAtMs?: number | undefined;
  readonly description?: string | undefined;
  /** Besides `system:bootstrappers`; each must begin with `system:bootstrappers:`. */
  readonly groups?: readonly string[];
  /** Must be cryptographically secure, as the system's is. */
  readonly rng?: Rng;
}

const ID_LENGTH = 6;
const SECRET_LENGTH = 16;
const ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const TOKEN = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;
const EXTRA_GROUP = /^system:bootstrappers:[a-z0-9:-]{0,255}[a-z0-9]$/;
export const BOOTSTRAPPERS_GROUP = 'system:bootstrappers';

/** A new token and the Secret that makes it valid. Its text is `${id}.${secret}`. */
export function createBootstrapToken(options: BootstrapTokenOptions = {}): BootstrapToken {
  const { expiresAtMs, description, groups = [], rng = systemRng } = options;
  const text = (length: number): string =>
    Array.from({ length }, () => ALPHABET[Math.floor(rng.next() * ALPHABET.length)]).join('');
  const id = text(ID_LENGTH);
  const secret = text(SECRET_LENGTH);
  const fields: Record<string, string> = {
    'token-id': id,
    'token-secret': secret,
    'usage-bootstrap-authentication': 'true',
    'usage-bootstrap-signing': 'true',
    ...(expiresAtMs === undefined ? {} : { expiration: toRfc3339(expiresAtMs) }),
    ...(description === undefined ? {} : { description }),
    ...(groups.length === 0 ? {} : { 'auth-extra-groups': groups.join(',') }),
  };
  const data = Object.fromEntries(
    Object.entries(fields).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  const metadata = { name: `${BOOTSTRAP_PREFIX}${id}`, namespace: BOOTSTRAP_NAMESPACE };
  return {
    id,
    secret,
    secretObject: { apiVersion: 'v1', kind: 'Secret', metadata, type: BOOTSTRAP_TYPE, data },
  };
}

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

export interface BootstrapAuthenticatorOptions {
  readonly live: LiveObjects;
  readonly clock: { now(): number };
}

export function createBootstrapTokenAuthenticator(
  options: BootstrapAuthenticatorOptions,
): TokenAuthenticator {
  const { live, clock } = options;
  async function authenticate(id: string, given: string): Promise<TokenOwner | undefined> {
    const secret = await live.find('secrets', BOOTSTRAP_NAMESPACE, `${BOOTSTRAP_PREFIX}${id}`);
    if (!secret || !isBootstrapToken(secret) || secret.metadata.deletionTimestamp !== undefined)
      return undefined;
    const matches =
      bootstrapField(secret, 'token-id') === id &&
      timingSafeEqual(digest(bootstrapField(secret, 'token-secret')), digest(given));
    const expiresAt = bootstrapExpiryMs(secret);
    const expired = expiresAt !== undefined && expiresAt <= clock.now();
    if (!matches || expired || bootstrapField(secret, 'usage-bootstrap-authentication') !== 'true')
      return undefined;
    const extra = groupsOf(secret);
    if (!extra) return undefined;
    return {
      user: {
        name: `system:bootstrap:${id}`,
        groups: [BOOTSTRAPPERS_GROUP, ...extra, 'system:authenticated'],
      },
    };
  }

  return {
    authenticateToken(token) {
      const [, id, given] = TOKEN.exec(token) ?? [];
      return id === undefined || given === undefined ? undefined : authenticate(id, given);
    },
  };
}

/** The extra groups; undefined when one is not allowed, which makes the whole token invalid. */
function groupsOf(secret: Secret): readonly string[] | undefined {
  const groups = bootstrapField(secret, 'auth-extra-groups')
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== '');
  return groups.every((group) => EXTRA_GROUP.test(group)) ? [...new Set(groups)].sort() : undefined;
}
