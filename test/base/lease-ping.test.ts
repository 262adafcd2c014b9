import { expect, it } from 'vitest';
import { decodeLeasePing, encodeLeasePing } from '../../src/base/lease-ping.ts';

it.each([
  ['an age', 11_250, 11_250],
  ['parts of a millisecond', 3.7, 3],
  ['no known renewal, which is older than any lease', undefined, 0xffff_ffff],
  ['an age beyond the payload', 1e15, 0xffff_ffff],
])('a ping carries %s', (_, ageMs, read) => {
  const payload = encodeLeasePing(ageMs);
  expect(payload).toHaveLength(8);
  expect(decodeLeasePing(payload)).toBe(read);
});

it.each([
  ['an earlier release sends', Buffer.from('00001a2b3c4d5e6f', 'hex')],
  ['is too short', Buffer.from('LEAS')],
  ['is too long', Buffer.from('LEAS00000')],
])('a payload that %s says nothing', (_, payload) => {
  expect(decodeLeasePing(payload)).toBeUndefined();
});
