import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  describeRules,
  fullAuthority,
  isTooLarge,
  missingFrom,
} from '../../../src/resources/authz/rule-cover.ts';
import {
  type AskedResource,
  ruleAllows,
  rulesAllow,
  rulesAllowPath,
} from '../../../src/resources/authz/rules.ts';
import type { PolicyRule } from '../../../src/schemas/rbac.ts';

/** `verb group/resource[/subresource] [name]`; an empty group is the core one. */
function asked(text: string): AskedResource {
  const [verb = '', path = '', name] = text.split(' ');
  const [group = '', resource = '', subresource] = path.split('/');
  return { verb, group, resource, subresource, name };
}

const rule = (
  verbs: readonly string[],
  apiGroups: readonly string[],
  resources: readonly string[],
  resourceNames?: readonly string[],
): PolicyRule => ({ verbs, apiGroups, resources, ...(resourceNames ? { resourceNames } : {}) });

describe('a rule', () => {
  it.each([
    [rule(['get'], [''], ['pods']), 'get /pods', true],
    [rule(['get'], [''], ['pods']), 'get /pods a', true],
    [rule(['get'], [''], ['pods']), 'list /pods', false],
    [rule(['get'], [''], ['pods']), 'get apps/pods', false],
    [rule(['get'], [''], ['pods']), 'get /pods/log', false],
    [rule(['get'], [''], ['pods/log']), 'get /pods/log', true],
    [rule(['get'], [''], ['pods/log']), 'get /pods', false],
    [rule(['*'], ['*'], ['*']), 'whatever x/y/z a', true],
    [rule(['get'], ['*'], ['*/scale']), 'get apps/deployments/scale', true],
    [rule(['get'], ['*'], ['*/scale']), 'get apps/deployments', false],
    [rule(['get'], ['*'], ['*/scale']), 'get apps/deployments/status', false],
    [rule(['get'], [''], ['pods/*']), 'get /pods/log', false],
    [rule(['get'], [''], ['pods'], ['a']), 'get /pods a', true],
    [rule(['get'], [''], ['pods'], ['a']), 'get /pods b', false],
    [rule(['get'], [''], ['pods'], ['a']), 'get /pods', false],
    [rule(['GET'], [''], ['pods']), 'get /pods', false],
  ])('%j: %s → %s', (given, text, allowed) => {
    expect(rulesAllow([given], asked(text))).toBe(allowed);
    expect(ruleAllows(given, asked(text))).toBe(allowed);
  });

  it.each([
    ['/healthz', '/healthz', true],
    ['/healthz', '/healthz/', false],
    ['/api/*', '/api/v1', true],
    ['/api/*', '/api', false],
    ['/api*', '/apis', true],
    ['*', '/anything', true],
    ['/a/*/b', '/a/x/b', false],
  ])('about %s: get %s → %s', (url, path, allowed) => {
    expect(rulesAllowPath([{ verbs: ['get'], nonResourceURLs: [url] }], 'get', path)).toBe(allowed);
    expect(rulesAllowPath([{ verbs: ['get'], nonResourceURLs: [url] }], 'post', path)).toBe(false);
  });

  it('about resources allows no path, and the other way round', () => {
    expect(rulesAllowPath([rule(['*'], ['*'], ['*'])], 'get', '/metrics')).toBe(false);
    expect(rulesAllow([{ verbs: ['*'], nonResourceURLs: ['*'] }], asked('get /pods'))).toBe(false);
  });

  it('is not there in a role without any', () => {
    expect(rulesAllow(null, asked('get /pods'))).toBe(false);
    expect(rulesAllowPath(undefined, 'get', '/')).toBe(false);
  });
});

const someOf = (...values: readonly string[]): fc.Arbitrary<string[]> =>
  fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 3 });
const anyRule: fc.Arbitrary<PolicyRule> = fc.oneof(
  fc.record(
    {
      verbs: someOf('*', 'get', 'list', 'create'),
      apiGroups: someOf('*', '', 'apps'),
      resources: someOf('*', 'pods', 'pods/log', '*/scale', 'deployments', 'deployments/scale'),
      resourceNames: someOf('a', 'b'),
    },
    { requiredKeys: ['verbs', 'apiGroups', 'resources'] },
  ),
  fc.record({ verbs: someOf('*', 'get'), nonResourceURLs: someOf('*', '/api', '/api/*', '/metrics') }),
);
const anyRules = fc.array(anyRule, { maxLength: 4 });
const anyAsk: fc.Arbitrary<AskedResource> = fc.record({
  verb: fc.constantFrom('get', 'list', 'create', 'bind'),
  group: fc.constantFrom('', 'apps', 'batch'),
  resource: fc.constantFrom('pods', 'deployments', 'jobs'),
  subresource: fc.constantFrom(undefined, 'log', 'scale'),
  name: fc.constantFrom(undefined, 'a', 'b', 'c'),
});

describe('laws of rules', () => {
  it('sorting rules by what they name does not change what they allow', () => {
    fc.assert(
      fc.property(anyRules, anyAsk, (rules, ask) => {
        expect(rulesAllow(rules, ask)).toBe(rules.some((one) => ruleAllows(one, ask)));
      }),
    );
  });

  it('whoever holds rules that cover others is allowed all that the others allow', () => {
    fc.assert(
      fc.property(
        anyRules,
        anyRules,
        anyAsk,
        fc.constantFrom('/api', '/api/v1', '/x'),
        (held, wanted, ask, path) => {
          fc.pre(missingFrom(held, wanted).length === 0);
          if (rulesAllow(wanted, ask)) expect(rulesAllow(held, ask)).toBe(true);
          if (rulesAllowPath(wanted, 'get', path)) expect(rulesAllowPath(held, 'get', path)).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('rules cover themselves, everything covers any, and nothing covers none but nothing', () => {
    fc.assert(
      fc.property(anyRules, (rules) => {
        expect(missingFrom(rules, rules)).toEqual([]);
        expect(missingFrom(fullAuthority, rules)).toEqual([]);
        expect(missingFrom([], rules).length > 0).toBe(rules.length > 0);
      }),
    );
  });
});

describe('what is missing', () => {
  it('is told by resource, with the verbs of each together', () => {
    const missing = missingFrom(
      [rule(['get'], [''], ['pods'])],
      [rule(['get', 'list'], [''], ['pods', 'secrets']), { verbs: ['get'], nonResourceURLs: ['/metrics'] }],
    );
    expect(describeRules(missing).split('\n')).toEqual([
      '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}',
      '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
      '{NonResourceURLs:["/metrics"], Verbs:["get"]}',
    ]);
  });

  it('a name is not all names', () => {
    const one = rule(['get'], [''], ['secrets'], ['a']);
    expect(missingFrom([one], [rule(['get'], [''], ['secrets'])])).toHaveLength(1);
    expect(missingFrom([rule(['get'], [''], ['secrets'])], [one])).toEqual([]);
  });

  it('is not looked for among more permissions than can be compared', () => {
    const many = Array.from({ length: 200 }, (_, index) => `v${index}`);
    expect(isTooLarge([rule(many, many, ['pods'])])).toBe(true);
    expect(isTooLarge([rule(many, [''], ['pods'])])).toBe(false);
  });
});
