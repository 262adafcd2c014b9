/** The objects of the Gateway API as they are stored, and what is resolved of them. */
import type { KubeObject } from '../object.ts';

export interface GatewayListener {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly hostname?: string;
  readonly tls?: { readonly mode?: string; readonly certificateRefs?: readonly ObjectRef[] };
  readonly allowedRoutes?: {
    readonly namespaces?: { readonly from?: string; readonly selector?: unknown };
    readonly kinds?: readonly { readonly group?: string; readonly kind: string }[];
  };
}

export interface ObjectRef {
  readonly group?: string;
  readonly kind?: string;
  readonly name: string;
  readonly namespace?: string;
}

export interface Gateway extends KubeObject {
  spec: {
    readonly gatewayClassName: string;
    readonly listeners: readonly GatewayListener[];
    readonly addresses?: readonly { readonly type?: string; readonly value?: string }[];
  };
}

export interface ParentRef extends ObjectRef {
  readonly sectionName?: string;
  readonly port?: number;
}

export interface HeaderModifier {
  readonly set?: readonly HeaderValue[];
  readonly add?: readonly HeaderValue[];
  readonly remove?: readonly string[];
}

export interface HeaderValue {
  readonly name: string;
  readonly value: string;
}

export interface PathModifier {
  readonly type: string;
  readonly replaceFullPath?: string;
  readonly replacePrefixMatch?: string;
}

export interface RequestRedirect {
  readonly scheme?: string;
  readonly hostname?: string;
  readonly path?: PathModifier;
  readonly port?: number;
  readonly statusCode?: number;
}

export interface CorsPolicy {
  readonly allowCredentials?: boolean;
  readonly allowOrigins?: readonly string[];
  readonly allowMethods?: readonly string[];
  readonly allowHeaders?: readonly string[];
  readonly exposeHeaders?: readonly string[];
  readonly maxAge?: number;
}

/** The type says which member counts. */
export interface RouteFilter {
  readonly type: string;
  readonly requestHeaderModifier?: HeaderModifier;
  readonly responseHeaderModifier?: HeaderModifier;
  readonly requestRedirect?: RequestRedirect;
  readonly urlRewrite?: { readonly hostname?: string; readonly path?: PathModifier };
  readonly cors?: CorsPolicy;
}

/** A value that requests are compared with. */
export interface NamedMatch {
  readonly type?: string;
  readonly name: string;
  readonly value: string;
}

export interface GrpcMethod {
  readonly type?: string;
  readonly service?: string;
  readonly method?: string;
}

/** `method` is a word in an HTTPRoute, and names a method of gRPC in a GRPCRoute. */
export interface RouteMatch {
  readonly path?: { readonly type?: string; readonly value?: string };
  readonly method?: string | GrpcMethod;
  readonly headers?: readonly NamedMatch[];
  readonly queryParams?: readonly NamedMatch[];
}

export interface BackendRef extends ObjectRef {
  readonly port?: number;
  readonly weight?: number;
  readonly filters?: readonly RouteFilter[];
}

export interface RouteRule {
  readonly matches?: readonly RouteMatch[];
  readonly filters?: readonly RouteFilter[];
  readonly backendRefs?: readonly BackendRef[];
  readonly timeouts?: { readonly request?: string; readonly backendRequest?: string };
}

/** An HTTPRoute or a GRPCRoute. */
export interface Route extends KubeObject {
  spec: {
    readonly parentRefs?: readonly ParentRef[];
    readonly hostnames?: readonly string[];
    readonly rules?: readonly RouteRule[];
  };
}

export interface ReferenceGrant extends KubeObject {
  spec: {
    readonly from: readonly { readonly group: string; readonly kind: string; readonly namespace: string }[];
    readonly to: readonly { readonly group: string; readonly kind: string; readonly name?: string }[];
  };
}

/** A condition without its times: who writes it knows since when it holds. */
export interface Judgement {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export const isTrue = (type: string, reason: string, message: string): Judgement => ({
  type,
  status: 'True',
  reason,
  message,
});
export const isFalse = (type: string, reason: string, message: string): Judgement => ({
  type,
  status: 'False',
  reason,
  message,
});

/** All that is looked up. Lookups cost the same however many objects there are. */
export interface Surroundings {
  /** Listeners whose place an older Gateway has. */
  readonly rivals: ReadonlyMap<GatewayListener, Judgement>;
  readonly grants: readonly ReferenceGrant[];
  labelsOf(namespace: string): Readonly<Record<string, string>>;
  /** Whether the Service has the port; undefined where there is no such Service. */
  hasPort(namespace: string, service: string, port: number): boolean | undefined;
  /** Why the Secret is no certificate; undefined where it is one. */
  certificateTrouble(namespace: string, name: string): string | undefined;
  supportsFilter(type: string): boolean;
}
