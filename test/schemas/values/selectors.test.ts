import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  checkFieldSelector,
  fieldValue,
  formatFieldSelector,
  matchesFieldSelector,
  parseFieldSelector,
} from '../../../src/schemas/values/field-selectors.ts';
import { certificateSigningRequestKind } from '../../../src/schemas/kinds/certificate-signing-request/kind.ts';
import { replicationControllerKind } from '../../../src/schemas/kinds/replication-controller.ts';
import { configMapKind } from '../../../src/schemas/kinds/config-map.ts';
import { podKind } from '../../../src/schemas/kinds/pod/kind.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import {
  formatLabelSelector,
  type LabelOperator,
  labelSelectorText,
  matchesLabelSelector,
  matchesRequirements,
  parseLabelSelector,
} from '../../../src/schemas/values/selectors.ts';
import { isStatusError, type Status } from '../../../src/schemas/errors/status.ts';
import { readFact } from '../facts.ts';

interface SelectorFacts {
  readonly objects: readonly { readonly name: string; readonly labels?: Record<string, string> }[];
  readonly answers: readonly {
    readonly labelSelector: string;
    readonly code: number;
    readonly names?: readonly string[];
    readonly body?: Status;
  }[];
}

const facts = readFact<SelectorFacts>('api/lists-watch/014-label-selector-forms.json');

describe('label selectors select as Kubernetes 1.36 does', () => {
  for (const { labelSelector, names, body } of facts.answers) {
    it(`"${labelSelector}"`, () => {
      const select = (): string[] => {
        const requirements = parseLabelSelector(labelSelector);
        return facts.objects
          .filter(({ labels }) => matchesRequirements(requirements, labels))
          .map(({ name }) => name);
      };
      if (names) expect(select()).toEqual(names);
      else expect(select).toThrow(body?.message ?? 'a message was recorded');
    });
  }
});

const word = fc.stringMatching(/^[a-z0-9]([-a-z0-9_.]{0,8}[a-z0-9])?$/);
const operators: readonly LabelOperator[] = ['in', 'notin', '=', '!=', 'exists', '!', 'gt', 'lt'];
const requirement = fc
  .record({
    key: fc.oneof(
      word,
      fc.tuple(fc.constant('example.com'), word).map((parts) => parts.join('/')),
    ),
    operator: fc.constantFrom(...operators),
    words: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
    number: fc.nat(),
  })
  .filter(({ key }) => !['in', 'notin'].includes(key))
  .map(({ key, operator, words, number }) => {
    if (operator === 'exists' || operator === '!') return { key, operator, values: [] };
    if (operator === 'gt' || operator === 'lt') return { key, operator, values: [String(number)] };
    const isSet = operator === 'in' || operator === 'notin';
    return { key, operator, values: isSet ? [...words].sort() : words.slice(0, 1) };
  });

describe('label selectors', () => {
  it('come back from their text as they were, ordered by key', () => {
    fc.assert(
      fc.property(fc.array(requirement, { maxLength: 4 }), (requirements) => {
        const text = formatLabelSelector(requirements);
        const parsed = parseLabelSelector(text);
        expect(formatLabelSelector(parsed)).toBe(text);
        expect(parsed).toHaveLength(requirements.length);
        expect(parsed).toEqual(expect.arrayContaining(requirements));
      }),
    );
  });

  it('are read or refused with a 400, never anything else', () => {
    fc.assert(
      fc.property(
        fc.string({
          unit: fc.constantFrom('a', 'in', 'notin', ' ', '(', ')', ',', '=', '!', '<', '>', '/', '\u001b'),
        }),
        (text) => {
          try {
            parseLabelSelector(text);
          } catch (error) {
            expect(isStatusError(error, 'BadRequest')).toBe(true);
          }
        },
      ),
    );
  });

  it('of objects select nothing when missing and everything when empty', () => {
    expect(matchesLabelSelector(undefined, { a: 'b' })).toBe(false);
    expect(matchesLabelSelector(null, { a: 'b' })).toBe(false);
    expect(matchesLabelSelector({}, undefined)).toBe(true);
  });

  it('of objects ask for labels and expressions together', () => {
    const selector = {
      matchLabels: { app: 'a' },
      matchExpressions: [
        { key: 'env', operator: 'NotIn', values: ['prod'] },
        { key: 'old', operator: 'DoesNotExist' },
      ],
    };
    expect(matchesLabelSelector(selector, { app: 'a' })).toBe(true);
    expect(matchesLabelSelector(selector, { app: 'a', env: 'prod' })).toBe(false);
    expect(matchesLabelSelector(selector, { app: 'a', old: '' })).toBe(false);
    expect(matchesLabelSelector({ matchExpressions: [{ key: 'a', operator: 'Like' }] }, {})).toBe(false);
    expect(labelSelectorText(selector)).toBe('app=a,env notin (prod),!old');
  });

  it('do not find what every JavaScript object inherits', () => {
    expect(matchesRequirements(parseLabelSelector('constructor'), {})).toBe(false);
    expect(matchesRequirements(parseLabelSelector('!toString'), {})).toBe(true);
  });
});

describe('field selectors', () => {
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', namespace: 'ns' },
    spec: { nodeName: 'n1' },
    status: { phase: 'Running' },
  };
  const matches = (text: string): boolean => matchesFieldSelector(podKind, parseFieldSelector(text), pod);

  it('compare fields of the object', () => {
    expect(matches('metadata.name=a,spec.nodeName==n1')).toBe(true);
    expect(matches('status.phase!=Running')).toBe(false);
    expect(matches('status.phase!=Succeeded,status.phase!=Failed')).toBe(true);
    expect(matches('spec.nodeName=')).toBe(false);
    expect(matches('spec.hostNetwork=false')).toBe(true);
    expect(fieldValue(podKind, pod, 'constructor')).toBeUndefined();
  });

  it('name only fields that the kind has', () => {
    expect(() => checkFieldSelector(configMapKind, parseFieldSelector('data.x=1'))).toThrow(
      '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
    );
    expect(() => checkFieldSelector(configMapKind, parseFieldSelector('metadata.name=x'))).not.toThrow();
    const bySigner = parseFieldSelector('spec.signerName=example.com/signer');
    expect(() => checkFieldSelector(certificateSigningRequestKind, bySigner)).not.toThrow();
    const bySize = parseFieldSelector('status.replicas=0');
    expect(() => checkFieldSelector(replicationControllerKind, bySize)).not.toThrow();
  });

  it('come back from their text as they were', () => {
    const parsed = fc.record({
      field: fc.stringMatching(/^[a-z]+(\.[a-z]+)?$/),
      operator: fc.constantFrom('=' as const, '!=' as const),
      value: fc.string(),
    });
    fc.assert(
      fc.property(parsed, (term) => {
        expect(parseFieldSelector(formatFieldSelector([term]))).toEqual([term]);
      }),
    );
  });
});
