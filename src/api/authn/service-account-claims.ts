/** The claims of service account tokens, as upstream's: written, and read back. Pure. */
import { isRecord } from '../../base/json.ts';
import type { KubeObject } from '../../schemas/object.ts';
import type { UserInfo } from '../../resources/types.ts';

/** The issuer of tokens, and the audience of those that name none. */
export const ISSUER = 'https://kubernetes.default.svc.cluster.local';
/** The issuer of tokens that live in Secrets. */
const LEGACY_ISSUER = 'kubernetes/serviceaccount';
const LEGACY_PREFIX = 'kubernetes.io/serviceaccount/';

const USER_PREFIX = 'system:serviceaccount:';
const ALL_ACCOUNTS = 'system:serviceaccounts';
const AUTHENTICATED = 'system:authenticated';
const EXTRA = 'authentication.kubernetes.io/';

export interface NamedRef {
  readonly name: string;
  readonly uid: string;
}

/** A token by TokenRequest. Times are whole seconds since the epoch. */
export interface BoundToken {
  readonly type: 'bound';
  readonly namespace: string;
  readonly account: NamedRef;
  readonly audiences: readonly string[];
  readonly expiresAt: number;
  readonly notBefore: number;
  readonly id: string;
  readonly pod?: NamedRef;
  readonly secret?: NamedRef;
  /** Where the pod of a bound token runs. The uid is empty when the node was not known. */
  readonly node?: NamedRef;
}

/** A token in a Secret is valid for as long as the Secret holds it. */
export interface LegacyToken {
  readonly type: 'legacy';
  readonly namespace: string;
  readonly account: NamedRef;
  readonly secretName: string;
}

export type AccountToken = BoundToken | LegacyToken;

export type Claims = Readonly<Record<string, unknown>>;

const refOf = ({ metadata }: KubeObject): NamedRef => ({ name: metadata.name, uid: metadata.uid ?? '' });

export interface BoundClaimsInput {
  readonly account: KubeObject;
  readonly audiences: readonly string[];
  readonly nowMs: number;
  readonly expirationSeconds: number;
  readonly id: string;
  readonly pod?: KubeObject | undefined;
  readonly secret?: KubeObject | undefined;
  readonly node?: KubeObject | undefined;
}

export function boundClaims(input: BoundClaimsInput): Claims {
  const { account, pod, secret, node } = input;
  const { namespace = '', name } = account.metadata;
  const now = Math.floor(input.nowMs / 1_000);
  return {
    aud: input.audiences,
    exp: now + input.expirationSeconds,
    iat: now,
    iss: ISSUER,
    jti: input.id,
    'kubernetes.io': {
      namespace,
      ...(node ? { node: withoutEmptyUid(refOf(node)) } : {}),
      ...(pod ? { pod: refOf(pod) } : {}),
      ...(secret ? { secret: refOf(secret) } : {}),
      serviceaccount: refOf(account),
    },
    nbf: now,
    sub: accountUserName(namespace, name),
  };
}

const withoutEmptyUid = ({ name, uid }: NamedRef): { name: string; uid?: string } =>
  uid === '' ? { name } : { name, uid };

export function legacyClaims(account: KubeObject, secretName: string): Claims {
  const { namespace = '', name, uid = '' } = account.metadata;
  return {
    iss: LEGACY_ISSUER,
    [`${LEGACY_PREFIX}namespace`]: namespace,
    [`${LEGACY_PREFIX}secret.name`]: secretName,
    [`${LEGACY_PREFIX}service-account.name`]: name,
    [`${LEGACY_PREFIX}service-account.uid`]: uid,
    sub: accountUserName(namespace, name),
  };
}

/** Undefined where the claims are not a token's of ours. The signature was checked before. */
export function parseClaims(claims: Claims): AccountToken | undefined {
  const token = claims['iss'] === ISSUER ? parseBound(claims) : parseLegacy(claims);
  return token && claims['sub'] === accountUserName(token.namespace, token.account.name) ? token : undefined;
}

function parseBound(claims: Claims): BoundToken | undefined {
  const about = claims['kubernetes.io'];
  const { aud, exp, nbf, jti } = claims;
  if (!isRecord(about) || typeof exp !== 'number' || typeof nbf !== 'number') return undefined;
  const namespace = about['namespace'];
  const account = parseRef(about['serviceaccount']);
  if (typeof namespace !== 'string' || namespace === '' || !account) return undefined;
  const audiences = (Array.isArray(aud) ? (aud as readonly unknown[]) : [aud]).filter(isText);
  const pod = parseRef(about['pod']);
  const secret = parseRef(about['secret']);
  const node = parseRef(about['node']);
  return {
    type: 'bound',
    namespace,
    account,
    audiences,
    expiresAt: exp,
    notBefore: nbf,
    id: isText(jti) ? jti : '',
    ...(pod ? { pod } : {}),
    ...(secret ? { secret } : {}),
    ...(node ? { node } : {}),
  };
}

function parseLegacy(claims: Claims): LegacyToken | undefined {
  if (claims['iss'] !== LEGACY_ISSUER) return undefined;
  const [namespace, secretName, name, uid] = [
    'namespace',
    'secret.name',
    'service-account.name',
    'service-account.uid',
  ].map((field) => claims[`${LEGACY_PREFIX}${field}`]);
  if (!isText(namespace) || !isText(secretName) || !isText(name) || !isText(uid)) return undefined;
  return { type: 'legacy', namespace, account: { name, uid }, secretName };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '';

function parseRef(value: unknown): NamedRef | undefined {
  if (!isRecord(value)) return undefined;
  const { name, uid } = value;
  return isText(name) ? { name, uid: isText(uid) ? uid : '' } : undefined;
}

export const accountUserName = (namespace: string, name: string): string =>
  `${USER_PREFIX}${namespace}:${name}`;

export function accountUser(token: AccountToken): UserInfo {
  const { namespace, account } = token;
  const extra = token.type === 'bound' ? extraOf(token) : {};
  return {
    name: accountUserName(namespace, account.name),
    uid: account.uid,
    groups: [ALL_ACCOUNTS, `${ALL_ACCOUNTS}:${namespace}`, AUTHENTICATED],
    ...(Object.keys(extra).length === 0 ? {} : { extra }),
  };
}

function extraOf({ id, node, pod }: BoundToken): Record<string, readonly string[]> {
  return {
    ...(id === '' ? {} : { [`${EXTRA}credential-id`]: [`JTI=${id}`] }),
    ...(node ? { [`${EXTRA}node-name`]: [node.name] } : {}),
    ...(node && node.uid !== '' ? { [`${EXTRA}node-uid`]: [node.uid] } : {}),
    ...(pod ? { [`${EXTRA}pod-name`]: [pod.name], [`${EXTRA}pod-uid`]: [pod.uid] } : {}),
  };
}
