import { expect, it } from 'vitest';
import { createPodAddresses } from '../../../src/node-agent/node/pod-addresses.ts';

it('says that an address is free once, to those who asked in vain', () => {
  let told = 0;
  const book = createPodAddresses({
    verify: async () => undefined,
    reserved: ['10.0.0.1'],
    held: () => [],
    onFree: () => {
      told += 1;
    },
  });
  expect(() => book.allocate('early')).toThrow('the node has no podCIDR yet');
  book.setRange('10.0.0.0/29');
  for (const uid of ['a', 'b', 'c', 'd', 'e']) book.allocate(uid);
  book.release('a');
  expect([book.allocate('f'), told]).toEqual(['10.0.0.2', 0]);
  expect(() => book.allocate('g')).toThrow('no address is left in 10.0.0.0/29');
  book.release('unknown');
  expect(told).toBe(0);
  book.release('d');
  book.release('e');
  expect([book.allocate('g'), told]).toEqual(['10.0.0.5', 1]);
});

it('assigns no address that a container without a pod still uses, and gives a pod its own in any case', () => {
  const held = new Set(['10.0.0.2', '10.0.0.3']);
  const book = createPodAddresses({
    verify: async () => undefined,
    reserved: [],
    held: () => [...held],
    onFree: () => undefined,
  });
  book.claim('old', '10.0.0.4');
  // A pod of the local record has its address before the node knows its range.
  expect(book.allocate('old')).toBe('10.0.0.4');
  book.setRange('10.0.0.0/29');
  expect(['a', 'b'].map((uid) => book.allocate(uid))).toEqual(['10.0.0.5', '10.0.0.6']);
  expect(() => book.allocate('c')).toThrow('no address is left in 10.0.0.0/29');
  held.delete('10.0.0.3');
  expect(book.allocate('c')).toBe('10.0.0.3');
});
