/**
 * `serviceaccounts/NAME/token`: a token of the account, bound to a pod, a Secret or a node where
 * the request asks for it. Texts and codes are upstream's.
 */
import { toRfc3339 } from '../../base/clock.ts';
import { isRecord } from '../../base/json.ts';
import type { Rng } from '../../base/rng.ts';
import type { FieldError } from '../../schemas/errors/field-error.ts';
import { formatApiVersion, type KubeObject, parseApiVersion } from '../../schemas/object.ts';
import { badRequest, conflict, invalid, isStatusError } from '../../schemas/errors/status.ts';
import type { Pod } from '../../schemas/types.ts';
import { boundClaims, ISSUER } from './service-account-claims.ts';
import type { TokenSigner } from './service-account-tokens.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import { takeTyped } from '../../resources/decoding/intake.ts';
import { forbidden } from '../../resources/refusals.ts';
import type { ObjectRef, RequestContext, UserInfo } from '../../resources/types.ts';
import type { ObjectAction } from '../../resources/subresources/types.ts';

const TYPE = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest' } as const;
const KIND = { group: 'authentication.k8s.io', kind: 'TokenRequest' } as const;
const ACCOUNTS = { group: '', plural: 'serviceaccounts' } as const;

const MIN_SECONDS = 600;
const DEFAULT_SECONDS = 3_600;
const MAX_ASKED_SECONDS = 2 ** 32;
/** Longer lifetimes are cut to this: a token that everybody has forgotten is never revoked. */
const MAX_SECONDS = 365 * 24 * 3_600;

export interface TokenRequestOptions {
  readonly core: Pick<ResourceCore, 'registry' | 'schemas' | 'get' | 'clock'>;
  readonly signer: TokenSigner;
  readonly rng: Rng;
}

interface BoundRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

interface Wanted {
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  readonly ref: BoundRef | undefined;
}

interface Bound {
  readonly pod?: KubeObject | undefined;
  readonly secret?: KubeObject | undefined;
  readonly node?: KubeObject | undefined;
}

export function createTokenRequestAction({ core, signer, rng }: TokenRequestOptions): ObjectAction {
  function refTo(plural: string, namespace: string | undefined, name: string): ObjectRef {
    const kind = core.registry.byResource('', 'v1', plural);
    if (!kind) throw new Error(`The registry has no ${plural}`);
    return { kind, namespace, name };
  }

  async function nodeOf(pod: Pod): Promise<KubeObject | undefined> {
    const name = pod.spec.nodeName;
    if (!name) return undefined;
    try {
      return await core.get(refTo('nodes', undefined, name), '0');
    } catch (error) {
      if (!isStatusError(error, 'NotFound')) throw error;
      // The pod's node is named even when there is no such Node object.
      return { apiVersion: 'v1', kind: 'Node', metadata: { name } };
    }
  }

  async function boundTo(ref: BoundRef, account: KubeObject): Promise<Bound> {
    const { namespace, name } = account.metadata;
    const { group, version } = parseApiVersion(ref.apiVersion);
    const kind = group === '' ? ref.kind : '';
    let bound: Bound;
    if (kind === 'Pod') {
      const pod = (await core.get(refTo('pods', namespace, ref.name))) as Pod;
      if (pod.spec.serviceAccountName !== name)
        throw badRequest(
          `cannot bind token for serviceaccount ${JSON.stringify(name)} to pod running with different serviceaccount name.`,
        );
      bound = { pod, node: await nodeOf(pod) };
    } else if (kind === 'Secret') {
      bound = { secret: await core.get(refTo('secrets', namespace, ref.name)) };
    } else if (kind === 'Node') {
      bound = { node: await core.get(refTo('nodes', undefined, ref.name)) };
    } else {
      const type = `${formatApiVersion(group, version) === version ? `/${version}` : ref.apiVersion}, Kind=${ref.kind}`;
      throw badRequest(`cannot bind token to object of type ${type}`);
    }
    const target = bound.pod ?? bound.secret ?? bound.node;
    if (ref.uid !== '' && target?.metadata.uid !== ref.uid)
      throw conflict({ group, plural: ref.kind }, ref.name, uidText(ref.uid));
    return bound;
  }

  return {
    resource: 'serviceaccounts',
    subresource: 'token',
    async create(ref, body, { fieldValidation }, context) {
      const schema = core.schemas.ofKind(KIND.group, 'v1', KIND.kind);
      const request = takeTyped(core.schemas, schema, body, TYPE, { fieldValidation, context });
      checkPlace(request, ref);
      const account = await core.get(ref);
      checkPreconditions(request, account);
      const asked = wantedOf(request);
      checkWanted(asked);
      const bound = asked.ref ? await boundTo(asked.ref, account) : {};
      checkNodesRequest(context.user, asked, bound, account.metadata.name);
      const wanted = { ...asked, expirationSeconds: shortened(asked.expirationSeconds, context) };
      const { audiences, expirationSeconds } = wanted;
      const nowMs = core.clock.now();
      const id = rng.uuid();
      const claims = boundClaims({ account, audiences, nowMs, expirationSeconds, id, ...bound });
      const token = await signer.sign(claims);
      return answerOf(request, account, wanted, token, { uid: rng.uuid(), nowMs });
    },
  };
}

/** The account in the body must be the one of the URL. */
function checkPlace({ metadata }: KubeObject, { name, namespace }: ObjectRef): void {
  const refuse = (path: string, value: string, detail: string): never => {
    throw invalid(KIND, name, [{ type: 'FieldValueInvalid', path, value, detail }]);
  };
  if (metadata.name && metadata.name !== name)
    refuse('metadata.name', metadata.name, 'must match the service account name if specified');
  if (metadata.namespace && metadata.namespace !== namespace)
    refuse('metadata.namespace', metadata.namespace, 'must match the service account namespace if specified');
}

function checkPreconditions({ metadata }: KubeObject, account: KubeObject): void {
  const check = (what: string, wanted: string | undefined, found = ''): void => {
    const why = `Precondition failed: ${what} in precondition: ${wanted ?? ''}, ${what} in object meta: ${found}`;
    if (wanted && wanted !== found) throw conflict(ACCOUNTS, account.metadata.name, why);
  };
  check('UID', metadata.uid, account.metadata.uid);
  check('ResourceVersion', metadata.resourceVersion, account.metadata.resourceVersion);
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function wantedOf(request: KubeObject): Wanted {
  const spec = isRecord(request['spec']) ? request['spec'] : {};
  const audiences = Array.isArray(spec['audiences']) ? (spec['audiences'] as readonly string[]) : [];
  const seconds = spec['expirationSeconds'];
  const ref = isRecord(spec['boundObjectRef']) ? spec['boundObjectRef'] : undefined;
  return {
    audiences: audiences.length === 0 ? [ISSUER] : audiences,
    expirationSeconds: typeof seconds === 'number' ? seconds : DEFAULT_SECONDS,
    ref: ref && {
      apiVersion: textOf(ref['apiVersion']),
      kind: textOf(ref['kind']),
      name: textOf(ref['name']),
      uid: textOf(ref['uid']),
    },
  };
}

function checkWanted({ expirationSeconds: value }: Wanted): void {
  const path = 'spec.expirationSeconds';
  const wrong = (detail: string): FieldError => ({ type: 'FieldValueInvalid', path, value, detail });
  if (value < MIN_SECONDS)
    throw invalid(KIND, '', [wrong('may not specify a duration less than 10 minutes')]);
  if (value > MAX_ASKED_SECONDS)
    throw invalid(KIND, '', [wrong('may not specify a duration larger than 2^32 seconds')]);
}

function shortened(seconds: number, context: RequestContext): number {
  if (seconds <= MAX_SECONDS) return seconds;
  context.warn(`requested expiration of ${seconds} seconds shortened to ${MAX_SECONDS} seconds`);
  return MAX_SECONDS;
}

const uidText = (uid: string): string =>
  `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`;

const NODES = 'system:nodes';
const NODE_PREFIX = 'system:node:';

/** Upstream's NodeRestriction: agents get bound tokens only, of their own pods' accounts. */
function checkNodesRequest(
  user: UserInfo,
  { ref, audiences }: Wanted,
  { pod }: Bound,
  account: string,
): void {
  if (!user.groups.includes(NODES) || !user.name.startsWith(NODE_PREFIX)) return;
  const node = user.name.slice(NODE_PREFIX.length);
  const refuse = (why: string): never => {
    throw forbidden(ACCOUNTS, account, why);
  };
  if (!ref || !pod) return refuse('node requested token not bound to a pod');
  if (ref.uid === '') refuse('node requested token with a pod binding without a uid');
  if ((pod as Pod).spec.nodeName !== node)
    refuse('node requested token bound to a pod scheduled on a different node');
  const named = (pod as Pod).spec.volumes?.flatMap(({ projected }) =>
    (projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
      serviceAccountToken ? [serviceAccountToken.audience || ISSUER] : [],
    ),
  );
  const other = audiences.find((audience) => !named?.includes(audience));
  if (other !== undefined) refuse(`audience ${JSON.stringify(other)} not found in pod spec volume`);
}

function answerOf(
  request: KubeObject,
  account: KubeObject,
  { audiences, expirationSeconds, ref }: Wanted,
  token: string,
  { uid, nowMs }: { readonly uid: string; readonly nowMs: number },
): KubeObject {
  const { name, namespace } = account.metadata;
  return {
    ...TYPE,
    metadata: {
      ...request.metadata,
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid,
      creationTimestamp: toRfc3339(nowMs),
    },
    spec: { audiences, expirationSeconds, boundObjectRef: ref ? withoutEmpty(ref) : null },
    status: { token, expirationTimestamp: toRfc3339(nowMs + expirationSeconds * 1_000) },
  };
}

function withoutEmpty(ref: BoundRef): Record<string, string> {
  return Object.fromEntries(Object.entries(ref).filter(([, value]) => value !== ''));
}
