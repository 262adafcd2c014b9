/**
 * The matches of HTTPRoutes and GRPCRoutes, and which of two comes first: exact paths, patterns by
 * length, prefixes by length; then one with a method; then more headers; then more parameters. Pure.
 */
import type { GrpcMethod, NamedMatch, RouteMatch as ApiMatch } from '../../schemas/gateway/types.ts';
import { escapePattern } from '../ingress/caddy-json.ts';
import type { PathMatch, RouteMatch, ValueMatch } from '../ingress/proxy-model.ts';

export interface PlannedMatch {
  readonly match: RouteMatch;
  /** Compared number by number; the larger one comes first. */
  readonly rank: readonly number[];
}

const EXACT = 3;
const PATTERN = 2;
const PREFIX = 1;

export function planMatch(kind: string | undefined, match: ApiMatch): PlannedMatch {
  return kind === 'GRPCRoute' ? planCall(match) : planRequest(match);
}

function planRequest({ path = {}, method, headers, queryParams }: ApiMatch): PlannedMatch {
  const { type = 'PathPrefix', value = '/' } = path;
  const named = typeof method === 'string' ? method : undefined;
  const [lines, query] = [
    valuesOf(headers, (name) => name.toLowerCase()),
    valuesOf(queryParams, (name) => name),
  ];
  const planned: readonly [number, PathMatch] =
    type === 'Exact'
      ? [EXACT, { type: 'exact', value: decoded(value) }]
      : type === 'RegularExpression'
        ? [PATTERN, { type: 'whole', value }]
        : [PREFIX, { type: 'prefix', value: decoded(value) }];
  const length = planned[0] === PREFIX ? value.replace(/\/+$/, '').length : value.length;
  return {
    match: { path: planned[1], method: named, headers: lines, query },
    rank: [planned[0], length, named === undefined ? 0 : 1, lines.length, query.length],
  };
}

/** A call of gRPC is a POST to /SERVICE/METHOD. */
function planCall({ method: given, headers }: ApiMatch): PlannedMatch {
  const { type = 'Exact', service = '', method = '' } = typeof given === 'object' ? given : NO_METHOD;
  const lines = valuesOf(headers, (name) => name.toLowerCase());
  const part = (text: string): string => (type === 'Exact' ? escapePattern(text) : `(?:${text})`);
  const path: PathMatch =
    service === '' && method === ''
      ? { type: 'prefix', value: '/' }
      : type === 'Exact' && service !== ''
        ? method === ''
          ? { type: 'prefix', value: `/${service}` }
          : { type: 'exact', value: `/${service}/${method}` }
        : {
            type: 'whole',
            value: `/${service === '' ? '[^/]+' : part(service)}/${method === '' ? '[^/]+' : part(method)}`,
          };
  const kind = type === 'Exact' ? EXACT : PATTERN;
  return {
    match: { path, headers: lines },
    rank: [service === '' ? 0 : kind, service.length, method === '' ? 0 : kind, method.length, lines.length],
  };
}

const NO_METHOD: GrpcMethod = {};

/** Of equal names, the first one counts. */
function valuesOf(
  given: readonly NamedMatch[] = [],
  normal: (name: string) => string,
): readonly ValueMatch[] {
  const found = new Map<string, ValueMatch>();
  for (const { type = 'Exact', name, value } of given)
    if (!found.has(normal(name)))
      found.set(normal(name), { name, type: type === 'Exact' ? 'exact' : 'pattern', value });
  return [...found.values()];
}

/** Paths are compared as they are meant: `%20` is a space. */
function decoded(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

export function byRank(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((number, index) => number !== b[index]);
  return at < 0 ? 0 : (b[at] ?? 0) - (a[at] ?? 0);
}
