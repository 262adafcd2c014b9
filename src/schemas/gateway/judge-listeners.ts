/** The listeners of a Gateway: which of them work, and what they take. Pure. */
import { GROUP } from '../kinds/gateway-api/parts.ts';
import { GATEWAY_PROTOCOLS, ownConflict } from './listener-conflicts.ts';
import { mayRefer } from './references.ts';
import {
  type Gateway,
  type GatewayListener,
  isFalse,
  isTrue,
  type Judgement,
  type ObjectRef,
  type Surroundings,
} from './types.ts';

const ROUTE_KINDS = ['HTTPRoute', 'GRPCRoute'];

export interface RouteKind {
  readonly group: string;
  readonly kind: string;
}

export interface JudgedListener {
  readonly listener: GatewayListener;
  readonly supportedKinds: readonly RouteKind[];
  readonly conditions: readonly Judgement[];
  /** Secrets with certificates that can be used. */
  readonly certificates: readonly { readonly namespace: string; readonly name: string }[];
  /** It can take traffic. */
  readonly isUsable: boolean;
}

export function judgeListeners(gateway: Gateway, surroundings: Surroundings): readonly JudgedListener[] {
  const { listeners } = gateway.spec;
  return listeners.map((listener) => {
    const conflict = ownConflict(listener, listeners) ?? surroundings.rivals.get(listener);
    const accepted = judgeProtocol(listener, conflict);
    const { kinds, wrong } = kindsOf(listener);
    const { certificates, resolved } = judgeCertificates(gateway, listener, surroundings);
    const refs =
      wrong.length > 0
        ? isFalse('ResolvedRefs', 'InvalidRouteKinds', `This listener takes no ${wrong.join(', ')}`)
        : resolved;
    const isUsable =
      accepted.status === 'True' &&
      (listener.protocol !== 'HTTPS' || certificates.length > 0) &&
      kinds.length > 0;
    return {
      listener,
      supportedKinds: kinds,
      certificates,
      isUsable,
      conditions: [
        accepted,
        conflict ?? isFalse('Conflicted', 'NoConflicts', 'No other listener is in its way'),
        refs,
      ],
    };
  });
}

function judgeProtocol({ protocol, tls }: GatewayListener, conflict: Judgement | undefined): Judgement {
  if (conflict) return isFalse('Accepted', conflict.reason, conflict.message);
  if (!GATEWAY_PROTOCOLS.includes(protocol))
    return isFalse(
      'Accepted',
      'UnsupportedProtocol',
      `Protocol ${protocol} is not implemented; use HTTP or HTTPS`,
    );
  if (tls?.mode === 'Passthrough')
    return isFalse('Accepted', 'UnsupportedValue', 'TLS mode Passthrough is not implemented; use Terminate');
  return isTrue('Accepted', 'Accepted', 'The listener is valid');
}

function kindsOf({ protocol, allowedRoutes }: GatewayListener): {
  readonly kinds: readonly RouteKind[];
  readonly wrong: readonly string[];
} {
  const possible = GATEWAY_PROTOCOLS.includes(protocol) ? ROUTE_KINDS : [];
  const asked = allowedRoutes?.kinds ?? [];
  if (asked.length === 0) return { kinds: possible.map((kind) => ({ group: GROUP, kind })), wrong: [] };
  const isPossible = ({ group = GROUP, kind }: { group?: string; kind: string }): boolean =>
    group === GROUP && possible.includes(kind);
  return {
    kinds: asked.filter(isPossible).map(({ kind }) => ({ group: GROUP, kind })),
    wrong: asked.filter((one) => !isPossible(one)).map(({ kind }) => kind),
  };
}

function judgeCertificates(
  { metadata: { namespace = '' } }: Gateway,
  { tls }: GatewayListener,
  surroundings: Surroundings,
): { readonly certificates: JudgedListener['certificates']; readonly resolved: Judgement } {
  const certificates: { namespace: string; name: string }[] = [];
  let trouble: Judgement | undefined;
  for (const ref of tls?.certificateRefs ?? []) {
    const secret = { namespace: ref.namespace ?? namespace, name: ref.name };
    const found = troubleOf(ref, secret, namespace, surroundings);
    if (found) trouble ??= found;
    else certificates.push(secret);
  }
  return {
    certificates,
    resolved: trouble ?? isTrue('ResolvedRefs', 'ResolvedRefs', 'All references are resolved'),
  };
}

function troubleOf(
  { group = '', kind = 'Secret' }: ObjectRef,
  secret: { readonly namespace: string; readonly name: string },
  namespace: string,
  { grants, certificateTrouble }: Surroundings,
): Judgement | undefined {
  const name = `${secret.namespace}/${secret.name}`;
  if (group !== '' || kind !== 'Secret')
    return isFalse('ResolvedRefs', 'InvalidCertificateRef', `A certificate is in a Secret, not in a ${kind}`);
  if (!mayRefer(grants, { group: GROUP, kind: 'Gateway', namespace }, { group, kind, ...secret }))
    return isFalse(
      'ResolvedRefs',
      'RefNotPermitted',
      `No ReferenceGrant permits the reference to Secret ${name}`,
    );
  const why = certificateTrouble(secret.namespace, secret.name);
  return why === undefined
    ? undefined
    : isFalse('ResolvedRefs', 'InvalidCertificateRef', `Secret ${name}: ${why}`);
}
