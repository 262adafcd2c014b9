/**
 * The model of a proxy, the same for every API that asks for one: routes in order of precedence,
 * each with a match, filters, and an action. The first route that matches a request answers it.
 */
import type { KubeObject } from '../../schemas/object.ts';

export interface ProxyModel {
  /** What the ports of Ingresses do, which Gateways may share. */
  readonly routes: readonly Route[];
  /** Some route of these serves HTTP. */
  readonly servesHttp: boolean;
  /** Some route of these serves HTTPS. */
  readonly servesTls: boolean;
  /** The certificates of Gateways on the shared port of HTTPS. */
  readonly tlsNames: readonly TlsNames[];
  /** Ports of their own. */
  readonly listeners: readonly ProxyListener[];
  readonly certificates: readonly HostCertificate[];
  /** Hosts whose certificates the proxy obtains by itself. */
  readonly automaticHosts: readonly string[];
}

export interface ProxyListener {
  readonly port: number;
  readonly usesTls: boolean;
  readonly routes: readonly Route[];
  readonly tlsNames: readonly TlsNames[];
}

/** Clients that ask for one of these names are shown one of these certificates. */
export interface TlsNames {
  /** A host as in {@link RouteMatch}; absent: any. */
  readonly host?: string | undefined;
  /** Of certificates. */
  readonly tags: readonly string[];
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
  /**
   * A name, or `*.` and a name, which stands for one label, or `**.` and a name, for one or more.
   * Absent: any.
   */
  readonly host?: string | undefined;
  readonly path: PathMatch;
  /** Absent: both. */
  readonly scheme?: 'http' | 'https' | undefined;
  readonly method?: string | undefined;
  readonly headers?: readonly ValueMatch[] | undefined;
  readonly query?: readonly ValueMatch[] | undefined;
}

export type PathMatch =
  | { readonly type: 'exact' | 'prefix'; readonly value: string }
  /** A regular expression (RE2) for the beginning of the path, in any case. */
  | { readonly type: 'pattern'; readonly value: string }
  /** A regular expression (RE2) for the whole path, in the case as given. */
  | { readonly type: 'whole'; readonly value: string };

export interface ValueMatch {
  readonly name: string;
  /** The pattern (RE2) is for the whole value. */
  readonly type: 'exact' | 'pattern';
  readonly value: string;
}

export type Filter =
  | { readonly type: 'redirectToHttps' }
  | { readonly type: 'allowSources'; readonly ranges: readonly string[] }
  | { readonly type: 'limitBody'; readonly bytes: number }
  | ({ readonly type: 'cors' } & CorsFilter)
  | ({ readonly type: 'origins' } & OriginsFilter)
  /** `$1` is the first group of the pattern that matched. The query stays. */
  | { readonly type: 'rewrite'; readonly target: string }
  | ({ readonly type: 'requestHeaders' | 'responseHeaders' } & HeaderChanges)
  /** The host that the backend is asked for. */
  | { readonly type: 'host'; readonly name: string }
  /** The query stays. */
  | { readonly type: 'path'; readonly path: string }
  /** Elements of the path that were matched are replaced, and the rest stays. */
  | { readonly type: 'prefix'; readonly prefix: string; readonly by: string };

export interface HeaderChanges {
  readonly set: readonly HeaderLine[];
  readonly add: readonly HeaderLine[];
  readonly remove: readonly string[];
}

export interface HeaderLine {
  readonly name: string;
  readonly value: string;
}

export interface CorsFilter {
  /** Origins with at most one `*` each; a lone `*` is any. */
  readonly origins: readonly string[];
  readonly methods: string;
  readonly headers: string;
  readonly exposedHeaders?: string | undefined;
  readonly allowsCredentials: boolean;
  readonly maxAgeSeconds: number;
}

/** CORS as the Gateway API has it: what the client asks for is repeated where everything is allowed. */
export interface OriginsFilter {
  /** `*` stands for any labels. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly allowsCredentials: boolean;
  readonly maxAgeSeconds: number;
}

export type Action =
  | { readonly type: 'answer'; readonly status: number; readonly text: string }
  | { readonly type: 'proxy'; readonly upstreams: readonly string[]; readonly transport: Transport }
  /** To the host, path and query as the filters left them, but for what is said here. */
  | ({ readonly type: 'redirect' } & Redirect)
  /** Each request goes to one of the shares, at random. */
  | { readonly type: 'split'; readonly shares: readonly Share[] };

export interface Redirect {
  readonly status: number;
  readonly scheme: string;
  readonly host?: string | undefined;
  /** Absent: that of the scheme. */
  readonly port?: number | undefined;
}

export interface Share {
  /** Relative to the sum of all; never zero. */
  readonly weight: number;
  readonly filters: readonly Filter[];
  readonly action: Action;
}

export type BackendProtocol = 'http' | 'https' | 'h2c' | 'h2';

export interface Transport {
  readonly protocol: BackendProtocol;
  readonly connectTimeoutMs: number;
  /** Until the header of the answer; 0: for ever. */
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
  /** The hosts of Ingresses that it is served to. */
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
