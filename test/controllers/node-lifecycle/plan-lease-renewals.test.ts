import { expect, it } from 'vitest';
import { toRfc3339Micro } from '../../../src/base/clock.ts';
import {
  leaseAgeMs,
  planLeaseRenewals,
  renewalWrite,
} from '../../../src/controllers/node-lifecycle/plan-lease-renewals.ts';
import { aLease } from '../../support/builders.ts';

const NOW = Date.UTC(2026, 0, 2);
const renewed = (agoMs: number, more: { readonly holder?: string } = {}) =>
  aLease({ name: 'n1', renewTime: toRfc3339Micro(NOW - agoMs), ...more });
const planned = (silentMs: number, lease: ReturnType<typeof aLease> | undefined) =>
  planLeaseRenewals(new Map([['n1', silentMs]]), () => lease, NOW).map(({ renewTime }) => renewTime);

it.each([
  ['a Lease that is old, to the time at which the agent was heard', 700, renewed(10_000), [700]],
  ['none that its agent has renewed lately', 700, renewed(4_000), []],
  ['none again for an agent that was not heard since', 20_000, renewed(20_000), []],
  ['an old Lease once more for an agent that fell silent', 9_000, renewed(20_000), [9_000]],
  ['none back, which its agent has renewed since it was last heard', 30_000, renewed(1_000), []],
  ['a Lease of a node whose clock is ahead', 0, renewed(-300_000), [0]],
  ['a Lease of a node whose clock is behind', 0, renewed(300_000), [0]],
  ['none that the agent has not made yet', 0, undefined, []],
  ['none that somebody else holds', 0, renewed(60_000, { holder: 'other' }), []],
])('renews %s', (_, silentMs, lease, heardAgoMs) => {
  expect(planned(silentMs, lease)).toEqual(heardAgoMs.map((agoMs) => toRfc3339Micro(NOW - agoMs)));
});

it('renews a Lease without a time', () => {
  const { spec, ...lease } = renewed(0);
  expect(planned(0, { ...lease, spec: { holderIdentity: spec.holderIdentity ?? '' } })).toHaveLength(1);
});

it('changes nothing but the time, and nothing where the agent was first', () => {
  const lease = renewed(10_000);
  const write = renewalWrite({ lease, renewTime: toRfc3339Micro(NOW) });
  const change = write.verb === 'update' ? write.change : undefined;
  expect(change?.(lease)).toEqual({ ...lease, spec: { ...lease.spec, renewTime: toRfc3339Micro(NOW) } });
  const meanwhile = renewed(-2_000);
  expect(change?.(meanwhile)).toBe(meanwhile);
});

it.each([
  ['its time', renewed(3_000), 3_000],
  ['nothing of a time in the future', renewed(-1), undefined],
  ["nothing of somebody else's", renewed(3_000, { holder: 'other' }), undefined],
  ['nothing where there is none', undefined, undefined],
])('the age of a Lease tells %s', (_, lease, ageMs) => {
  expect(leaseAgeMs(lease, 'n1', NOW)).toBe(ageMs);
});
