import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type OwnerState,
  planCollection,
} from '../../../src/controllers/garbage-collector/plan-collection.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import { aConfigMap, frozen, ownedBy } from '../../support/builders.ts';

const owner = aConfigMap({ name: 'owner', uid: 'u1' });
const child = frozen(ownedBy(owner, aConfigMap({ name: 'child' }), { blockOwnerDeletion: true }));
const live = (object: KubeObject): OwnerState => ({ state: 'live', object });
const deleting = (object: KubeObject, finalizer: string): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: 'now', finalizers: [finalizer] },
});

describe('planCollection', () => {
  it('leaves an object whose owner lives', () => {
    expect(planCollection({ object: child, owners: [live(owner)], dependents: [] }).writes).toEqual([]);
  });

  it('deletes an object whose owner is gone', () => {
    const { writes } = planCollection({ object: child, owners: [{ state: 'absent' }], dependents: [] });
    expect(writes).toMatchObject([{ verb: 'delete', options: { propagationPolicy: 'Background' } }]);
  });

  it('does not take an object of the same name for the owner (INVARIANTS 12)', () => {
    const impostor = aConfigMap({ name: 'owner', uid: 'u2' });
    const { writes } = planCollection({ object: child, owners: [live(impostor)], dependents: [] });
    expect(writes).toMatchObject([{ verb: 'delete' }]);
  });

  it('drops only the reference that dangles when another owner lives', () => {
    const second = aConfigMap({ name: 'second', uid: 'u9' });
    const object = ownedBy(second, child, {});
    const { writes } = planCollection({
      object,
      owners: [{ state: 'absent' }, live(second)],
      dependents: [],
    });
    expect(writes).toMatchObject([
      { verb: 'update', object: { metadata: { ownerReferences: [{ uid: 'u9' }] } } },
    ]);
  });

  it('keeps an object whose owner cannot be looked up', () => {
    expect(
      planCollection({ object: child, owners: [{ state: 'unresolvable' }], dependents: [] }).writes,
    ).toEqual([]);
  });

  it('holds a foreground deletion until the dependents that block are gone', () => {
    const waiting = deleting(owner, 'foregroundDeletion');
    const blocked = planCollection({ object: waiting, owners: [], dependents: [child] });
    expect(blocked).toEqual({ writes: [], visit: [child] });
    const free = planCollection({ object: waiting, owners: [], dependents: [] });
    expect(free.writes).toHaveLength(1);
    expect(free.writes[0]?.object.metadata.finalizers).toBeUndefined();
  });

  it('cuts dependents loose before an orphaning owner goes, in one commit', () => {
    const { writes } = planCollection({ object: deleting(owner, 'orphan'), owners: [], dependents: [child] });
    expect(writes.map(({ verb, object }) => [verb, object.metadata.name])).toEqual([
      ['update', 'child'],
      ['update', 'owner'],
    ]);
    expect(writes[0]?.object.metadata.ownerReferences).toBeUndefined();
  });

  it.each(['foregroundDeletion', 'orphan'])('lets an object that owns itself go: %s', (finalizer) => {
    const self = deleting(ownedBy(owner, owner, { blockOwnerDeletion: true }), finalizer);
    const { writes } = planCollection({ object: self, owners: [live(self)], dependents: [self] });
    expect(writes).toHaveLength(1);
    expect(writes[0]?.object.metadata.finalizers).toBeUndefined();
  });

  it('never deletes an object that has a live owner, whatever the others are (INVARIANTS 12)', () => {
    const state = fc.constantFrom('absent', 'impostor', 'unresolvable', 'waiting');
    fc.assert(
      fc.property(
        fc.array(state, { maxLength: 4 }),
        fc.nat(4),
        fc.boolean(),
        (states, position, hasDependents) => {
          const parents = [...states];
          parents.splice(Math.min(position, states.length), 0, 'live' as never);
          let object: KubeObject = aConfigMap({ name: 'child' });
          const owners = parents.map((kind: string, index): OwnerState => {
            const parent = aConfigMap({ name: `p${String(index)}`, uid: `u${String(index)}` });
            object = ownedBy(parent, object, {});
            if (kind === 'absent') return { state: 'absent' };
            if (kind === 'unresolvable') return { state: 'unresolvable' };
            if (kind === 'impostor')
              return live({ ...parent, metadata: { ...parent.metadata, uid: 'other' } });
            return live(kind === 'waiting' ? deleting(parent, 'foregroundDeletion') : parent);
          });
          const { writes } = planCollection({ object, owners, dependents: hasDependents ? [child] : [] });
          expect(writes.filter(({ verb }) => verb === 'delete')).toEqual([]);
        },
      ),
    );
  });
});
