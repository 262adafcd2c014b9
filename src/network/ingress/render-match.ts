/**
 * The matches of routes, as matchers of Caddy 2.6. Pure. Caddy's own matching of paths knows no
 * case, so that paths are regular expressions here. All members of a matcher must hold, but one of
 * several parameters of a query is enough for Caddy: hence a `not` of `not`s.
 */
import { escapePattern, type Json } from './caddy-json.ts';
import type { PathMatch, RouteMatch, ValueMatch } from './proxy-model.ts';

/** The name of the match whose groups a rewrite may use. */
export const MATCHED_PATH = 'path';

export function renderHost(host: string): Json {
  if (!host.startsWith('**.')) return { host: [host] };
  const pattern = `(?i)^[^:]+${escapePattern(host.slice(2))}(:[0-9]+)?$`;
  return { header_regexp: { Host: { pattern } } };
}

export function renderMatch({ path, scheme, method, headers = [], query = [] }: RouteMatch): Json {
  const pattern = pathPattern(path);
  const needed = query.flatMap(renderParameter);
  const expressions = query.flatMap(parameterExpression);
  return {
    ...(pattern === undefined ? {} : { path_regexp: { name: MATCHED_PATH, pattern } }),
    ...(scheme === undefined ? {} : { protocol: scheme }),
    ...(method === undefined ? {} : { method: [method] }),
    ...(headers.length === 0
      ? {}
      : {
          header_regexp: Object.fromEntries(
            headers.map((match) => [match.name, { pattern: wholePattern(match) }]),
          ),
        }),
    ...(needed.length === 0 ? {} : { not: needed.map((match) => ({ not: [match] })) }),
    ...(expressions.length === 0 ? {} : { expression: expressions.join(' && ') }),
  };
}

function pathPattern({ type, value }: PathMatch): string | undefined {
  if (type === 'pattern') return `(?i)^${value.replace(/^\^/, '')}`;
  if (type === 'whole') return `^(?:${value})$`;
  const text = escapePattern(value);
  if (type === 'exact') return `^${text}$`;
  // Element by element: /foo is no prefix of /foobar.
  const prefix = text.replace(/\/+$/, '');
  return prefix === '' ? undefined : `^${prefix}(/|$)`;
}

const wholePattern = ({ type, value }: ValueMatch): string =>
  `^(?:${type === 'exact' ? escapePattern(value) : value})$`;

/** Caddy would take these for more than a text. */
const isPlain = ({ name, value }: ValueMatch): boolean => !/[{}]/.test(name + value) && value !== '*';

/** The first of several values counts. A pattern at least needs the parameter. */
const renderParameter = (match: ValueMatch): readonly Json[] =>
  match.type === 'exact' && isPlain(match)
    ? [{ query: { [match.name]: [match.value] } }]
    : [{ query: { [match.name]: ['*'] } }];

/** In CEL, whose texts are written as in JSON. */
function parameterExpression(match: ValueMatch): readonly string[] {
  if (match.type === 'exact' && isPlain(match)) return [];
  const text = (value: string): string => JSON.stringify(value).replaceAll('{', '\\u007b');
  const value = `caddyPlaceholder(request, ${text(`http.request.uri.query.${match.name}`)})`;
  return [`${value}.matches(${text(wholePattern(match))})`];
}
