/**
 * Gateways with their routes → what the ports of the proxy do. Pure. A request belongs to the
 * listener of its port with the most specific hostname, and gets 404 where none of that listener's
 * routes matches. Of one host, the order of plan-match.ts counts, then the older route.
 */
import { coversHost, isMoreSpecific } from '../../schemas/gateway/hostnames.ts';
import type {
  ResolvedGateway,
  ResolvedListener,
  ResolvedRoute,
} from '../../schemas/gateway/resolve-gateway.ts';
import { keyOf } from '../../schemas/object.ts';
import { byHost } from '../ingress/host-order.ts';
import type { BackendView } from '../ingress/plan-backend.ts';
import { readPair, type SecretView } from '../ingress/plan-certificates.ts';
import type { HostCertificate, ProxyListener, ProxyPorts, Route, TlsNames } from '../ingress/proxy-model.ts';
import { planAction } from './plan-action.ts';
import { byRank, planMatch } from './plan-match.ts';

export interface GatewaysView extends BackendView {
  readonly gateways: readonly ResolvedGateway[];
  secret(key: string): SecretView | undefined;
  /** The ports that Ingresses have. */
  readonly ports: ProxyPorts;
}

export interface GatewaysPlan {
  readonly listeners: readonly ProxyListener[];
  readonly certificates: readonly HostCertificate[];
  /** Ports that cannot be served, with the reason. */
  readonly refused: ReadonlyMap<number, string>;
}

/** Each of them costs a socket, and a server in the proxy. */
const MAX_PORTS = 256;

export function planGateways(view: GatewaysView): GatewaysPlan {
  const ports = new Map<number, OwnedListener[]>();
  const refused = new Map<number, string>();
  for (const { gateway, listeners } of view.gateways)
    for (const listener of listeners) {
      const { port } = listener.listener;
      if (!listener.isUsable) continue;
      const why = ports.has(port) ? undefined : portTrouble(listener, view.ports, ports.size);
      if (why === undefined)
        ports.set(port, [...(ports.get(port) ?? []), { owner: `Gateway ${keyOf(gateway)}`, listener }]);
      else refused.set(port, why);
    }
  const certificates = new Map<string, HostCertificate>();
  const listeners = [...ports].map(([port, own]): ProxyListener => {
    const usesTls = own.some(({ listener }) => listener.listener.protocol === 'HTTPS');
    const sorted = own.toSorted((a, b) => byHost(hostOf(a.listener), hostOf(b.listener)));
    return {
      port,
      usesTls,
      routes: routesOfPort(view, sorted),
      tlsNames: usesTls ? sorted.map((one) => tlsNames(view, one, certificates)) : [],
    };
  });
  return { listeners, certificates: [...certificates.values()], refused };
}

interface OwnedListener {
  readonly owner: string;
  readonly listener: ResolvedListener;
}

function portTrouble(
  { listener: { port, protocol } }: ResolvedListener,
  { httpPort, httpsPort }: ProxyPorts,
  count: number,
): string | undefined {
  const other = protocol === 'HTTPS' ? httpPort : httpsPort;
  if (port === other)
    return `the nodes serve ${protocol === 'HTTPS' ? 'HTTP' : 'HTTPS'} on port ${port} (--ingress-${protocol === 'HTTPS' ? 'http' : 'https'}-port): choose another port`;
  return count >= MAX_PORTS ? `the nodes serve at most ${MAX_PORTS} ports of Gateways` : undefined;
}

/** As in a match of the proxy: a wildcard stands for one label or more. */
const proxyHost = (hostname: string | undefined): string | undefined =>
  hostname?.startsWith('*.') ? `*${hostname}` : hostname || undefined;
const hostOf = ({ listener }: ResolvedListener): string | undefined => proxyHost(listener.hostname);

interface Candidate {
  readonly route: Route;
  readonly rank: readonly number[];
}

function routesOfPort(view: GatewaysView, own: readonly OwnedListener[]): readonly Route[] {
  const candidates = own.flatMap(({ owner, listener }) => {
    const others = own.flatMap((one) => (one.listener === listener ? [] : [one.listener.listener.hostname]));
    const routes = listener.routes.flatMap((route) =>
      (route.hostnames.length > 0 ? route.hostnames : [undefined])
        .filter((hostname) => !others.some((other) => isTaken(hostname, listener.listener.hostname, other)))
        .flatMap((hostname) => candidatesOf(view, listener, route, hostname)),
    );
    return [...routes, ...endOf(owner, listener)];
  });
  // Sorting is stable: routes come by age, and rules in their order.
  return candidates
    .toSorted((a, b) => byHost(a.route.match.host, b.route.match.host) || byRank(a.rank, b.rank))
    .map(({ route }) => route);
}

/** Whether requests for the hostname belong to another listener of the port. */
const isTaken = (hostname: string | undefined, own: string | undefined, other: string | undefined): boolean =>
  other !== undefined && hostname !== undefined && isMoreSpecific(other, own) && coversHost(other, hostname);

/** The rank of what comes last. */
const LAST = [-1];

/** What no route of a listener matches must not get to the routes of another one. */
function endOf(owner: string, listener: ResolvedListener): readonly Candidate[] {
  const host = hostOf(listener);
  if (host === undefined) return [];
  const match = { host, path: { type: 'prefix', value: '/' }, scheme: schemeOf(listener) } as const;
  const action = { type: 'answer', status: 404, text: '404 page not found\n' } as const;
  return [{ rank: LAST, route: { owner, match, filters: [], action } }];
}

const schemeOf = ({ listener: { protocol } }: ResolvedListener): 'http' | 'https' =>
  protocol === 'HTTPS' ? 'https' : 'http';

function candidatesOf(
  view: GatewaysView,
  listener: ResolvedListener,
  { route, rules }: ResolvedRoute,
  hostname: string | undefined,
): readonly Candidate[] {
  const { kind } = route;
  const host = proxyHost(hostname);
  return rules.flatMap((rule) =>
    (rule.matches.length > 0 ? rule.matches : [{}]).map((given): Candidate => {
      const { match, rank } = planMatch(kind, given);
      const { path } = match;
      const planned = planAction({ view, kind, rule, path, listener: listener.listener });
      const owner = `${kind ?? ''} ${keyOf(route)}`;
      return { rank, route: { owner, match: { ...match, host, scheme: schemeOf(listener) }, ...planned } };
    }),
  );
}

/** Its certificates are added to all. Two Secrets with one certificate are one. */
function tlsNames(
  view: GatewaysView,
  { owner, listener }: OwnedListener,
  all: Map<string, HostCertificate>,
): TlsNames {
  const tags = listener.certificates.flatMap(({ namespace, name }) => {
    const secret = view.secret(`${namespace}/${name}`);
    const pair = secret === undefined ? undefined : readPair(secret);
    if (!pair?.leaf) return [];
    const tag = pair.leaf.fingerprint256;
    if (!all.has(tag)) all.set(tag, { tag, owner, ...pair.pem, hosts: [] });
    return [tag];
  });
  return { host: hostOf(listener), tags };
}
