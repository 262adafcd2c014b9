/**
 * What the proxy does, as a configuration of Caddy 2.6 (https://caddyserver.com/docs/json). Pure.
 * Each route ends with a handler that answers, and a request that no route matches gets 404.
 */
import { append } from '../../base/append.ts';
import { answer, type Json, subroute } from './caddy-json.ts';
import { byKind } from './host-order.ts';
import { LOOP } from './proxy-loop.ts';
import type { ProxyModel, ProxyPorts, Route, TlsNames } from './proxy-model.ts';
import { renderHandlers } from './render-action.ts';
import { renderHost, renderMatch } from './render-match.ts';

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
  const usesTls = model && (model.servesTls || model.listeners.some((listener) => listener.usesTls));
  const apps = model && {
    http: {
      http_port: httpPort,
      https_port: httpsPort,
      grace_period: GRACE,
      servers: renderServers(model, settings),
    },
    ...(usesTls ? { tls: renderTls(model, settings) } : {}),
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

function renderServers(model: ProxyModel, { httpPort, httpsPort, logsAccess }: ProxySettings): Json {
  const server = (ports: readonly number[], routes: readonly Route[], policies: readonly Json[]): Json => ({
    listen: ports.map((port) => `:${port}`),
    // HTTP/3 would open another port; h2c is gRPC without TLS.
    protocols: ['h1', 'h2', 'h2c'],
    automatic_https: { disable: true },
    routes: [LOOP, ...groupedByHost(routes, httpsPort), NOT_FOUND],
    errors: { routes: [REFUSED] },
    ...(policies.length > 0 ? { tls_connection_policies: policies } : {}),
    ...(logsAccess ? { logs: {} } : {}),
  });
  const { servesHttp, servesTls, routes, listeners } = model;
  const shared = [...(servesHttp ? [httpPort] : []), ...(servesTls ? [httpsPort] : [])];
  return {
    ...(shared.length > 0 ? { ingress: server(shared, routes, servesTls ? sharedPolicies(model) : []) } : {}),
    ...Object.fromEntries(
      listeners.map(({ port, usesTls, routes: own, tlsNames }) => [
        `gateway-${port}`,
        server([port], own, usesTls ? policiesOf(tlsNames) : []),
      ]),
    ),
  };
}

/** A Service without endpoints refuses connections. */
const REFUSED: Json = {
  match: [
    {
      expression:
        '{http.error.status_code} == 502 && string({http.error.message}).contains("connection refused")',
    },
  ],
  handle: [answer(503, '503 Service Unavailable\n')],
};

const NOT_FOUND: Json = { handle: [answer(404, '404 page not found\n')] };

interface HostGroup {
  readonly host: string | undefined;
  readonly routes: Json[];
}

/** Routes of one host that follow each other ask for the host once. */
function groupedByHost(routes: readonly Route[], httpsPort: number): readonly Json[] {
  const groups: HostGroup[] = [];
  for (const route of routes) {
    const { host } = route.match;
    const last = groups.at(-1);
    const rendered = renderRoute(route, httpsPort);
    if (last && last.host === host) last.routes.push(rendered);
    else groups.push({ host, routes: [rendered] });
  }
  const isName = ({ host }: HostGroup): boolean => host !== undefined && !host.startsWith('*');
  const rendered: Json[] = [];
  for (let index = 0; index < groups.length; ) {
    const after = groups.findIndex((group, at) => at >= index && !isName(group));
    const end = after < 0 ? groups.length : Math.max(after, index + 1);
    append(rendered, hostTree(groups.slice(index, end)));
    index = end;
  }
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
      host === undefined ? routes : [{ match: [renderHost(host)], handle: [subroute(...routes)] }],
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
  return { match: [renderMatch(match)], handle: renderHandlers(filters, action, httpsPort) };
}

const DEFAULT_TAG = 'default';

/** Names before wildcards; the rest gets the default certificate. */
function sharedPolicies({ certificates, automaticHosts, tlsNames }: ProxyModel): readonly Json[] {
  const ofIngresses = certificates.flatMap(({ tag, hosts }) => {
    const names = hosts.filter((host) => !host.startsWith('*.'));
    const wildcards = hosts.filter((host) => host.startsWith('*.'));
    return [names, wildcards].flatMap((some) => (some.length > 0 ? [{ hosts: some, tags: [tag] }] : []));
  });
  const ofGateways = tlsNames.map(({ host, tags }) => ({ hosts: host === undefined ? [] : [host], tags }));
  const automatic = automaticHosts.length > 0 ? [{ hosts: automaticHosts, tags: [] }] : [];
  const all = [...ofIngresses, ...automatic, ...ofGateways];
  return [
    ...all.toSorted((a, b) => byKind(a.hosts[0], b.hosts[0])).map(renderPolicy),
    renderPolicy({ hosts: [], tags: [DEFAULT_TAG] }),
  ];
}

/** Clients that ask for other names are refused. */
const policiesOf = (tlsNames: readonly TlsNames[]): readonly Json[] =>
  tlsNames.map(({ host, tags }) => renderPolicy({ hosts: host === undefined ? [] : [host], tags }));

interface NamesPolicy {
  readonly hosts: readonly string[];
  readonly tags: readonly string[];
}

/** The first policy that matches counts. */
const renderPolicy = ({ hosts, tags }: NamesPolicy): Json => ({
  ...(hosts.length > 0 ? { match: { sni: hosts.flatMap(serverNames) } } : {}),
  ...(tags.length > 0 ? { certificate_selection: { any_tag: tags } } : {}),
});

/** A wildcard of Caddy stands for one label. No certificate is for more. */
const MAX_WILD_LABELS = 4;

function serverNames(host: string): readonly string[] {
  if (!host.startsWith('**.')) return [host];
  return Array.from({ length: MAX_WILD_LABELS }, (_, index) => `${'*.'.repeat(index + 1)}${host.slice(3)}`);
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
