/**
 * A bootstrap token is a Secret of this type, name and namespace.
 * Source: kubernetes.io, "Authenticating with Bootstrap Tokens".
 */
import type { KubeObject } from './object.ts';
import type { Secret } from './types.ts';

export const BOOTSTRAP_NAMESPACE = 'kube-system';
export const BOOTSTRAP_TYPE = 'bootstrap.kubernetes.io/token';
export const BOOTSTRAP_PREFIX = 'bootstrap-token-';

export function isBootstrapToken(object: KubeObject): object is Secret {
  const { namespace, name } = object.metadata;
  return (
    object['type'] === BOOTSTRAP_TYPE &&
    namespace === BOOTSTRAP_NAMESPACE &&
    name.startsWith(BOOTSTRAP_PREFIX)
  );
}

export function bootstrapField(secret: Secret, key: string): string {
  return Buffer.from(secret.data?.[key] ?? '', 'base64').toString('utf8');
}

/** Epoch milliseconds of the token's end; undefined: never. An invalid text counts as over. */
export function bootstrapExpiryMs(secret: Secret): number | undefined {
  const text = bootstrapField(secret, 'expiration');
  if (text === '') return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? 0 : at;
}
