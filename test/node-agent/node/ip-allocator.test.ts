import { describe, expect, it } from 'vitest';
import { formatAddress, parseRange, planAddress } from '../../../src/node-agent/node/ip-allocator.ts';

describe('ip-allocator', () => {
  it('leaves out network, gateway and broadcast addresses', () => {
    const range = parseRange('10.1.2.7/29');
    expect(range && [formatAddress(range.first), formatAddress(range.last)]).toEqual([
      '10.1.2.2',
      '10.1.2.6',
    ]);
    expect(parseRange('10.1.2.0/31')).toBeUndefined();
    expect(parseRange('nonsense')).toBeUndefined();
  });

  it('goes on behind the last address, round the end, and past what is taken', () => {
    const range = parseRange('10.1.2.0/29') ?? { first: 0, last: 0 };
    expect(planAddress(range, new Set(), undefined)).toBe('10.1.2.2');
    expect(planAddress(range, new Set(), '10.1.2.3')).toBe('10.1.2.4');
    expect(planAddress(range, new Set(['10.1.2.2']), '10.1.2.6')).toBe('10.1.2.3');
    const all = new Set([2, 3, 4, 5, 6].map((host) => `10.1.2.${host}`));
    expect(planAddress(range, all, undefined)).toBeUndefined();
  });
});
