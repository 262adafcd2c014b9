import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DesiredObject, createDesiredSet } from '../../src/diff/desired-set.ts';
import { builtinRegistry } from '../../src/schemas/registry.ts';

const kind = builtinRegistry.byKind('v1', 'ConfigMap')!;
const manifest = (name: string, origin: string): DesiredObject => ({
  kind,
  object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } },
  origin,
});

describe('a set of manifests', () => {
  it('takes the one that is written first, and keeps the others', () => {
    const set = createDesiredSet([
      manifest('a', 'b.yaml:1'),
      manifest('a', 'a.yaml:10'),
      manifest('a', 'a.yaml:9'),
    ]);
    expect(set.byId.get('configmaps|default/a')?.origin).toBe('a.yaml:9');
    expect(set.repeated.get('configmaps|default/a')?.map(({ origin }) => origin)).toEqual([
      'a.yaml:10',
      'b.yaml:1',
    ]);
  });

  it('puts the next one in the place of one that goes', () => {
    const [first, second] = [manifest('a', 'a.yaml:1'), manifest('a', 'b.yaml:1')];
    const set = createDesiredSet([second, first]);
    set.remove(first);
    expect(set.byId.get('configmaps|default/a')).toBe(second);
    expect(set.repeated.size).toBe(0);
    set.remove(first);
    expect(set.byId.size).toBe(1);
    set.remove(second);
    expect(set.byId.size).toBe(0);
  });

  it('does not depend on the order in which files came and went', () => {
    const item = fc.record({ name: fc.constantFrom('a', 'b', 'c'), line: fc.integer({ min: 1, max: 5 }) });
    fc.assert(
      fc.property(fc.array(fc.tuple(item, fc.boolean()), { maxLength: 20 }), (drawn) => {
        const items = drawn.map(([{ name, line }], index) =>
          manifest(name, `f${index % 3}.yaml:${line * 100 + index}`),
        );
        const edited = createDesiredSet(items);
        items.forEach((each, index) => drawn[index]?.[1] && edited.remove(each));
        const left = items.filter((_, index) => !drawn[index]?.[1]);
        const fresh = createDesiredSet([...left].reverse());
        const shown = (set: typeof fresh) => ({
          byId: [...set.byId].sort(([a], [b]) => (a < b ? -1 : 1)),
          repeated: [...set.repeated].sort(([a], [b]) => (a < b ? -1 : 1)),
        });
        expect(shown(edited)).toEqual(shown(fresh));
      }),
    );
  });
});
