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

export interface RouteFilter {
  readonly type: string;
  readonly [member: string]: unknown;
}

export interface BackendRef extends ObjectRef {
  readonly port?: number;
  readonly weight?: number;
  readonly filters?: readonly RouteFilter[];
}

export interface RouteRule {
  readonly matches?: readonly Readonly<Record<string, unknown>>[];
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
  readonly grants: readonly ReferenceGrant[];
  labelsOf(namespace: string): Readonly<Record<string, string>>;
  /** Whether the Service has the port; undefined where there is no such Service. */
  hasPort(namespace: string, service: string, port: number): boolean | undefined;
  /** Why the Secret is no certificate; undefined where it is one. */
  certificateTrouble(namespace: string, name: string): string | undefined;
  supportsFilter(type: string): boolean;
}
