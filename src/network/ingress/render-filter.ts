/** What is done with a request before it is answered, as handlers of Caddy 2.6. Pure. */
import { answer, escapePattern, type Json, literal, subroute } from './caddy-json.ts';
import type { CorsFilter, Filter, HeaderChanges, HeaderLine, OriginsFilter } from './proxy-model.ts';
import { MATCHED_PATH } from './render-match.ts';

export function renderFilter(filter: Filter, httpsPort: number): Json {
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
    case 'origins':
      return renderOrigins(filter);
    case 'requestHeaders':
      return { handler: 'headers', request: renderChanges(filter) };
    case 'responseHeaders':
      return { handler: 'headers', response: { ...renderChanges(filter), deferred: true } };
    case 'host':
      return { handler: 'headers', request: { set: { Host: [literal(filter.name)] } } };
    case 'path':
      return { handler: 'rewrite', uri: literal(filter.path).replaceAll('?', '%3F') };
    case 'prefix':
      return { handler: 'rewrite', path_regexp: [renderPrefix(filter.prefix, filter.by)] };
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
  const origins = cors.origins.map((origin) => escapePattern(origin).replace('\\*', '[A-Za-z0-9-]+'));
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

function renderChanges({ set, add, remove }: HeaderChanges): Json {
  const lines = (some: readonly HeaderLine[]): Json =>
    Object.fromEntries(some.map(({ name, value }) => [name, [literal(value)]]));
  return {
    ...(set.length > 0 ? { set: lines(set) } : {}),
    ...(add.length > 0 ? { add: lines(add) } : {}),
    ...(remove.length > 0 ? { delete: remove } : {}),
  };
}

/** Of the path as the client wrote it. What follows the prefix stays, and a slash is never doubled. */
function renderPrefix(prefix: string, by: string): Json {
  const found = escapePattern(encodeURI(prefix).replace(/\/+$/, ''));
  const replacement = literal(by).replaceAll('$', '$$$$');
  if (by === '' || by.endsWith('/'))
    return { find: `^${found}/?(.*)$`, replace: `${replacement.replace(/\/+$/, '')}/$1` };
  return { find: `^${found}(/.*)?$`, replace: `${replacement.startsWith('/') ? '' : '/'}${replacement}$1` };
}

const ORIGIN = '{http.request.header.Origin}';
const ASKED_METHOD = '{http.request.header.Access-Control-Request-Method}';
const ASKED_HEADERS = '{http.request.header.Access-Control-Request-Headers}';

/** A preflight is answered here; other requests go on. Origins that do not match get no headers. */
function renderOrigins(filter: OriginsFilter): Json {
  const { origins, methods, headers, exposedHeaders, allowsCredentials, maxAgeSeconds } = filter;
  const all = (names: readonly string[], asked: string): string =>
    names.includes('*') ? asked : names.join(', ');
  const known = { header_regexp: { Origin: { pattern: `^(${origins.map(originPattern).join('|')})$` } } };
  const isPreflight = { method: ['OPTIONS'], header: { 'Access-Control-Request-Method': ['*'] } };
  // With credentials, a star would mean a header of this name.
  const exposed = allowsCredentials ? exposedHeaders.filter((name) => name !== '*') : exposedHeaders;
  const always = {
    'Access-Control-Allow-Origin': [ORIGIN],
    ...(allowsCredentials ? { 'Access-Control-Allow-Credentials': ['true'] } : {}),
    ...(exposed.length > 0 ? { 'Access-Control-Expose-Headers': [exposed.join(', ')] } : {}),
  };
  const preflight = {
    ...(methods.length > 0 ? { 'Access-Control-Allow-Methods': [all(methods, ASKED_METHOD)] } : {}),
    'Access-Control-Max-Age': [String(maxAgeSeconds)],
  };
  const allowsAny = headers.includes('*');
  const set = (values: Json): Json => ({ handler: 'headers', response: { set: values, deferred: true } });
  return subroute(
    ...(origins.length > 0 ? [{ match: [known], handle: [set(always)] }] : []),
    { handle: [{ handler: 'headers', response: { add: { Vary: ['Origin'] }, deferred: true } }] },
    {
      match: [isPreflight],
      handle: [
        subroute(
          ...(origins.length > 0 ? [{ match: [known], handle: [set(preflight)] }] : []),
          ...(headers.length > 0 && origins.length > 0
            ? [
                {
                  match: [
                    allowsAny ? { ...known, header: { 'Access-Control-Request-Headers': ['*'] } } : known,
                  ],
                  handle: [set({ 'Access-Control-Allow-Headers': [all(headers, ASKED_HEADERS)] })],
                },
              ]
            : []),
        ),
        answer(204),
      ],
    },
  );
}

/** A star stands for labels, and the port of a scheme need not be said. */
function originPattern(origin: string): string {
  if (origin === '*') return '.+';
  const pattern = escapePattern(origin).replaceAll('\\*', '[^/]*');
  if (/:[0-9]+$/.test(origin)) return pattern;
  return `${pattern}(:${origin.startsWith('https:') ? 443 : 80})?`;
}
