/**
 * The door of the API: who asks, what about, and may they. Every request passes here before its body is read, an upgrade
 * just the same.
 */
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { failure } from '../../schemas/status.ts';
import { anonymousUser, type Authenticator, type Credentials } from '../authn/types.ts';
import { type Impersonation, impersonationOf } from '../authz/impersonation.ts';
import type { Authorizer, ResourceAttributes } from '../authz/types.ts';
import type { ApiCore } from '../core/core.ts';
import type { UserInfo } from '../core/types.ts';
import type { VirtualResource } from '../virtual/types.ts';
import type { RequestTarget } from './request-target.ts';
import { targetOf } from './request-url.ts';
import { authorize, route, type RoutedRequest } from './resource-requests.ts';
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
  enter(request: IncomingMessage, url: URL, witness?: EntryWitness): Promise<Entered>;
}

export interface AccessOptions {
  readonly core: ApiCore;
  readonly virtual: readonly VirtualResource[];
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
}

export function createAccess({ core, virtual, authenticator, authorizer }: AccessOptions): Access {
  /** Who the request is to be answered for, where the asker may speak for them. */
  async function impersonated(request: IncomingMessage, asker: UserInfo): Promise<Impersonation | undefined> {
    const impersonation = impersonationOf(request.rawHeaders);
    if (!impersonation) return undefined;
    for (const attributes of impersonation.asked) await authorize(authorizer, asker, { attributes });
    return impersonation;
  }

  async function identify(credentials: Credentials, path: string): Promise<UserInfo> {
    const claim = await authenticator.authenticate(credentials);
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

  return {
    async enter(request, url, witness) {
      const method = request.method ?? 'GET';
      const path = url.pathname;
      const { headers, socket } = request;
      const credentials: Credentials = { headers, certificate: certificateOf(socket) };
      const asker = await identify(credentials, path);
      const meant = await impersonated(request, asker).catch((error: unknown) => {
        witness?.identified(asker);
        throw error;
      });
      const user = meant?.user ?? asker;
      const proof: Proof = { credentials, asker, asked: meant?.asked ?? [] };
      witness?.identified(user, meant ? asker : undefined);
      const target = targetOf(url);
      const isOurs = target.type === 'resource' && target.group === SYMPHONY_GROUP;
      if (isOurs) return { user, url, target, routed: undefined, proof };
      if (target.type === 'resource' && isServed(target.group, target.version)) {
        const routed = route(core.registry, virtual, method, target, url.searchParams);
        witness?.routed(routed);
        await authorize(authorizer, user, routed);
        return { user, url, target, routed, proof };
      }
      if (!PUBLIC.test(path)) await allowPath(user, method, path);
      return { user, url, target: { type: 'other', path }, routed: undefined, proof };
    },
  };
}

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
