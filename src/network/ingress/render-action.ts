/** What answers a request, as handlers of Caddy 2.6. Pure. */
import { append } from '../../base/append.ts';
import { answer, type Json, literal, subroute } from './caddy-json.ts';
import { ONE_MORE_HOP } from './proxy-loop.ts';
import type { Action, BackendProtocol, Filter, Redirect, Share, Transport } from './proxy-model.ts';
import { renderFilter } from './render-filter.ts';

/** The handlers of a route, or of a share of its requests. */
export function renderHandlers(
  filters: readonly Filter[],
  action: Action,
  httpsPort: number,
): readonly Json[] {
  const handle = filters.map((filter) => renderFilter(filter, httpsPort));
  append(handle, renderAction(action, httpsPort));
  return handle;
}

function renderAction(action: Action, httpsPort: number): readonly Json[] {
  switch (action.type) {
    case 'answer':
      return [answer(action.status, action.text)];
    case 'proxy':
      return renderProxies(action.upstreams, action.transport);
    case 'redirect':
      return [renderRedirect(action)];
    case 'split':
      return [renderSplit(action.shares, httpsPort)];
  }
}

function renderRedirect({ status, scheme, host, port }: Redirect): Json {
  const target = host === undefined ? '{http.request.host}' : literal(host);
  const Location = [`${scheme}://${target}${port === undefined ? '' : `:${port}`}{http.request.uri}`];
  return answer(status, '', { Location });
}

/** Digits of the random number that decides: one in sixteen million. */
const DIGITS = 6;
const RANGE = 16 ** DIGITS;

/** The identifier that Caddy gives each request is random, and the same for all matchers. */
function renderSplit(shares: readonly Share[], httpsPort: number): Json {
  const total = shares.reduce((sum, { weight }) => sum + weight, 0);
  let below = 0;
  return subroute(
    ...shares.map(({ weight, filters, action }, index): Json => {
      below += weight;
      const handle = renderHandlers(filters, action, httpsPort);
      if (index === shares.length - 1) return { handle };
      const pattern = belowPattern(Math.round((below / total) * RANGE));
      return { match: [{ vars_regexp: { '{http.request.uuid}': { pattern } } }], handle };
    }),
  );
}

/** Matches the hexadecimal numbers of so many digits that are less. */
export function belowPattern(limit: number): string {
  if (limit >= RANGE) return '^[0-9a-f]';
  const digits = limit.toString(16).padStart(DIGITS, '0');
  const ways = Array.from(digits).flatMap((digit, index) =>
    digit === '0' ? [] : [`${digits.slice(0, index)}[${'0123456789abcdef'.slice(0, parseInt(digit, 16))}]`],
  );
  return `^(${ways.join('|') || 'none'})`;
}

/** Another connection is tried for so long: a rolling update takes its endpoint away meanwhile. */
const TRY_MS = 3_000;
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
    headers: { request: { set: { 'X-Real-Ip': ['{http.request.remote.host}'], ...ONE_MORE_HOP } } },
    load_balancing: {
      selection_policy: { policy: 'random' },
      // The time of the whole request would else be that of several attempts.
      try_duration: `${responseTimeoutMs === 0 ? TRY_MS : Math.min(TRY_MS, responseTimeoutMs)}ms`,
      try_interval: TRY_INTERVAL,
      // A connection that was refused is always tried again; other failures only for these.
      retry_match: [{ method: REPEATABLE }],
    },
    ...(isUnbuffered ? { flush_interval: -1 } : {}),
    transport: {
      protocol: 'http',
      dial_timeout: `${connectTimeoutMs}ms`,
      ...(responseTimeoutMs === 0 ? {} : { response_header_timeout: `${responseTimeoutMs}ms` }),
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
