/** Parts that HTTPRoutes and GRPCRoutes share: parents, backends, filters of headers, the status. */
import { asRecord, asRecords, asString, getPath, isAbsent } from '../../json-access.ts';
import type { StructuralSchema } from '../../custom/index.ts';
import {
  choice,
  conditions,
  controllerName,
  GROUP,
  group,
  headerName,
  integer,
  keyedList,
  kindName,
  list,
  localRef,
  namespaceName,
  object,
  objectName,
  port,
  sectionName,
  text,
} from './parts.ts';
import { areUnique, type Rule, rule } from './rules.ts';

type Properties = Readonly<Record<string, StructuralSchema>>;

const parentRef = object('A Gateway, or one of its listeners.', 'name', {
  group: group('API group of the parent.', { default: GROUP }),
  kind: kindName('Kind of the parent.', { default: 'Gateway' }),
  name: objectName('Name of the parent.'),
  namespace: namespaceName('Namespace of the parent; that of the route when left out.'),
  sectionName: sectionName('Name of the listener; every listener when left out.'),
  port: port('Port of the listeners; every port when left out.'),
});

export const parentRefs = list('The Gateways to attach to.', 32, parentRef);

export const routeStatus = object('The state at each parent.', 'parents', {
  parents: list(
    'One entry for each parent and controller.',
    32,
    object('The state at a parent.', 'conditions controllerName parentRef', {
      parentRef,
      controllerName: controllerName('The controller that wrote the entry.'),
      conditions: conditions({ minItems: 1 }),
    }),
  ),
});

const backendFields: Properties = {
  group: group('API group of the backend.', { default: '' }),
  kind: kindName('Kind of the backend.', { default: 'Service' }),
  name: objectName('Name of the backend.'),
  namespace: namespaceName('Its namespace; another one than the own needs a ReferenceGrant there.'),
  port: port('Port of the Service.'),
};

export const backendRefs = (filters: StructuralSchema): StructuralSchema =>
  list(
    'Where requests go. Without any, they are answered with an error.',
    16,
    object('A backend and its share.', 'name', {
      ...backendFields,
      weight: integer('Its share of the requests, relative to the sum of all.', {
        default: 1,
        minimum: 0,
        maximum: 1_000_000,
      }),
      filters,
    }),
  );

const header = object('A header and its value.', 'name value', {
  name: headerName('Name of the header, in any case of letters.'),
  value: text('Its value.', { minLength: 1, maxLength: 4096 }),
});

const headerModifier = (description: string): StructuralSchema =>
  object(description, '', {
    set: keyedList('Headers that replace those of their names.', 16, 'name', header),
    add: keyedList('Values that are added.', 16, 'name', header),
    remove: list(
      'Names of headers that are taken away.',
      16,
      { type: 'string' },
      { 'x-kubernetes-list-type': 'set' },
    ),
  });

/** The filters of both kinds, by the types that choose them. */
export const headerFilters: Properties = {
  requestHeaderModifier: headerModifier('Changes headers of requests.'),
  responseHeaderModifier: headerModifier('Changes headers of responses.'),
  requestMirror: object('Sends a copy of requests elsewhere.', 'backendRef', {
    backendRef: object('Where the copies go.', 'name', backendFields),
    percent: integer('How many of a hundred requests are copied.', { minimum: 0, maximum: 100 }),
    fraction: object('How many requests are copied.', 'numerator', {
      numerator: integer('So many.', { minimum: 0 }),
      denominator: integer('Among so many.', { default: 100, minimum: 1 }),
    }),
  }),
  extensionRef: localRef('A filter of the implementation.'),
};

export const filterList = (types: string, filters: Properties): StructuralSchema =>
  list(
    'What happens to requests and responses on their way.',
    16,
    object('A filter; its type says which member is set.', 'type', {
      type: choice('The kind of filter.', types),
      ...filters,
    }),
  );

export const headerMatches = keyedList(
  'Headers that must be there.',
  16,
  'name',
  object('A header and its value.', 'name value', {
    type: choice('How the value is compared.', 'Exact RegularExpression', { default: 'Exact' }),
    name: headerName('Name of the header, in any case of letters.'),
    value: text('The value.', { minLength: 1, maxLength: 4096 }),
  }),
);

const parentOf = (ref: unknown): string => {
  const { group: apiGroup, kind, name, namespace } = asRecord(ref);
  return JSON.stringify([apiGroup, kind, name, asString(namespace)]);
};
const sectionOf = (ref: unknown): string => asString(asRecord(ref)['sectionName']);

const hasServicePort = (value: unknown): boolean => {
  const { group: apiGroup, kind, port: number } = asRecord(value);
  return asString(apiGroup) !== '' || kind !== 'Service' || !isAbsent(number);
};

/** At most this many matches in all rules of a route. */
const MAX_MATCHES = 128;

export const routeRules: readonly Rule[] = [
  rule(
    'spec.parentRefs',
    'sectionName must be specified when parentRefs includes 2 or more references to the same parent',
    (value) => {
      const named = new Map<string, boolean>();
      return asRecords(value).every((ref) => {
        const isNamed = sectionOf(ref) !== '';
        const before = named.get(parentOf(ref)) ?? isNamed;
        named.set(parentOf(ref), isNamed);
        return before === isNamed;
      });
    },
  ),
  rule(
    'spec.parentRefs',
    'sectionName must be unique when parentRefs includes 2 or more references to the same parent',
    (value) => areUnique(asRecords(value), (ref) => `${parentOf(ref)} ${sectionOf(ref)}`),
  ),
  rule(
    'spec.rules',
    'While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128',
    (value) => asRecords(value).flatMap(({ matches }) => asRecords(matches)).length <= MAX_MATCHES,
  ),
  rule('spec.rules.*.backendRefs.*', 'Must have port for Service reference', hasServicePort),
];

/** The places of filters in a route. */
export const FILTERS = ['spec.rules.*.filters', 'spec.rules.*.backendRefs.*.filters'] as const;

/** `members`: the member that each type of filter sets. */
export const filterRules = (
  members: Readonly<Record<string, string>>,
  once: readonly string[],
): readonly Rule[] =>
  FILTERS.flatMap((path) => [
    ...once.map((type) =>
      rule(
        path,
        `${type} filter cannot be repeated`,
        (value) => asRecords(value).filter((filter) => filter['type'] === type).length <= 1,
      ),
    ),
    ...Object.entries(members).flatMap(([type, member]) => [
      rule(`${path}.*`, `filter.${member} must be nil if the filter.type is not ${type}`, (value) => {
        const filter = asRecord(value);
        return isAbsent(filter[member]) || filter['type'] === type;
      }),
      rule(`${path}.*`, `filter.${member} must be specified for ${type} filter.type`, (value) => {
        const filter = asRecord(value);
        return filter['type'] !== type || !isAbsent(filter[member]);
      }),
    ]),
    rule(
      `${path}.*.requestMirror`,
      'Only one of percent or fraction may be specified in HTTPRequestMirrorFilter',
      (value) => isAbsent(getPath(value, 'percent')) || isAbsent(getPath(value, 'fraction')),
    ),
    rule(
      `${path}.*.requestMirror.fraction`,
      'numerator must be less than or equal to denominator',
      (value) => {
        const { numerator, denominator } = asRecord(value);
        return Number(numerator) <= Number(denominator);
      },
    ),
    rule(`${path}.*.requestMirror.backendRef`, 'Must have port for Service reference', hasServicePort),
  ]);
