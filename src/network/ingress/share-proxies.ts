/**
 * Routes of many hosts proxy alike, but for the upstream. Each `reverse_proxy` of Caddy has
 * connections and settings of its own: thousands take 30 KiB each, and slow every request, since
 * nothing stays in the processor's caches. So such routes only note their upstream, and a few
 * proxies after all routes read it. Pure.
 */
export type Json = Readonly<Record<string, unknown>>;

export interface SharedProxies {
  /** The same routes in the same order. At most one of them handles a request. */
  readonly routes: readonly Json[];
  /** Follow all routes. */
  readonly proxies: readonly Json[];
}

/** Fewer routes keep their own proxies: to note an upstream costs a request some microseconds. */
const FEWEST_ROUTES = 16;
/** A request is compared with each of them. */
const MOST_PROXIES = 8;
/** The routes of a group exclude each other, wherever they are. */
const GROUP = 'routes';
const UPSTREAM = '{http.vars.upstream}';

interface OwnProxy {
  readonly dial: string;
  /** The handlers, with a placeholder for the upstream, as text. */
  readonly key: string;
  /** How many handlers at the end of the route these are. */
  readonly count: number;
}

export function shareProxies(routes: readonly Json[]): SharedProxies {
  const own = routes.map(ownProxyOf);
  const uses = new Map<string, number>();
  for (const one of own) if (one) uses.set(one.key, (uses.get(one.key) ?? 0) + 1);
  const keys = [...uses]
    .filter(([, count]) => count >= FEWEST_ROUTES)
    .sort(([a, first], [b, second]) => second - first || (a < b ? -1 : 1))
    .slice(0, MOST_PROXIES)
    .map(([key]) => key);
  if (keys.length === 0) return { routes, proxies: [] };
  const shared = routes.map((route, index) => {
    const one = own[index];
    const proxy = one ? keys.indexOf(one.key) : -1;
    if (!one || proxy < 0) return { ...route, group: GROUP };
    const note = { handler: 'vars', upstream: one.dial, proxy: String(proxy) };
    return { ...route, group: GROUP, handle: [...handlersOf(route).slice(0, -one.count), note] };
  });
  const proxies = keys.map((key, index) => ({
    match: [{ vars: { '{http.vars.proxy}': [String(index)] } }],
    handle: JSON.parse(key) as unknown,
  }));
  return { routes: shared, proxies };
}

const handlersOf = (route: Json): readonly Json[] => (route['handle'] ?? []) as readonly Json[];

/** A route ends with a proxy; another one may come before it, for some requests. */
function ownProxyOf(route: Json): OwnProxy | undefined {
  const handlers = handlersOf(route);
  const dial = dialOf(handlers.at(-1));
  if (dial === undefined || dial.includes('{')) return undefined;
  const count = dialOf(onlyHandlerOf(handlers.at(-2))) === dial ? 2 : 1;
  const key = JSON.stringify(handlers.slice(-count), (name, value: unknown) =>
    name === 'dial' ? UPSTREAM : value,
  );
  return { dial, key, count };
}

/** The upstream of a proxy that has one alone. */
function dialOf(handler: Json | undefined): string | undefined {
  if (handler?.['handler'] !== 'reverse_proxy') return undefined;
  const [upstream, another] = handler['upstreams'] as readonly { readonly dial: string }[];
  return another ? undefined : upstream?.dial;
}

function onlyHandlerOf(handler: Json | undefined): Json | undefined {
  if (handler?.['handler'] !== 'subroute') return undefined;
  const [route, another] = handler['routes'] as readonly Json[];
  const [first, second] = route && !another ? handlersOf(route) : [];
  return second ? undefined : first;
}
