/**
 * What the proxy does, as a configuration of Caddy 2.6 (https://caddyserver.com/docs/json). Pure.
 * Caddy's own matching of paths knows no case, so that paths are regular expressions here. A route
 * ends with a handler that answers, and a request that no route matches gets 404.
 */
import { append } from '../../base/append.ts';
import type {
  BackendProtocol,
  CorsFilter,
  Filter,
  PathMatch,
  ProxyModel,
  ProxyPorts,
  Route,
  RouteMatch,
  Transport,
} from './proxy-model.ts';
import { type Json, shareProxies } from './share-proxies.ts';

export interface ProxySettings extends ProxyPorts {
  /** Where Caddy finds a certificate for each automatic host. */
  readonly issuer?:
    | { readonly type: 'acme'; readonly email: string; readonly url?: string }
    | { readonly type: 'internal' };
  /** Served to hosts that have none. PEM. */
  readonly defaultCertificate: { readonly certificate: string; readonly key: string };
  /** Log each request. */
  readonly logsAccess: boolean;
}

/** As the node's options give it. */
export type IngressSettings = Omit<ProxySettings, 'defaultCertificate'>;

/** The admin API, relative to the working directory: the path of a socket has 107 bytes at most. */
export const ADMIN_SOCKET = 'admin.sock';
/** The name by which requests to the admin API call it. */
export const ADMIN_HOST = 'localhost';

/** Requests in flight keep the configuration that they began with for so long. */
const GRACE = '60s';

export function renderCaddy(model: ProxyModel | undefined, settings: ProxySettings): Json {
  const { httpPort, httpsPort, logsAccess } = settings;
  const apps = model && {
    http: {
      http_port: httpPort,
      https_port: httpsPort,
      grace_period: GRACE,
      servers: {
        ingress: {
          listen: [`:${httpPort}`, ...(model.servesTls ? [`:${httpsPort}`] : [])],
          // HTTP/3 would open another port; h2c is gRPC without TLS.
          protocols: ['h1', 'h2', 'h2c'],
          automatic_https: { disable: true },
          routes: [...groupedByHost(model.routes, httpsPort), NOT_FOUND],
          ...(model.servesTls ? { tls_connection_policies: connectionPolicies(model) } : {}),
          ...(logsAccess ? { logs: {} } : {}),
        },
      },
    },
    ...(model.servesTls ? { tls: renderTls(model, settings) } : {}),
    // Its root certificate must not get into the host's own list.
    pki: { certificate_authorities: { local: { install_trust: false } } },
  };
  return {
    admin: { listen: `unix/${ADMIN_SOCKET}`, origins: [ADMIN_HOST] },
    logging: { logs: renderLogs(logsAccess) },
    ...(apps ? { apps } : {}),
  };
}

const rolled = (filename: string): Json => ({
  output: 'file',
  filename,
  roll_size_mb: 50,
  roll_keep: 3,
});

function renderLogs(logsAccess: boolean): Json {
  const access = 'http.log.access';
  return {
    default: { level: 'WARN', writer: rolled('caddy.log'), exclude: [access] },
    ...(logsAccess ? { access: { writer: rolled('access.log'), include: [access] } } : {}),
  };
}

const answer = (status: number, body = '', headers: Json = {}): Json => ({
  handler: 'static_response',
  status_code: status,
  body,
  headers,
});
const subroute = (...routes: readonly Json[]): Json => ({ handler: 'subroute', routes });

const NOT_FOUND = { handle: [answer(404, '404 page not found\n')] };

interface HostGroup {
  readonly host: string | undefined;
  readonly routes: Json[];
}

/** Routes of one host that follow each other ask for the host once. */
function groupedByHost(routes: readonly Route[], httpsPort: number): readonly Json[] {
  const groups: HostGroup[] = [];
  const shared = shareProxies(routes.map((route) => renderRoute(route, httpsPort)));
  for (const [index, route] of shared.routes.entries()) {
    const host = routes[index]?.match.host;
    const last = groups.at(-1);
    if (last && last.host === host) last.routes.push(route);
    else groups.push({ host, routes: [route] });
  }
  const isName = ({ host }: HostGroup): boolean => host !== undefined && !host.startsWith('*.');
  const rendered: Json[] = [];
  for (let index = 0; index < groups.length; ) {
    const after = groups.findIndex((group, at) => at >= index && !isName(group));
    const end = after < 0 ? groups.length : Math.max(after, index + 1);
    append(rendered, hostTree(groups.slice(index, end)));
    index = end;
  }
  append(rendered, shared.proxies);
  return rendered;
}

/** Caddy searches in lists of more names than this, and compares shorter ones name by name. */
const LINEAR_NAMES = 100;
/** Comparing so few costs less than a search. */
const FEW_NAMES = 8;
const BRANCHES = 4;

/** Finds one of a thousand hosts with some ten matches instead of five hundred. */
function hostTree(groups: readonly HostGroup[]): readonly Json[] {
  if (groups.length <= BRANCHES)
    return groups.flatMap(({ host, routes }) =>
      host === undefined ? routes : [{ match: [{ host: [host] }], handle: [subroute(...routes)] }],
    );
  const size = Math.ceil(groups.length / BRANCHES);
  return Array.from({ length: BRANCHES }, (_, index) => groups.slice(index * size, (index + 1) * size))
    .filter((branch) => branch.length > 0)
    .map((branch) => ({
      match: [{ host: searchable(branch.flatMap(({ host }) => (host === undefined ? [] : [host]))) }],
      handle: [subroute(...hostTree(branch))],
    }));
}

/** With names that no client asks for, up to the length at which Caddy searches. */
function searchable(names: readonly string[]): readonly string[] {
  const missing = names.length <= FEW_NAMES ? 0 : Math.max(0, LINEAR_NAMES + 1 - names.length);
  return [...names, ...Array.from({ length: missing }, (_, index) => `${index}.filler.invalid`)];
}

function renderRoute({ match, filters, action }: Route, httpsPort: number): Json {
  const handle = filters.map((filter) => renderFilter(filter, httpsPort));
  if (action.type === 'answer') handle.push(answer(action.status, action.text));
  else append(handle, renderProxies(action.upstreams, action.transport));
  return { match: [renderMatch(match)], handle };
}

function renderMatch({ path, scheme }: RouteMatch): Json {
  const pattern = pathPattern(path);
  return {
    ...(pattern === undefined ? {} : { path_regexp: { name: MATCHED_PATH, pattern } }),
    ...(scheme === undefined ? {} : { protocol: scheme }),
  };
}

/** The name of the match whose groups a rewrite may use. */
const MATCHED_PATH = 'path';

function pathPattern({ type, value }: PathMatch): string | undefined {
  if (type === 'pattern') return `(?i)^${value.replace(/^\^/, '')}`;
  const text = value.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  if (type === 'exact') return `^${text}$`;
  // Element by element: /foo is no prefix of /foobar.
  const prefix = text.replace(/\/+$/, '');
  return prefix === '' ? undefined : `^${prefix}(/|$)`;
}

function renderFilter(filter: Filter, httpsPort: number): Json {
  switch (filter.type) {
    case 'redirectToHttps': {
      const port = httpsPort === HTTPS_PORT ? '' : `:${httpsPort}`;
      const Location = [`https://{http.request.host}${port}{http.request.uri}`];
      return subroute({ match: [{ protocol: 'http' }], handle: [answer(308, '', { Location })] });
    }
    case 'allowSources':
      return subroute({
        match: [{ not: [{ remote_ip: { ranges: filter.ranges } }] }],
        handle: [answer(403, '403 Forbidden\n')],
      });
    case 'limitBody':
      return subroute(
        {
          match: [{ expression: `int('0' + {http.request.header.Content-Length}) > ${filter.bytes}` }],
          handle: [answer(413, '413 Request Entity Too Large\n')],
        },
        { handle: [{ handler: 'request_body', max_size: filter.bytes }] },
      );
    case 'cors':
      return renderCors(filter);
    case 'rewrite':
      return {
        handler: 'rewrite',
        uri: filter.target.replaceAll(/\$(\d)/g, `{http.regexp.${MATCHED_PATH}.$1}`),
      };
  }
}

const HTTPS_PORT = 443;

function renderCors(cors: CorsFilter): Json {
  const isAny = cors.origins.includes('*');
  const origins = cors.origins.map((origin) =>
    origin.replaceAll(/[.+?^$()[\]{}|\\]/g, '\\$&').replace('*', '[A-Za-z0-9-]+'),
  );
  const match: Json = isAny ? {} : { header_regexp: { Origin: { pattern: `^(${origins.join('|')})$` } } };
  const set = {
    'Access-Control-Allow-Origin': [isAny ? '*' : '{http.request.header.Origin}'],
    'Access-Control-Allow-Methods': [cors.methods],
    'Access-Control-Allow-Headers': [cors.headers],
    'Access-Control-Max-Age': [String(cors.maxAgeSeconds)],
    ...(cors.allowsCredentials ? { 'Access-Control-Allow-Credentials': ['true'] } : {}),
    ...(cors.exposedHeaders ? { 'Access-Control-Expose-Headers': [cors.exposedHeaders] } : {}),
    ...(isAny ? {} : { Vary: ['Origin'] }),
  };
  return subroute(
    { match: [match], handle: [{ handler: 'headers', response: { set, deferred: true } }] },
    { match: [{ method: ['OPTIONS'] }], handle: [answer(204)] },
  );
}

/** Another connection is tried for so long: a rolling update takes its endpoint away meanwhile. */
const TRY_DURATION = '3s';
const TRY_INTERVAL = '50ms';
/** Connections that wait for the next request; each of the busiest clients keeps one. */
const IDLE_CONNECTIONS = 512;
const IDLE_TIMEOUT = '60s';

const VERSIONS: Readonly<Record<BackendProtocol, readonly string[]>> = {
  http: ['1.1'],
  https: ['1.1', '2'],
  h2c: ['h2c', '2'],
  h2: ['2'],
};

/** Requests with these may be sent twice. */
const REPEATABLE = ['GET', 'HEAD', 'OPTIONS'];

/**
 * A backend that ends may close an idle connection in the moment in which a request is sent on it.
 * Whether it has got the request is not known then. So a request that must not be sent twice has a
 * connection of its own, unless many share one (HTTP/2), where the backend says what it took.
 */
function renderProxies(upstreams: readonly string[], transport: Transport): readonly Json[] {
  const reusing = renderProxy(upstreams, transport, true);
  if (transport.protocol === 'h2c' || transport.protocol === 'h2') return [reusing];
  const match = [{ method: REPEATABLE }];
  return [subroute({ match, handle: [reusing] }), renderProxy(upstreams, transport, false)];
}

function renderProxy(upstreams: readonly string[], transport: Transport, reuses: boolean): Json {
  const { protocol, connectTimeoutMs, responseTimeoutMs, isUnbuffered } = transport;
  const usesTls = protocol === 'https' || protocol === 'h2';
  return {
    handler: 'reverse_proxy',
    upstreams: upstreams.map((dial) => ({ dial })),
    // Caddy itself sets X-Forwarded-For, -Proto and -Host.
    headers: { request: { set: { 'X-Real-Ip': ['{http.request.remote.host}'] } } },
    load_balancing: {
      selection_policy: { policy: 'random' },
      try_duration: TRY_DURATION,
      try_interval: TRY_INTERVAL,
      // A connection that was refused is always tried again; other failures only for these.
      retry_match: [{ method: REPEATABLE }],
    },
    ...(isUnbuffered ? { flush_interval: -1 } : {}),
    transport: {
      protocol: 'http',
      dial_timeout: `${connectTimeoutMs}ms`,
      response_header_timeout: `${responseTimeoutMs}ms`,
      versions: VERSIONS[protocol],
      compression: false,
      // Pods have certificates of their own; ingress-nginx does not check them either.
      ...(usesTls ? { tls: { insecure_skip_verify: true } } : {}),
      keep_alive: reuses
        ? { max_idle_conns_per_host: IDLE_CONNECTIONS, idle_timeout: IDLE_TIMEOUT }
        : { enabled: false },
    },
  };
}

const DEFAULT_TAG = 'default';

/** The first one that matches counts: names before wildcards, and the rest gets the default. */
function connectionPolicies({ certificates, automaticHosts }: ProxyModel): readonly Json[] {
  const policyOf = (tag: string, hosts: readonly string[]): readonly Json[] =>
    hosts.length === 0 ? [] : [{ match: { sni: hosts }, certificate_selection: { any_tag: [tag] } }];
  const isWildcard = (host: string): boolean => host.startsWith('*.');
  return [
    ...certificates.flatMap(({ tag, hosts }) =>
      policyOf(
        tag,
        hosts.filter((host) => !isWildcard(host)),
      ),
    ),
    ...(automaticHosts.length === 0 ? [] : [{ match: { sni: automaticHosts } }]),
    ...certificates.flatMap(({ tag, hosts }) => policyOf(tag, hosts.filter(isWildcard))),
    { certificate_selection: { any_tag: [DEFAULT_TAG] } },
  ];
}

function renderTls({ certificates, automaticHosts }: ProxyModel, settings: ProxySettings): Json {
  const { issuer, defaultCertificate } = settings;
  const load_pem = [
    { ...defaultCertificate, tags: [DEFAULT_TAG] },
    ...certificates.map(({ tag, certificate, key }) => ({ certificate, key, tags: [tag] })),
  ];
  if (!issuer || automaticHosts.length === 0) return { certificates: { load_pem } };
  const { type: module, ...details } = issuer;
  const { url, email } = { url: undefined, email: undefined, ...details };
  const rendered = { module, ...(email ? { email } : {}), ...(url ? { ca: url } : {}) };
  return {
    certificates: { load_pem, automate: automaticHosts },
    automation: { policies: [{ subjects: automaticHosts, issuers: [rendered] }] },
  };
}
