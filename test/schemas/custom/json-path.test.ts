import { expect, it } from 'vitest';
import { findAll, parseJsonPath } from '../../../src/schemas/custom/json-path.ts';

const object = {
  metadata: { labels: { 'a.b/c': 'x' } },
  spec: {
    list: [
      { n: 'a', v: 1 },
      { n: 'b', v: 2 },
    ],
    size: 3,
  },
  status: {
    conditions: [
      { type: 'Ready', status: 'True' },
      { type: 'Other', status: 'False' },
    ],
  },
};

it.each([
  ['.spec.size', [3]],
  ['{.spec.size}', [3]],
  ['$.spec.size', [3]],
  ['.spec.list[*].n', ['a', 'b']],
  ['.spec.list[0].n', ['a']],
  ['.spec.list[-1].n', ['b']],
  ['.spec.list[0:1].n', ['a']],
  ['.status.conditions[?(@.type=="Ready")].status', ['True']],
  [".status.conditions[?(@.type=='Other')].status", ['False']],
  ['.status.conditions[?(@.type != "Ready")].type', ['Other']],
  ['.spec.list[?(@.v>1)].n', ['b']],
  ['.spec.list[?(@.v)].n', ['a', 'b']],
  ['.metadata.labels.a\\.b/c', ['x']],
  ["['metadata']['labels']['a.b/c']", ['x']],
  ['..n', ['a', 'b']],
  ['.nothing.here', []],
])('%s', (text, expected) => {
  expect(findAll(parseJsonPath(text) ?? [], object)).toEqual(expected);
});

it('what is no path is refused', () => {
  for (const text of ['.a[', '.a[?(', '.a[x y]', `.${'a.'.repeat(100)}b`])
    expect(parseJsonPath(text), text).toBeUndefined();
});
