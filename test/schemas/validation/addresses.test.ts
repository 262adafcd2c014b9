import { describe, expect, it } from 'vitest';
import { canonicalIp, cidrBlock, endpointIp, ipAddress } from '../../../src/schemas/validation/addresses.ts';

const MUST_BE_IP = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';
const MUST_BE_CIDR = 'must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)';

describe('addresses', () => {
  it.each([
    ['10.9.8.7', []],
    ['::', []],
    ['1:2:3:4:5:6:7:8', []],
    ['2001:DB8::1', []],
    ['::1.2.3.4', []],
    ['', [MUST_BE_IP]],
    ['256.1.1.1', [MUST_BE_IP]],
    ['1.2.3', [MUST_BE_IP]],
    ['1:2:3:4:5:6:7::8:9', [MUST_BE_IP]],
    ['1:::2', [MUST_BE_IP]],
    ['fe80::1%eth0', [MUST_BE_IP]],
    ['12345::', [MUST_BE_IP]],
    ['010.1.1.1', ['must not have leading 0s']],
    ['00001::', ['must not have leading 0s']],
    ['::ffff:1.2.3.4', ['must not be an IPv4-mapped IPv6 address']],
  ])('%s is read strictly', (text, expected) => {
    expect(ipAddress(text)).toEqual(expected);
  });

  it.each([
    ['2001:db8::1', []],
    ['2001:db8:0:0::1', ['must be in canonical form ("2001:db8::1")']],
    ['2001:DB8::1', ['must be in canonical form ("2001:db8::1")']],
    ['1:0:0:2:0:0:0:3', ['must be in canonical form ("1:0:0:2::3")']],
    ['x', [MUST_BE_IP]],
  ])('%s has one canonical form', (text, expected) => {
    expect(canonicalIp(text)).toEqual(expected);
  });

  it.each([
    ['10.0.0.0/8', []],
    ['::/0', []],
    ['10.0.0.0', [MUST_BE_CIDR]],
    ['10.0.0.0/33', [MUST_BE_CIDR]],
    ['10.0.0.0/8/8', [MUST_BE_CIDR]],
    ['10.0.0.0/-1', [MUST_BE_CIDR]],
    ['10.0.0.0/08', ['must not have leading 0s in IP or prefix length']],
    ['010.0.0.0/8', ['must not have leading 0s in IP or prefix length']],
    ['::ffff:10.0.0.0/104', ['must not have an IPv4-mapped IPv6 address']],
    ['10.0.0.1/8', ['must not have bits set beyond the prefix length']],
    ['2001:db8::1/64', ['must not have bits set beyond the prefix length']],
  ])('%s is a block read strictly', (text, expected) => {
    expect(cidrBlock(text)).toEqual(expected);
  });

  it('what the stored object has already is left alone', () => {
    expect(ipAddress('010.1.1.1', new Set(['010.1.1.1']))).toEqual([]);
    expect(cidrBlock('10.0.0.1/8', new Set(['10.0.0.1/8']))).toEqual([]);
  });

  it.each([
    ['10.1.1.1', 0],
    ['0.0.0.0', 1],
    ['::', 1],
    ['127.9.9.9', 1],
    ['::1', 1],
    ['169.254.1.1', 1],
    ['febf::1', 1],
    ['fec0::1', 0],
    ['224.0.0.9', 1],
    ['224.0.1.1', 0],
    ['ff02::1', 1],
    ['x', 1],
  ])('traffic to %s meets %i complaints', (text, count) => {
    expect(endpointIp(text)).toHaveLength(count);
  });
});
