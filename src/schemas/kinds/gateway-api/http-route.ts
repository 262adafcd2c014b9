import { asList, asRecord, asRecords, asString, getPath, isAbsent } from '../../json-access.ts';
import type { StructuralSchema } from '../../custom/index.ts';
import { AGE, gatewayKinds } from './define-gateway-kind.ts';
import { durationMs } from './duration.ts';
import {
  choice,
  duration,
  headerName,
  hostname,
  integer,
  keyedList,
  list,
  object,
  port,
  preciseHostname,
  sectionName,
  text,
} from './parts.ts';
import {
  backendRefs,
  filterList,
  FILTERS,
  filterRules,
  headerFilters,
  headerMatches,
  parentRefs,
  routeRules,
  routeStatus,
} from './route-parts.ts';
import { type Rule, rule } from './rules.ts';

const METHODS = 'GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH';

const pathModifier = (description: string): StructuralSchema =>
  object(description, 'type', {
    type: choice(
      'Whether the whole path or the matched prefix is replaced.',
      'ReplaceFullPath ReplacePrefixMatch',
    ),
    replaceFullPath: text('The new path.', { maxLength: 1024 }),
    replacePrefixMatch: text('The new prefix.', { maxLength: 1024 }),
  });

const set = (description: string, maxItems: number, items: StructuralSchema): StructuralSchema =>
  list(description, maxItems, items, { 'x-kubernetes-list-type': 'set' });

const cors = object('Answers browsers that ask for another origin.', '', {
  allowCredentials: { description: 'Whether credentials may be sent.', type: 'boolean' },
  allowOrigins: set(
    'Origins that may ask.',
    64,
    text('An origin, or * for all.', {
      minLength: 1,
      maxLength: 253,
      pattern:
        '(^\\*$)|(^(http(s)?):\\/\\/(((\\*\\.)?([a-zA-Z0-9\\-]+\\.)*[a-zA-Z0-9-]+|\\*)(:([0-9]{1,5}))?)$)',
    }),
  ),
  allowMethods: set('Methods that may be used.', 9, choice('A method, or * for all.', `${METHODS} *`)),
  allowHeaders: set('Headers that may be sent.', 64, headerName('A header, or * for all.')),
  exposeHeaders: set(
    'Headers of responses that scripts may read.',
    64,
    headerName('A header, or * for all.'),
  ),
  maxAge: integer('How many seconds a browser keeps the answer.', { default: 5, minimum: 1 }),
});

const filters = filterList(
  'RequestHeaderModifier ResponseHeaderModifier RequestMirror RequestRedirect URLRewrite ExtensionRef CORS',
  {
    ...headerFilters,
    cors,
    requestRedirect: object('Answers with a redirect.', '', {
      scheme: choice('The new scheme.', 'http https'),
      hostname: preciseHostname('The new host.'),
      path: pathModifier('The new path.'),
      port: port('The new port.'),
      statusCode: {
        description: 'The status of the answer.',
        type: 'integer',
        default: 302,
        enum: [301, 302, 303, 307, 308],
      },
    }),
    urlRewrite: object('Changes what the backend is asked for.', '', {
      hostname: preciseHostname('The new host.'),
      path: pathModifier('The new path.'),
    }),
  },
);

const ROOT = { type: 'PathPrefix', value: '/' };

const match = object('Requests that match. All members must hold.', '', {
  path: object(
    'The path that is asked for.',
    '',
    {
      type: choice('How it is compared.', 'Exact PathPrefix RegularExpression', { default: 'PathPrefix' }),
      value: text('The path.', { default: '/', maxLength: 1024 }),
    },
    { default: ROOT },
  ),
  headers: headerMatches,
  queryParams: keyedList(
    'Parameters of the query that must be there.',
    16,
    'name',
    object('A parameter and its value.', 'name value', {
      type: choice('How the value is compared.', 'Exact RegularExpression', { default: 'Exact' }),
      name: headerName('Name of the parameter.'),
      value: text('The value.', { minLength: 1, maxLength: 1024 }),
    }),
  ),
  method: choice('The method of the request.', METHODS),
});

const PATH = 'spec.rules.*.matches.*.path';
const PATH_CHARACTERS = /^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$/;

const pathRule = (complaint: string, passes: (path: string) => boolean): Rule =>
  rule(PATH, complaint, (value) => {
    const { type, value: path } = asRecord(value);
    return (type !== 'Exact' && type !== 'PathPrefix') || passes(asString(path));
  });
const BOTH = "when type one of ['Exact', 'PathPrefix']";

const pathRules: readonly Rule[] = [
  pathRule(`value must be an absolute path and start with '/' ${BOTH}`, (path) => path.startsWith('/')),
  ...['//', '/./', '/../', '%2f', '%2F', '#'].map((part) =>
    pathRule(`must not contain '${part}' ${BOTH}`, (path) => !path.includes(part)),
  ),
  ...['/..', '/.'].map((end) =>
    pathRule(`must not end with '${end}' ${BOTH}`, (path) => !path.endsWith(end)),
  ),
  pathRule(
    "must only contain valid characters (matching ^(?:[-A-Za-z0-9/._~!$&'()*+,;=:@]|[%][0-9a-fA-F]{2})+$) for types ['Exact', 'PathPrefix']",
    (path) => PATH_CHARACTERS.test(path),
  ),
];

const modifierRules = (path: string): readonly Rule[] =>
  [
    ['ReplaceFullPath', 'replaceFullPath'],
    ['ReplacePrefixMatch', 'replacePrefixMatch'],
  ].flatMap(([type = '', member = '']) => [
    rule(path, `${member} must be specified when type is set to '${type}'`, (value) => {
      const modifier = asRecord(value);
      return modifier['type'] !== type || !isAbsent(modifier[member]);
    }),
    rule(path, `type must be '${type}' when ${member} is set`, (value) => {
      const modifier = asRecord(value);
      return isAbsent(modifier[member]) || modifier['type'] === type;
    }),
  ]);

const allOrSome = (path: string, message: string): Rule =>
  rule(path, message, (value) => !asList(value).includes('*') || asList(value).length === 1);

const corsRules = (path: string): readonly Rule[] => [
  allOrSome(`${path}.allowHeaders`, "AllowHeaders cannot contain '*' alongside other methods"),
  allOrSome(`${path}.allowMethods`, "AllowMethods cannot contain '*' alongside other methods"),
  allOrSome(`${path}.allowOrigins`, "AllowOrigins cannot contain '*' alongside other origins"),
];

const replacesPrefix = (filters: unknown, member: string): boolean =>
  asRecords(filters).filter((filter) => {
    const path = getPath(filter, member, 'path');
    return getPath(path, 'type') === 'ReplacePrefixMatch' && !isAbsent(getPath(path, 'replacePrefixMatch'));
  }).length === 1;

const hasOnePrefix = (matches: unknown): boolean => {
  const [only, ...others] = asRecords(matches);
  return others.length === 0 && getPath(only, 'path', 'type') === 'PathPrefix';
};

const replacementRules: readonly Rule[] = [
  ['RequestRedirect', 'requestRedirect', 'when'],
  ['URLRewrite', 'urlRewrite', 'When'],
].flatMap(([type = '', member = '', when = '']) => {
  const rest = `using ${type} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`;
  return [
    rule('spec.rules.*', `When ${rest}`, (value) => {
      const { filters: own, matches } = asRecord(value);
      return !replacesPrefix(own, member) || hasOnePrefix(matches);
    }),
    rule('spec.rules.*', `Within backendRefs, ${when} ${rest}`, (value) => {
      const { backendRefs: backends, matches } = asRecord(value);
      const replacing = asRecords(backends).filter((backend) => replacesPrefix(backend['filters'], member));
      return replacing.length !== 1 || hasOnePrefix(matches);
    }),
  ];
});

export const httpRouteKinds = gatewayKinds({
  kind: 'HTTPRoute',
  plural: 'httproutes',
  versions: ['v1', 'v1beta1'],
  description: 'An HTTPRoute leads requests of HTTP from Gateways to backends.',
  spec: object('Which requests go where.', '', {
    parentRefs,
    hostnames: list(
      'Hosts that are asked for; those of the listener when left out.',
      16,
      hostname('A host.'),
    ),
    rules: list(
      'What is done with requests.',
      16,
      object('What is done with requests that match.', '', {
        name: sectionName('A name of the rule.'),
        matches: list('Requests that the rule is for. One match is enough.', 64, match, {
          default: [{ path: ROOT }],
        }),
        filters,
        backendRefs: backendRefs(filters),
        timeouts: object('How long requests may take.', '', {
          request: duration('The whole request; 0s for no limit.'),
          backendRequest: duration('One request to a backend; 0s for no limit.'),
        }),
      }),
      { minItems: 1, default: [{ matches: [{ path: ROOT }] }] },
    ),
  }),
  status: routeStatus,
  columns: [{ name: 'Hostnames', jsonPath: '.spec.hostnames' }, AGE],
  rules: [
    ...routeRules,
    rule('spec.rules.*', 'RequestRedirect filter must not be used together with backendRefs', (value) => {
      const { filters: own, backendRefs: backends } = asRecord(value);
      return (
        asList(backends).length === 0 || asRecords(own).every((filter) => isAbsent(filter['requestRedirect']))
      );
    }),
    ...replacementRules,
    ...pathRules,
    ...FILTERS.map((path) =>
      rule(
        path,
        'May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both',
        (value) => {
          const types = asRecords(value).map(({ type }) => type);
          return !types.includes('RequestRedirect') || !types.includes('URLRewrite');
        },
      ),
    ),
    ...filterRules(
      {
        CORS: 'cors',
        RequestHeaderModifier: 'requestHeaderModifier',
        ResponseHeaderModifier: 'responseHeaderModifier',
        RequestMirror: 'requestMirror',
        RequestRedirect: 'requestRedirect',
        URLRewrite: 'urlRewrite',
        ExtensionRef: 'extensionRef',
      },
      ['CORS', 'RequestHeaderModifier', 'ResponseHeaderModifier', 'RequestRedirect', 'URLRewrite'],
    ),
    ...FILTERS.flatMap((path) => [
      ...modifierRules(`${path}.*.requestRedirect.path`),
      ...modifierRules(`${path}.*.urlRewrite.path`),
      ...corsRules(`${path}.*.cors`),
    ]),
    rule('spec.rules.*.timeouts', 'backendRequest timeout cannot be longer than request timeout', (value) => {
      const { request, backendRequest } = asRecord(value);
      if (isAbsent(request) || isAbsent(backendRequest) || durationMs(request) === 0) return true;
      return durationMs(backendRequest) <= durationMs(request);
    }),
  ],
  applyOrder: 161,
  defaultRoles: 'edit',
});
