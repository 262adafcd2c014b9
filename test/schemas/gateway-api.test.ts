import { describe, expect, it } from 'vitest';
import { fieldErrorText } from '../../src/schemas/errors/status.ts';
import type { KubeObject } from '../../src/schemas/object.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';
import { gatewaySamples } from './gateway-samples.ts';
import { kindOf } from './facts.ts';

const sampleOf = (name: string): KubeObject => gatewaySamples.find(({ kind }) => kind === name)!;

/** The errors of the sample with other members in its spec. */
function errorsOf(name: string, spec: object): readonly string[] {
  const sample = sampleOf(name);
  const object = { ...sample, spec: { ...(sample['spec'] as object), ...spec } };
  const kind = kindOf(object);
  return kind.validate(kind.withDefaults(object)).map(fieldErrorText);
}
const ruleErrors = (rule: object): readonly string[] => errorsOf('HTTPRoute', { rules: [rule] });
const invalid = (path: string, message: string): string => `${path}: Invalid value: ${message}`;

const prefix = { path: { type: 'PathPrefix', value: '/a' } };
const exact = { path: { type: 'Exact', value: '/a' } };
const redirect = (path: object): object => ({ type: 'RequestRedirect', requestRedirect: { path } });
const rewrite = {
  type: 'URLRewrite',
  urlRewrite: { path: { type: 'ReplacePrefixMatch', replacePrefixMatch: '/' } },
};
const web = { name: 'web', port: 80 };

describe('Gateways', () => {
  const listener = (more: object): object => ({ name: 'a', port: 80, protocol: 'HTTP', ...more });
  it.each([
    [
      [listener({ tls: { options: { a: 'b' } } })],
      ["tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"],
    ],
    [
      [listener({ protocol: 'HTTPS', tls: { mode: 'Passthrough' } })],
      ['tls mode must be Terminate for protocol HTTPS'],
    ],
    [[listener({ protocol: 'TLS' })], ['tls mode must be set for protocol TLS']],
    [
      [listener({ protocol: 'UDP', hostname: 'a.b' })],
      ["hostname must not be specified for protocols ['TCP', 'UDP']"],
    ],
    [
      [listener({}), listener({ name: 'b' })],
      ['Combination of port, protocol and hostname must be unique for each listener'],
    ],
  ])('refuse the listeners %j', (listeners, messages) => {
    expect(errorsOf('Gateway', { listeners })).toEqual(
      messages.map((text) => invalid('spec.listeners', text)),
    );
  });

  it('need listeners with names, ports and hosts that are some', () => {
    expect(errorsOf('Gateway', { listeners: [] })).toContainEqual(
      invalid('spec.listeners', '0: spec.listeners in body should have at least 1 items'),
    );
    expect(errorsOf('Gateway', { listeners: [listener({ port: 65536, hostname: 'a b' })] })).toEqual([
      expect.stringContaining(
        'spec.listeners[0].hostname: Invalid value: "a b": spec.listeners[0].hostname in body',
      ),
      expect.stringContaining('spec.listeners[0].port: Invalid value: 65536'),
    ]);
    expect(errorsOf('Gateway', { listeners: [listener({}), listener({ port: 81 })] })).toContainEqual(
      'spec.listeners[1]: Duplicate value: {"name":"a"}',
    );
  });

  it('wait for a controller from their first moment', () => {
    const gateway = sampleOf('Gateway');
    const stored = kindOf(gateway).storage!.fromStored(gateway);
    expect(stored['status']).toMatchObject({
      conditions: [
        { type: 'Accepted', status: 'Unknown', reason: 'Pending', message: 'Waiting for controller' },
        { type: 'Programmed', status: 'Unknown', reason: 'Pending', message: 'Waiting for controller' },
      ],
    });
  });
});

describe('HTTPRoutes', () => {
  it('get the match of every path', () => {
    const route = { ...sampleOf('HTTPRoute'), spec: { parentRefs: [{ name: 'a' }] } };
    expect(kindOf(route).withDefaults(route)['spec']).toEqual({
      parentRefs: [{ group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'a' }],
      rules: [{ matches: [{ path: { type: 'PathPrefix', value: '/' } }] }],
    });
  });

  it.each([
    ['a', ["value must be an absolute path and start with '/'"]],
    ['/a//b', ["must not contain '//'"]],
    ['/a/../b', ["must not contain '/../'"]],
    ['/a%2Fb', ["must not contain '%2F'"]],
    ['/a/..', ["must not end with '/..'"]],
  ])('refuse the path %s', (value, messages) => {
    expect(ruleErrors({ matches: [{ path: { value } }], backendRefs: [web] })).toEqual(
      messages.map((text) =>
        invalid('spec.rules[0].matches[0].path', `${text} when type one of ['Exact', 'PathPrefix']`),
      ),
    );
    expect(ruleErrors({ matches: [{ path: { type: 'RegularExpression', value } }] })).toEqual([]);
  });

  it.each([
    [
      { filters: [redirect({ type: 'ReplaceFullPath', replaceFullPath: '/' })], backendRefs: [web] },
      [invalid('spec.rules[0]', 'RequestRedirect filter must not be used together with backendRefs')],
    ],
    [
      { matches: [exact], filters: [rewrite] },
      [
        invalid(
          'spec.rules[0]',
          'When using URLRewrite filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified',
        ),
      ],
    ],
    [{ matches: [prefix], filters: [rewrite] }, []],
    [
      { filters: [redirect({ type: 'ReplaceFullPath', replacePrefixMatch: '/' })] },
      [
        invalid(
          'spec.rules[0].filters[0].requestRedirect.path',
          "replaceFullPath must be specified when type is set to 'ReplaceFullPath'",
        ),
        invalid(
          'spec.rules[0].filters[0].requestRedirect.path',
          "type must be 'ReplacePrefixMatch' when replacePrefixMatch is set",
        ),
      ],
    ],
    [
      { filters: [{ type: 'CORS' }, { type: 'CORS', cors: { allowOrigins: ['*', 'https://a.b'] } }] },
      [
        invalid('spec.rules[0].filters', 'CORS filter cannot be repeated'),
        invalid('spec.rules[0].filters[0]', 'filter.cors must be specified for CORS filter.type'),
        invalid(
          'spec.rules[0].filters[1].cors.allowOrigins',
          "AllowOrigins cannot contain '*' alongside other origins",
        ),
      ],
    ],
    [
      { backendRefs: [{ name: 'web' }] },
      [invalid('spec.rules[0].backendRefs[0]', 'Must have port for Service reference')],
    ],
    [
      { timeouts: { request: '1s', backendRequest: '1001ms' } },
      [invalid('spec.rules[0].timeouts', 'backendRequest timeout cannot be longer than request timeout')],
    ],
    [{ timeouts: { request: '0s', backendRequest: '1h' } }, []],
  ])('judge the rule %j', (rule, errors) => {
    expect(ruleErrors(rule)).toEqual(errors);
  });

  it('name each listener of a Gateway once, or the Gateway alone', () => {
    const errors = (...parentRefs: readonly object[]): readonly string[] =>
      errorsOf('HTTPRoute', { parentRefs });
    const [must, unique] = ['must be specified', 'must be unique'].map((what) =>
      invalid(
        'spec.parentRefs',
        `sectionName ${what} when parentRefs includes 2 or more references to the same parent`,
      ),
    );
    expect(errors({ name: 'a' }, { name: 'a', sectionName: 'x' })).toEqual([must]);
    expect(errors({ name: 'a' }, { name: 'a' })).toEqual([unique]);
    expect(errors({ name: 'a', sectionName: 'x' }, { name: 'a', sectionName: 'y' })).toEqual([]);
    expect(errors({ name: 'a' }, { name: 'a', namespace: 'other' })).toEqual([]);
  });

  it('have at most 128 matches', () => {
    const rules = (count: number): object => ({
      rules: Array.from({ length: 2 }, () => ({ matches: Array.from({ length: count }, () => prefix) })),
    });
    expect(errorsOf('HTTPRoute', rules(64))).toEqual([]);
    expect(errorsOf('HTTPRoute', { rules: [...(rules(64) as { rules: object[] }).rules, {}] })).toEqual([
      invalid(
        'spec.rules',
        'While 16 rules and 64 matches per rule are allowed, the total number of matches across all rules in a route must be less than 128',
      ),
    ]);
  });
});

describe('GRPCRoutes and GatewayClasses', () => {
  it.each([
    [{}, ["One or both of 'service' or 'method' must be specified"]],
    [{ method: '9' }, ['method must only contain valid characters (matching ^[A-Za-z_][A-Za-z_0-9]*$)']],
    [{ type: 'RegularExpression', method: '9' }, []],
  ])('judge the method %j', (method, messages) => {
    expect(errorsOf('GRPCRoute', { rules: [{ matches: [{ method }] }] })).toEqual(
      messages.map((text) => invalid('spec.rules[0].matches[0].method', text)),
    );
  });

  it('keep the controller of a class', () => {
    const before = sampleOf('GatewayClass');
    const after = { ...before, spec: { controllerName: 'example.com/other' } };
    expect(kindOf(after).validate(after, before).map(fieldErrorText)).toEqual([
      invalid('spec.controllerName', 'field is immutable'),
    ]);
  });
});

it('the kinds are served under every version, stored in one, and part of the category gateway-api', () => {
  const kinds = builtinRegistry.kinds.filter(({ group }) => group === 'gateway.networking.k8s.io');
  expect(
    kinds.map(({ kind, version, storage }) => `${kind} ${version}${storage?.isMain ? ' stored' : ''}`),
  ).toEqual([
    'GatewayClass v1 stored',
    'GatewayClass v1beta1',
    'Gateway v1 stored',
    'Gateway v1beta1',
    'HTTPRoute v1 stored',
    'HTTPRoute v1beta1',
    'GRPCRoute v1 stored',
    'ReferenceGrant v1beta1 stored',
    'ReferenceGrant v1',
  ]);
  expect(new Set(kinds.flatMap(({ categories }) => categories))).toEqual(new Set(['gateway-api']));
});
