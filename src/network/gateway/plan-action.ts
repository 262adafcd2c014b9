/** What a rule of a route does with its requests: filters, then a redirect or its backends. Pure. */
import type { ResolvedBackend, ResolvedRule } from '../../schemas/gateway/resolve-gateway.ts';
import type {
  CorsPolicy,
  HeaderModifier,
  PathModifier,
  RequestRedirect,
  RouteFilter,
} from '../../schemas/gateway/types.ts';
import { durationMs } from '../../schemas/kinds/gateway-api/duration.ts';
import { objectKey } from '../../schemas/object.ts';
import { CONNECT_TIMEOUT_MS, RESPONSE_TIMEOUT_MS } from '../ingress/default-timeouts.ts';
import { type BackendView, planBackend } from '../ingress/plan-backend.ts';
import type { Action, BackendProtocol, Filter, HeaderChanges, PathMatch } from '../ingress/proxy-model.ts';

export interface RuleContext {
  readonly view: BackendView;
  readonly kind: string | undefined;
  readonly rule: ResolvedRule;
  /** The path that was matched. */
  readonly path: PathMatch;
  readonly listener: { readonly port: number; readonly protocol: string };
}

interface Planned {
  readonly filters: readonly Filter[];
  readonly action: Action;
}

const NO_BACKEND: Action = { type: 'answer', status: 500, text: '500 Internal Server Error\n' };
const UNAVAILABLE: Action = { type: 'answer', status: 503, text: '503 Service Unavailable\n' };

export function planAction(context: RuleContext): Planned {
  const { rule } = context;
  return withFilters(context, rule.filters, () => {
    const shares = rule.backends
      .filter(({ weight }) => weight > 0)
      .map((backend) => ({ weight: backend.weight, ...planShare(context, backend) }));
    const [only, ...others] = shares;
    if (!only) return { filters: [], action: NO_BACKEND };
    if (others.length === 0) return { filters: only.filters, action: only.action };
    return { filters: [], action: { type: 'split', shares } };
  });
}

const planShare = (context: RuleContext, backend: ResolvedBackend): Planned =>
  withFilters(context, backend.filters, () => ({ filters: [], action: backendAction(context, backend) }));

/** A redirect takes the place of the rest. */
function withFilters(context: RuleContext, given: readonly RouteFilter[], rest: () => Planned): Planned {
  const filters = given.flatMap((filter) => planFilter(filter, context.path));
  const redirect = given.find(({ type }) => type === 'RequestRedirect')?.requestRedirect;
  if (redirect) return { filters, action: planRedirect(redirect, context.listener) };
  const { filters: more, action } = rest();
  return { filters: [...filters, ...more], action };
}

function planFilter(filter: RouteFilter, path: PathMatch): readonly Filter[] {
  switch (filter.type) {
    case 'RequestHeaderModifier':
      return [{ type: 'requestHeaders', ...headerChanges(filter.requestHeaderModifier) }];
    case 'ResponseHeaderModifier':
      return [{ type: 'responseHeaders', ...headerChanges(filter.responseHeaderModifier) }];
    case 'RequestRedirect':
      return planPath(filter.requestRedirect?.path, path);
    case 'URLRewrite': {
      const { hostname, path: modifier } = filter.urlRewrite ?? {};
      return [
        ...planPath(modifier, path),
        ...(hostname === undefined ? [] : [{ type: 'host', name: hostname } as const]),
      ];
    }
    case 'CORS':
      return [planOrigins(filter.cors ?? {})];
    // A route with another one is not accepted.
    default:
      return [];
  }
}

const headerChanges = ({ set = [], add = [], remove = [] }: HeaderModifier = {}): HeaderChanges => ({
  set,
  add,
  remove,
});

function planPath(modifier: PathModifier | undefined, { type, value }: PathMatch): readonly Filter[] {
  if (modifier?.type === 'ReplaceFullPath')
    return [{ type: 'path', path: `/${(modifier.replaceFullPath ?? '').replace(/^\/+/, '')}` }];
  if (modifier?.type !== 'ReplacePrefixMatch' || type !== 'prefix') return [];
  return [{ type: 'prefix', prefix: value, by: modifier.replacePrefixMatch ?? '' }];
}

const DEFAULT_MAX_AGE_SECONDS = 5;

const planOrigins = (cors: CorsPolicy): Filter => ({
  type: 'origins',
  origins: cors.allowOrigins ?? [],
  methods: cors.allowMethods ?? [],
  headers: cors.allowHeaders ?? [],
  exposedHeaders: cors.exposeHeaders ?? [],
  allowsCredentials: cors.allowCredentials ?? false,
  maxAgeSeconds: cors.maxAge ?? DEFAULT_MAX_AGE_SECONDS,
});

/**
 * The port is the one that is named; else that of the scheme that is named; else the listener's.
 */
function planRedirect(
  { scheme, hostname, port, statusCode = 302 }: RequestRedirect,
  listener: RuleContext['listener'],
): Action {
  const own = listener.protocol.toLowerCase();
  const target = scheme ?? own;
  const shown = port ?? (scheme === undefined ? listener.port : undefined);
  return {
    type: 'redirect',
    status: statusCode,
    scheme: target,
    host: hostname,
    port: shown === WELL_KNOWN_PORTS[target] ? undefined : shown,
  };
}

const WELL_KNOWN_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

function backendAction({ view, kind, rule }: RuleContext, { service }: ResolvedBackend): Action {
  if (!service) return NO_BACKEND;
  const { namespace, name, port: number } = service;
  const plan = planBackend(view, namespace, { service: { name, port: { number } } });
  if (!plan.upstreams) return UNAVAILABLE;
  const port = view.services.get(objectKey(namespace, name))?.spec.ports?.find((one) => one.port === number);
  const isCall = kind === 'GRPCRoute';
  const protocol: BackendProtocol = isCall || port?.appProtocol === 'kubernetes.io/h2c' ? 'h2c' : 'http';
  return {
    type: 'proxy',
    upstreams: plan.upstreams,
    transport: {
      protocol,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      // A call may wait for its first message for as long as it likes.
      responseTimeoutMs: timeoutMs(rule) ?? (isCall ? 0 : RESPONSE_TIMEOUT_MS),
      isUnbuffered: false,
    },
  };
}

/** The shorter one of both; 0: none. */
function timeoutMs({ timeouts }: ResolvedRule): number | undefined {
  const given = [timeouts?.request, timeouts?.backendRequest].flatMap((text) =>
    text === undefined ? [] : [durationMs(text)],
  );
  const limits = given.filter((ms) => ms > 0);
  return limits.length > 0 ? Math.min(...limits) : given[0];
}
