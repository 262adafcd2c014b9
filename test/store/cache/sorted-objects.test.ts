import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createSortedObjects, sortByKey } from '../../../src/store/cache/sorted-objects.ts';
import { type KubeObject, objectKey } from '../../../src/schemas/object.ts';

const anObject = (namespace: string, name: string, resourceVersion: string): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { namespace, name, resourceVersion },
});

/** Names whose order and prefixes are easy to get wrong. */
const namespace = fc.constantFrom('a', 'a-b', 'a0', 'ab', 'b');
const name = fc.constantFrom('a', 'a-1', 'a.b', 'a1', 'b', 'z');
const change = fc.record({ namespace, name, removes: fc.boolean(), looks: fc.boolean() });

describe('objects in order', () => {
  it('are what sorting all of them would give, whatever changes and whenever somebody looks', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 200 }), (changes) => {
        const objects = new Map<string, KubeObject>();
        const sorted = createSortedObjects(objects);
        for (const [index, { namespace: space, name: called, removes, looks }] of changes.entries()) {
          const key = objectKey(space, called);
          const object = anObject(space, called, String(index));
          if (removes) objects.delete(key);
          else objects.set(key, object);
          sorted.changed(key);
          if (!looks) continue;
          const expected = sortByKey([...objects.values()]);
          expect(sorted.all()).toEqual(expected);
          expect(sorted.inNamespace(space)).toEqual(
            expected.filter(({ metadata }) => metadata.namespace === space),
          );
        }
      }),
    );
  });

  it('do not change in the hands of those who have them', () => {
    const objects = new Map<string, KubeObject>();
    for (let index = 0; index < 100; index += 1)
      objects.set(`n/${index}`, anObject('n', String(index).padStart(3, '0'), '1'));
    const sorted = createSortedObjects(objects);
    const before = sorted.all();
    const copy = [...before];
    const added = anObject('n', '000a', '2');
    objects.set('n/000a', added);
    sorted.changed('n/000a');
    expect(sorted.all()).toHaveLength(101);
    expect(sorted.all()[1]).toBe(added);
    expect(before).toEqual(copy);
  });
});
