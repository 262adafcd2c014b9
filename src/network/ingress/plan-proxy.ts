/**
 * Ingresses → what the proxy does. Pure. Precedence: exact hosts before wildcards before rules
 * without a host; of one host, exact paths, then the longest; then the oldest Ingress. What no rule
 * matches goes to a default backend, or gets 404.
 */
import { compareText } from '../../base/text.ts';
import type { EndpointSlice, Ingress, Service } from '../../schemas/types.ts';
import { CONNECT_TIMEOUT_MS, RESPONSE_TIMEOUT_MS } from './default-timeouts.ts';
import { byHost } from './host-order.ts';
import { type BackendView, planBackend } from './plan-backend.ts';
import { planCertificates, type SecretView } from './plan-certificates.ts';
import { type IngressOptions, readAnnotations } from './read-annotations.ts';
import type {
  Action,
  Filter,
  HostCertificate,
  PathMatch,
  Problem,
  ProxyListener,
  ProxyModel,
  ProxyPorts,
  Route,
} from './proxy-model.ts';

export interface ProxyView {
  /** Ingresses of our classes. */
  readonly ingresses: readonly Ingress[];
  readonly services: ReadonlyMap<string, Service>;
  slicesOf(service: Service): readonly EndpointSlice[];
  readonly clusterDomain: string;
  secret(key: string): SecretView | undefined;
  /** The proxy may obtain certificates (ACME). */
  readonly isAutomatic: boolean;
  /** The ports of Ingresses. */
  readonly ports: ProxyPorts;
  /** What Gateways ask for, too. */
  readonly gateways?: GatewayParts | undefined;
}

interface GatewayParts {
  readonly listeners: readonly ProxyListener[];
  readonly certificates: readonly HostCertificate[];
}

export interface ProxyPlan {
  readonly model: ProxyModel;
  readonly problems: readonly Problem[];
}

export function planProxy(view: ProxyView): ProxyPlan {
  const problems: Problem[] = [];
  const read = view.ingresses.toSorted(byAge).map((ingress) => {
    const { options, problems: found } = readAnnotations(ingress.metadata.annotations ?? {});
    for (const problem of found) problems.push({ about: ingress, ...problem });
    return [ingress, options] as const;
  });
  const tls = planCertificates({ ...view, ingresses: read });
  const planned = read.flatMap(([ingress, options]) => routesOf(view, ingress, options, problems));
  const rules = withoutTaken(planned.filter(({ isDefault }) => !isDefault).toSorted(byPrecedence), problems);
  const defaults = withoutTaken(planned.filter(({ isDefault }) => isDefault).toSorted(byPrecedence), []);
  const servesTls = read.some(
    ([{ spec }, { scheme, redirect }]) =>
      (spec.tls ?? []).length > 0 || scheme === 'https' || redirect === 'always',
  );
  const model: ProxyModel = {
    routes: [...rules, ...defaults].map(({ route }) => route),
    servesHttp: read.length > 0,
    servesTls,
    tlsNames: [],
    listeners: [],
    certificates: tls.certificates,
    automaticHosts: tls.automaticHosts,
  };
  return {
    model: view.gateways ? withGateways(model, rules.length, view.gateways, view.ports) : model,
    problems: [...problems, ...tls.problems],
  };
}

/**
 * A Gateway may listen on the ports of Ingresses. There, the more specific host comes first; of one
 * host, rules of Ingresses do. Default backends of Ingresses stay behind everything.
 */
function withGateways(
  model: ProxyModel,
  ruleCount: number,
  { listeners, certificates }: GatewayParts,
  { httpPort, httpsPort }: ProxyPorts,
): ProxyModel {
  const isShared = ({ port }: ProxyListener): boolean => port === httpPort || port === httpsPort;
  const shared = listeners.filter(isShared);
  const rules = [...model.routes.slice(0, ruleCount), ...shared.flatMap(({ routes }) => routes)];
  const known = new Set(model.certificates.map(({ tag }) => tag));
  return {
    ...model,
    routes: [
      ...(shared.length > 0 ? rules.toSorted((a, b) => byHost(a.match.host, b.match.host)) : rules),
      ...model.routes.slice(ruleCount),
    ],
    servesHttp: model.servesHttp || shared.some(({ usesTls }) => !usesTls),
    servesTls: model.servesTls || shared.some(({ usesTls }) => usesTls),
    tlsNames: shared.flatMap(({ tlsNames }) => tlsNames),
    listeners: listeners.filter((listener) => !isShared(listener)),
    certificates: [...model.certificates, ...certificates.filter(({ tag }) => !known.has(tag))],
  };
}

interface Planned {
  readonly route: Route;
  readonly ingress: Ingress;
  readonly isDefault: boolean;
}

function routesOf(
  view: BackendView,
  ingress: Ingress,
  options: IngressOptions,
  problems: Problem[],
): readonly Planned[] {
  const { rules = [], defaultBackend, tls = [] } = ingress.spec;
  const { namespace = '', name } = ingress.metadata;
  type Backend = NonNullable<typeof defaultBackend>;
  const secured = new Set(tls.flatMap(({ hosts = [] }) => hosts));
  const hasTls = (host: string | undefined): boolean =>
    tls.some(({ hosts = [] }) => hosts.length === 0) ||
    (host === undefined ? tls.length > 0 : secured.has(host) || secured.has(host.replace(/^[^.]+/, '*')));
  const routeTo = (host: string | undefined, path: PathMatch, backend: Backend): Route => ({
    owner: `${namespace}/${name}`,
    match: { host, path, scheme: options.scheme },
    filters: filtersOf(options, hasTls(host)),
    action: actionOf(view, ingress, backend, options, problems),
  });
  const planned: Planned[] = [];
  for (const { host, http } of rules)
    for (const { path = '', pathType, backend } of http?.paths ?? [])
      planned.push({
        ingress,
        isDefault: false,
        route: routeTo(host || undefined, pathMatch(path, pathType, options), backend),
      });
  if (!defaultBackend) return planned;
  // Its own hosts come first, then everything.
  const hosts = new Set<string | undefined>([
    ...rules.flatMap(({ host }) => (host ? [host] : [])),
    undefined,
  ]);
  for (const host of hosts)
    planned.push({ ingress, isDefault: true, route: routeTo(host, ANY_PATH, defaultBackend) });
  return planned;
}

const ANY_PATH: PathMatch = { type: 'prefix', value: '/' };

function pathMatch(path: string, pathType: string, { usesPatterns }: IngressOptions): PathMatch {
  if (usesPatterns) return { type: 'pattern', value: path || '/' };
  if (pathType === 'Exact') return { type: 'exact', value: path };
  return { type: 'prefix', value: path || '/' };
}

function filtersOf(options: IngressOptions, hasTls: boolean): readonly Filter[] {
  const { redirect, allowSources, bodyLimitBytes, cors, rewriteTarget } = options;
  const filters: (Filter | undefined)[] = [
    redirect === 'always' || (redirect === 'where there is TLS' && hasTls)
      ? { type: 'redirectToHttps' }
      : undefined,
    allowSources && { type: 'allowSources', ranges: allowSources },
    cors && { type: 'cors', ...cors },
    bodyLimitBytes === undefined ? undefined : { type: 'limitBody', bytes: bodyLimitBytes },
    rewriteTarget === undefined ? undefined : { type: 'rewrite', target: rewriteTarget },
  ];
  return filters.filter((filter) => filter !== undefined);
}

function actionOf(
  view: BackendView,
  ingress: Ingress,
  backend: NonNullable<Ingress['spec']['defaultBackend']>,
  options: IngressOptions,
  problems: Problem[],
): Action {
  const plan = planBackend(view, ingress.metadata.namespace ?? '', backend);
  if (!plan.upstreams) problems.push({ about: ingress, reason: plan.reason, message: plan.message });
  if (!plan.upstreams || options.isClosed)
    return { type: 'answer', status: 503, text: '503 Service Unavailable\n' };
  return {
    type: 'proxy',
    upstreams: plan.upstreams,
    transport: {
      protocol: options.protocol,
      connectTimeoutMs: options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS,
      responseTimeoutMs: options.responseTimeoutMs ?? RESPONSE_TIMEOUT_MS,
      isUnbuffered: options.isUnbuffered,
    },
  };
}

/** The first route of a host, path and scheme stays. */
function withoutTaken(planned: readonly Planned[], problems: Problem[]): readonly Planned[] {
  const taken = new Map<string, string>();
  return planned.filter(({ route, ingress }) => {
    const { host = '*', path, scheme = 'any' } = route.match;
    const key = JSON.stringify([host, path.type, normal(path), scheme]);
    const owner = taken.get(key);
    if (owner === undefined) taken.set(key, route.owner);
    else if (owner !== route.owner) {
      const message = `Host "${host}" with path "${path.value}" is served by Ingress "${owner}", which is older`;
      problems.push({ about: ingress, reason: 'PathTaken', message });
    }
    return owner === undefined;
  });
}

function byAge({ metadata: a }: Ingress, { metadata: b }: Ingress): number {
  return (
    compareText(a.creationTimestamp ?? '', b.creationTimestamp ?? '') ||
    compareText(`${a.namespace ?? ''}/${a.name}`, `${b.namespace ?? ''}/${b.name}`)
  );
}

/** Sorting is stable: among equals, the order of age stays. */
function byPrecedence(
  { route: { match: a }, ...one }: Planned,
  { route: { match: b }, ...other }: Planned,
): number {
  const hasRules = (ingress: Ingress): number => Number((ingress.spec.rules ?? []).length > 0);
  return (
    byHost(a.host, b.host) ||
    Number(b.path.type === 'exact') - Number(a.path.type === 'exact') ||
    normal(b.path).length - normal(a.path).length ||
    // A default backend without rules was meant for everything.
    (one.isDefault ? hasRules(one.ingress) - hasRules(other.ingress) : 0)
  );
}

/** The slash at the end of a prefix says nothing. */
const normal = ({ type, value }: PathMatch): string =>
  type === 'prefix' ? value.replace(/\/+$/, '') : value;
