/**
 * A Secret of type `kubernetes.io/service-account-token` is filled while its account is there, and
 * goes with the account. Upstream's tokens controller, pure.
 */
import { jsonEqual } from '../../base/json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { Secret } from '../../schemas/types.ts';
import { unchanged } from '../../resources/writing/write-plan.ts';
import type { Plan } from '../controller.ts';
import { deletionOf, isDeleting } from '../ownership.ts';

export const TOKEN_SECRET_TYPE = 'kubernetes.io/service-account-token';
const NAME_ANNOTATION = 'kubernetes.io/service-account.name';
const UID_ANNOTATION = 'kubernetes.io/service-account.uid';

export interface TokenSecretInput {
  readonly secret: Secret;
  /** The account that the Secret names, if it is there. */
  readonly account: KubeObject | undefined;
  /** Signed for the Secret because it has none. */
  readonly token: string | undefined;
  /** PEM. */
  readonly caBundle: string | undefined;
  /** False while the store is being rebuilt: what seems to be missing may come back. */
  readonly mayAct: boolean;
}

export function isTokenSecret(object: KubeObject): object is Secret {
  return object['type'] === TOKEN_SECRET_TYPE;
}

export function accountNameOf({ metadata }: Secret): string {
  return metadata.annotations?.[NAME_ANNOTATION] ?? '';
}

/** An account of this name that was made anew is another one. */
export function isAccountOf({ metadata }: Secret, account: KubeObject): boolean {
  const uid = metadata.annotations?.[UID_ANNOTATION] ?? '';
  return uid === '' || uid === account.metadata.uid;
}

export function planTokenSecret(input: TokenSecretInput): Plan | undefined {
  const { secret, account, token, caBundle, mayAct } = input;
  if (isDeleting(secret)) return undefined;
  if (!account || !isAccountOf(secret, account)) {
    const checks = account ? [unchanged(account)] : [];
    return mayAct ? { writes: [deletionOf(secret)], checks } : undefined;
  }
  const { metadata } = secret;
  const uid = account.metadata.uid ?? '';
  const data = {
    ...secret.data,
    namespace: base64(metadata.namespace ?? ''),
    ...(caBundle === undefined ? {} : { 'ca.crt': base64(caBundle) }),
    ...(token === undefined ? {} : { token: base64(token) }),
  };
  if (metadata.annotations?.[UID_ANNOTATION] === uid && jsonEqual(data, secret.data)) return undefined;
  const annotations = { ...metadata.annotations, [UID_ANNOTATION]: uid };
  const object = { ...secret, metadata: { ...metadata, annotations }, data };
  return { writes: [{ verb: 'update', object }], checks: [unchanged(account)] };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');
