/** The door of the API: identifies, routes and authorises a request before its body is read. */
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
import { isOpenPath } from './other-requests.ts';
import type { ResourceTarget } from './request-target.ts';
import { targetOf } from './request-url.ts';
import { createRouter, type RoutedRequest } from './routing.ts';

export type Entered = {
  readonly user: UserInfo;
  readonly url: URL;
  readonly proof: Proof;
} & (
  | { readonly routed: RoutedRequest; readonly target: ResourceTarget }
  /** Every path that is no resource that is served. */
  | { readonly routed: undefined; readonly target: undefined }
);

/** Why the user was believed. It is checked again for as long as the request's session is alive. */
export interface Proof {
  readonly credentials: Credentials;
  /** The owner of the credentials; not the request's user where that one is impersonated. */
  readonly asker: UserInfo;
  /** Permissions that the asker needs to speak for the user. */
  readonly asked: readonly ResourceAttributes[];
}

/** Called on the way in, so that a refusal is counted and recorded with what was known by then. */
export interface EntryWitness {
  /** May throw to turn the client away. `impersonator` is the asker, where that is not the user. */
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
  const route = createRouter(core.registry, virtual);

  /** The user is known: route the request and authorise it. */
  function admit(
    method: string,
    url: URL,
    user: UserInfo,
    proof: Proof,
    witness: EntryWitness | undefined,
  ): Eventually<Entered> {
    const target = targetOf(url);
    const routed = target.type === 'resource' ? route(method, url, target) : undefined;
    if (target.type === 'resource' && routed) {
      witness?.routed(routed);
      const entered = { user, url, proof, routed, target };
      return andThen(authorize(authorizer, user, routed.attributes), () => entered);
    }
    const entered = { user, url, proof, routed: undefined, target: undefined };
    return isOpenPath(url) ? entered : andThen(allowPath(authorizer, user, method, url), () => entered);
  }

  /** The asker speaks for another user, where permitted. */
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
        const asker = askerOf(claim, url);
        if (impersonates(rawHeaders)) return admitAs(request, url, { credentials, asker }, witness);
        witness?.identified(asker);
        return admit(method, url, asker, { credentials, asker, asked: NOTHING }, witness);
      });
    },
  };
}

function askerOf(claim: Authentication, url: URL): UserInfo {
  if (claim.result === 'user') return claim.user;
  if (isOpenPath(url)) return anonymousUser;
  throw failure(401, 'Unauthorized', 'Unauthorized');
}

function allowPath(authorizer: Authorizer, user: UserInfo, method: string, url: URL): Eventually<void> {
  const verb = method.toLowerCase();
  return andThen(authorizer.authorizePath(user, verb, url.pathname), ({ allowed, reason }) => {
    if (allowed) return;
    const why = reason ? `: ${reason}` : '';
    const message = `forbidden: User "${user.name}" cannot ${verb} path "${url.pathname}"${why}`;
    throw failure(403, 'Forbidden', message, {});
  });
}

const NOTHING: Proof['asked'] = [];

/** A handshake's proof holds for as long as its connection. */
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
