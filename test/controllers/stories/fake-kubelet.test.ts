import { isIPv4 } from 'node:net';
import { expect, it } from 'vitest';
import { addressAt } from '../../support/fake-kubelet/pod-statuses.ts';

it('gives each of a thousand pods an address of its own that is valid', () => {
  const addresses = Array.from({ length: 1_000 }, (_, index) => addressAt(index));
  expect(addresses.filter((address) => !isIPv4(address))).toEqual([]);
  expect(new Set(addresses).size).toBe(addresses.length);
});
