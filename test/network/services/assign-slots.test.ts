import fc from 'fast-check';
import { expect, it } from 'vitest';
import { assignSlots } from '../../../src/network/services/assign-slots.ts';

const names = fc.uniqueArray(fc.nat(60).map(String), { minLength: 1, maxLength: 40 });
const load = (slots: readonly string[], target: string): number =>
  slots.filter((one) => one === target).length;

it('shares slots equally, whatever was there before', () => {
  fc.assert(
    fc.property(names, names, fc.nat(200), (before, targets, more) => {
      const count = targets.length + more;
      const old = assignSlots(before.length * 3, before, () => undefined);
      const slots = assignSlots(count, targets, (slot) => old[slot]);
      expect(slots).toHaveLength(count);
      const loads = targets.map((target) => load(slots, target));
      expect(loads.reduce((sum, one) => sum + one, 0)).toBe(count);
      expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
    }),
  );
});

it('changes no more slots than the endpoint that comes or goes has', () => {
  const targets = Array.from({ length: 50 }, (_, index) => `10.0.0.${index}`);
  const full = assignSlots(512, targets, () => undefined);
  const fewer = assignSlots(512, targets.slice(1), (slot) => full[slot]);
  const changed = full.filter((target, slot) => target !== fewer[slot]);
  expect(changed).toHaveLength(load(full, targets[0]!));
  const again = assignSlots(512, targets, (slot) => fewer[slot]);
  expect(fewer.filter((target, slot) => target !== again[slot]).length).toBeLessThanOrEqual(11);
});

it('changes one slot of few when one endpoint is replaced by another', () => {
  const full = assignSlots(3, ['a', 'b', 'c'], () => undefined);
  expect(assignSlots(3, ['b', 'c', 'd'], (slot) => full[slot])).toEqual(['d', 'b', 'c']);
});
