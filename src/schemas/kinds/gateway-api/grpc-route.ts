import { asRecord, asString, isAbsent } from '../../json-access.ts';
import { AGE, gatewayKinds } from './define-gateway-kind.ts';
import { choice, hostname, list, object, sectionName, text } from './parts.ts';
import {
  backendRefs,
  filterList,
  filterRules,
  headerFilters,
  headerMatches,
  parentRefs,
  routeRules,
  routeStatus,
} from './route-parts.ts';
import { rule } from './rules.ts';

const filters = filterList(
  'ResponseHeaderModifier RequestHeaderModifier RequestMirror ExtensionRef',
  headerFilters,
);

const match = object('Calls that match. All members must hold.', '', {
  method: object('The method that is called.', '', {
    type: choice('How the names are compared.', 'Exact RegularExpression', { default: 'Exact' }),
    service: text('The service; every service when left out.', { maxLength: 1024 }),
    method: text('The method; every method when left out.', { maxLength: 1024 }),
  }),
  headers: headerMatches,
});

const METHOD = 'spec.rules.*.matches.*.method';
const SERVICE_NAME = /^\.?[a-z_][a-z_0-9]*(\.[a-z_][a-z_0-9]*)*$/i;
const METHOD_NAME = /^[A-Za-z_][A-Za-z_0-9]*$/;

const namesMatch =
  (member: 'service' | 'method', pattern: RegExp) =>
  (value: unknown): boolean => {
    const match = asRecord(value);
    const isExact = isAbsent(match['type']) || match['type'] === 'Exact';
    return !isExact || isAbsent(match[member]) || pattern.test(asString(match[member]));
  };

export const grpcRouteKinds = gatewayKinds({
  kind: 'GRPCRoute',
  plural: 'grpcroutes',
  versions: ['v1'],
  description: 'A GRPCRoute leads calls of gRPC from Gateways to backends.',
  spec: object('Which calls go where.', '', {
    parentRefs,
    hostnames: list('Hosts that are called; those of the listener when left out.', 16, hostname('A host.')),
    rules: list(
      'What is done with calls.',
      16,
      object('What is done with calls that match.', '', {
        name: sectionName('A name of the rule.'),
        matches: list('Calls that the rule is for. One match is enough.', 64, match),
        filters,
        backendRefs: backendRefs(filters),
      }),
    ),
  }),
  status: routeStatus,
  columns: [{ name: 'Hostnames', jsonPath: '.spec.hostnames' }, AGE],
  rules: [
    ...routeRules,
    ...filterRules(
      {
        RequestHeaderModifier: 'requestHeaderModifier',
        ResponseHeaderModifier: 'responseHeaderModifier',
        RequestMirror: 'requestMirror',
        ExtensionRef: 'extensionRef',
      },
      ['RequestHeaderModifier', 'ResponseHeaderModifier'],
    ),
    rule(METHOD, "One or both of 'service' or 'method' must be specified", (value) => {
      const { service, method } = asRecord(value);
      return !isAbsent(service) || !isAbsent(method);
    }),
    rule(
      METHOD,
      'service must only contain valid characters (matching ^(?i)\\.?[a-z_][a-z_0-9]*(\\.[a-z_][a-z_0-9]*)*$)',
      namesMatch('service', SERVICE_NAME),
    ),
    rule(
      METHOD,
      'method must only contain valid characters (matching ^[A-Za-z_][A-Za-z_0-9]*$)',
      namesMatch('method', METHOD_NAME),
    ),
  ],
  applyOrder: 162,
  defaultRoles: 'edit',
});
