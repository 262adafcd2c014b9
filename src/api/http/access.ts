/**
 * The door of the API: who asks, what about, and may they. Every request passes here before its body is read, an upgrade
 * just the same.
 */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { andThen, type Eventually } from '../../base/eventually.ts';
import { failure } from '../../schemas/errors/status.ts';
import { anonymousUser, type Authentication, type Authenticator, type Credentials } from '../authn/types.ts';
import { type Impersonation, impersonates, impersonationOf } from '../../resources/authz/impersonation.ts';
import { authorize } from '../../resources/authz/authorize.ts';
import type { Authorizer, ResourceAttributes } from '../../resources/authz/types.ts';
import type { ResourceCore } from '../../resources/resource-core.ts';
import type { UserInfo } from '../../resources/types.ts';
import type { VirtualResource } from '../virtual/types.ts';
import type { RequestTarget, ResourceTarget } from './request-target.ts';
import { targetOf } from './request-url.ts';
import { route, type RoutedRequest } from './resource-requests.ts';
import { SYMPHONY_GROUP } from './symphony-resources.ts';

/** Open to everybody, without a name. */
const PUBLIC = /^\/(livez|readyz|healthz|version|webhooks\/[a-z]+)\/?$/;

export interface Entered {
  readonly user: UserInfo;
  readonly url: URL;
  readonly target: RequestTarget;
  /** Of a resource that is served; undefined for every other path. */
  readonly routed: RoutedRequest | undefined;
  readonly proof: Proof;
}

/** Why the user was believed: to be asked again for as long as what the request began is alive. */
export interface Proof {
  readonly credentials: Credentials;
  /** Whom the credentials stand for: the user, unless that one is impersonated. */
  readonly asker: UserInfo;
  /** What the asker must be allowed in order to speak for the user. */
  readonly asked: readonly ResourceAttributes[];
}

/** Told on the way in, so that a refusal can be counted and written down with what was known by then. */
export interface EntryWitness {
  /** May throw to turn the client away. `impersonator`: who really asks, where it is not the user. */
  identified(user: UserInfo, impersonator?: UserInfo): void;
  routed(routed: RoutedRequest): void;
}

export interface Access {
  /** Throws 401, 403, 404 or 405. */
  enter(request: IncomingMessage, url: URL, witness?: EntryWitness): Eventually<Entered>;
}

export interface AccessOptions {
  readonly core: ResourceCore;
  readonly virtual: readonly VirtualResource[];
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

export function createAccess({ core, virtual, authenticator, authorizer }: AccessOptions): Access {
  function identified(claim: Authentication, path: string): UserInfo {
    if (claim.result === 'user') return claim.user;
    if (PUBLIC.test(path)) return anonymousUser;
    throw failure(401, 'Unauthorized', 'Unauthorized');
  }

  const isServed = (group: string, version: string): boolean =>
    core.registry.kinds.some((kind) => kind.group === group && kind.version === version) ||
    virtual.some((kind) => kind.group === group && kind.version === version);

  async function allowPath(user: UserInfo, method: string, path: string): Promise<void> {
    const verb = method.toLowerCase();
    const decision = await authorizer.authorizePath(user, verb, path);
    if (decision.allowed) return;
    throw failure(
      403,
      'Forbidden',
      `forbidden: User "${user.name}" cannot ${verb} path "${path}"${decision.reason ? `: ${decision.reason}` : ''}`,
      {},
    );
  }

  /** The same for every request for this URL, until the kinds change. */
  const routes = new WeakMap<
    URL,
    { readonly method: string; readonly version: number; readonly routed: RoutedRequest }
  >();

  function routedOf(method: string, url: URL, target: ResourceTarget): RoutedRequest | undefined {
    const { version } = core.registry;
    const known = routes.get(url);
    if (known?.method === method && known.version === version) return known.routed;
    if (!isServed(target.group, target.version)) return undefined;
    const routed = route(core.registry, virtual, method, target, url.searchParams);
    routes.set(url, { method, version, routed });
    return routed;
  }

  /** What the user asks for, once it is known who that is. */
  function admit(
    method: string,
    url: URL,
    user: UserInfo,
    proof: Proof,
    witness: EntryWitness | undefined,
  ): Eventually<Entered> {
    const path = url.pathname;
    const target = targetOf(url);
    if (target.type === 'resource') {
      if (target.group === SYMPHONY_GROUP) return { user, url, target, routed: undefined, proof };
      const routed = routedOf(method, url, target);
      if (routed) {
        witness?.routed(routed);
        return andThen(authorize(authorizer, user, routed.attributes), () => ({
          user,
          url,
          target,
          routed,
          proof,
        }));
      }
    }
    const entered: Entered = { user, url, target: { type: 'other', path }, routed: undefined, proof };
    return PUBLIC.test(path) ? entered : allowPath(user, method, path).then(() => entered);
  }

  /** The asker speaks for somebody else, where they may. */
  async function admitAs(
    { method = 'GET', rawHeaders }: IncomingMessage,
    url: URL,
    { credentials, asker }: Pick<Proof, 'credentials' | 'asker'>,
    witness: EntryWitness | undefined,
  ): Promise<Entered> {
    let meant: Impersonation | undefined;
    try {
      meant = impersonationOf(rawHeaders);
      for (const attributes of meant?.asked ?? []) await authorize(authorizer, asker, attributes);
    } catch (error) {
      witness?.identified(asker);
      throw error;
    }
    const user = meant?.user ?? asker;
    witness?.identified(user, meant ? asker : undefined);
    return admit(method, url, user, { credentials, asker, asked: meant?.asked ?? [] }, witness);
  }

  return {
    enter(request, url, witness) {
      const { method = 'GET', headers, rawHeaders, socket } = request;
      const credentials: Credentials = { headers, certificate: certificateOf(socket) };
      return andThen(authenticator.authenticate(credentials), (claim) => {
        const asker = identified(claim, url.pathname);
        if (impersonates(rawHeaders)) return admitAs(request, url, { credentials, asker }, witness);
        witness?.identified(asker);
        return admit(method, url, asker, { credentials, asker, asked: NOTHING }, witness);
      });
    },
  };
}

const NOTHING: Proof['asked'] = [];

/** What a handshake proved is true for as long as its connection. */
const certificates = new WeakMap<TLSSocket, Buffer>();

function certificateOf(socket: IncomingMessage['socket']): Buffer | undefined {
  if (!(socket instanceof TLSSocket) || !socket.authorized) return undefined;
  let certificate = certificates.get(socket);
  if (!certificate) {
    certificate = socket.getPeerX509Certificate()?.raw;
    if (certificate) certificates.set(socket, certificate);
  }
  return certificate;
}
