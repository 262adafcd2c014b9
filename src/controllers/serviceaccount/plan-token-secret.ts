/**
 * One look at a Secret of type `kubernetes.io/service-account-token`: it is filled while its account is there, and goes
 * when the account does. Pure; a missing token is for the executor to sign. Source: upstream's tokens controller.
 */
import type { KubeObject } from '../../schemas/object.ts';
import type { Secret } from '../../schemas/types.ts';
import { isDeleting } from '../ownership.ts';

export const TOKEN_SECRET_TYPE = 'kubernetes.io/service-account-token';
const NAME_ANNOTATION = 'kubernetes.io/service-account.name';
const UID_ANNOTATION = 'kubernetes.io/service-account.uid';

export type TokenSecretPlan =
  | { readonly action: 'none' }
  | { readonly action: 'delete' }
  /** Everything but the token, which is to be signed where it is missing. */
  | { readonly action: 'fill'; readonly secret: Secret; readonly needsToken: boolean };

export interface TokenSecretInput {
  readonly secret: Secret;
  /** The account that the Secret names, if it is there. */
  readonly account: KubeObject | undefined;
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

export function planTokenSecret({ secret, account, caBundle, mayAct }: TokenSecretInput): TokenSecretPlan {
  if (isDeleting(secret)) return { action: 'none' };
  const { metadata } = secret;
  const namedUid = metadata.annotations?.[UID_ANNOTATION];
  const uid = account?.metadata.uid ?? '';
  const isIts = account !== undefined && (namedUid === undefined || namedUid === '' || namedUid === uid);
  if (!isIts) return { action: mayAct ? 'delete' : 'none' };
  const wanted = {
    namespace: base64(metadata.namespace ?? ''),
    ...(caBundle === undefined ? {} : { 'ca.crt': base64(caBundle) }),
  };
  const needsToken = !secret.data?.['token'];
  const differs = Object.entries(wanted).some(([key, value]) => secret.data?.[key] !== value);
  if (!needsToken && !differs && namedUid === uid) return { action: 'none' };
  return {
    action: 'fill',
    secret: {
      ...secret,
      metadata: { ...metadata, annotations: { ...metadata.annotations, [UID_ANNOTATION]: uid } },
      data: { ...secret.data, ...wanted },
    },
    needsToken,
  };
}

const base64 = (text: string): string => Buffer.from(text).toString('base64');

export function withToken(secret: Secret, token: string): Secret {
  return { ...secret, data: { ...secret.data, token: base64(token) } };
}
