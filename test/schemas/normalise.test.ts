import { describe, expect, it } from 'vitest';
import { normalise } from '../../src/schemas/defaults/normalise.ts';

const configMap = 'io.k8s.api.core.v1.ConfigMap';

describe('the stored form', () => {
  it('has no nulls, no empty maps and lists, and an empty text for a null in a map of texts', () => {
    const input = { metadata: { name: 'a', labels: {}, finalizers: [], uid: null }, data: { k: null } };
    expect(normalise(configMap, input)).toEqual({ metadata: { name: 'a' }, data: { k: '' } });
  });

  it('keeps unknown members', () => {
    const input = { metadata: { name: 'a' }, nonsense: 1 };
    expect(normalise(configMap, input)).toEqual(input);
  });

  it('takes a key __proto__ for data', () => {
    const input: unknown = JSON.parse('{"metadata":{},"data":{"__proto__":"x"}}');
    expect(JSON.stringify(normalise(configMap, input))).toBe(JSON.stringify(input));
  });
});
