/**
 * The model of a proxy, the same for every API that asks for one: routes in order of precedence,
 * each with a match, filters, and an action. The first route that matches a request answers it.
 */
import type { KubeObject } from '../../schemas/object.ts';

export interface ProxyModel {
  readonly routes: readonly Route[];
  readonly certificates: readonly HostCertificate[];
  /** Hosts whose certificates the proxy obtains by itself. */
  readonly automaticHosts: readonly string[];
  /** Some route serves HTTPS. */
  readonly servesTls: boolean;
}

export interface Route {
  /** The key of the object that asked for it. If the proxy refuses it, the object is left out. */
  readonly owner: string;
  readonly match: RouteMatch;
  /** Applied in this order. */
  readonly filters: readonly Filter[];
  readonly action: Action;
}

export interface RouteMatch {
  /** A name, or `*.` and a name, which stands for one label. Absent: any. */
  readonly host?: string | undefined;
  readonly path: PathMatch;
  /** Absent: both. */
  readonly scheme?: 'http' | 'https' | undefined;
}

export type PathMatch =
  | { readonly type: 'exact' | 'prefix'; readonly value: string }
  /** A regular expression (RE2) for the beginning of the path, in any case. */
  | { readonly type: 'pattern'; readonly value: string };

export type Filter =
  | { readonly type: 'redirectToHttps' }
  | { readonly type: 'allowSources'; readonly ranges: readonly string[] }
  | { readonly type: 'limitBody'; readonly bytes: number }
  | ({ readonly type: 'cors' } & CorsFilter)
  /** `$1` is the first group of the pattern that matched. The query stays. */
  | { readonly type: 'rewrite'; readonly target: string };

export interface CorsFilter {
  /** Origins with at most one `*` each; a lone `*` is any. */
  readonly origins: readonly string[];
  readonly methods: string;
  readonly headers: string;
  readonly exposedHeaders?: string | undefined;
  readonly allowsCredentials: boolean;
  readonly maxAgeSeconds: number;
}

export type Action =
  | { readonly type: 'answer'; readonly status: number; readonly text: string }
  | { readonly type: 'proxy'; readonly upstreams: readonly string[]; readonly transport: Transport };

export type BackendProtocol = 'http' | 'https' | 'h2c' | 'h2';

export interface Transport {
  readonly protocol: BackendProtocol;
  readonly connectTimeoutMs: number;
  /** Until the header of the answer. */
  readonly responseTimeoutMs: number;
  /** Answers are passed on as they come, in pieces of any size. */
  readonly isUnbuffered: boolean;
}

export interface HostCertificate {
  /** Names it in the configuration. */
  readonly tag: string;
  /** As a route's. */
  readonly owner: string;
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
  /** The hosts that it is served to. */
  readonly hosts: readonly string[];
}

export interface ProxyPorts {
  readonly httpPort: number;
  readonly httpsPort: number;
}

/** Why an object is not served as it asks; told once. */
export interface Problem {
  readonly about: KubeObject;
  readonly reason: ProblemReason;
  readonly message: string;
}

export type ProblemReason =
  | 'BackendNotFound'
  | 'ConfigurationRefused'
  | 'InvalidAnnotation'
  | 'InvalidCertificate'
  | 'PathTaken'
  | 'UnsupportedAnnotation'
  | 'UnsupportedBackend';
