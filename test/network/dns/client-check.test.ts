import { expect, it } from 'vitest';
import { createClientCheck } from '../../../src/network/dns/process/client-check.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

it('answers pods and this host alone, and follows the addresses of the host', async () => {
  const clock = createFakeClock();
  let own = ['192.0.2.10'];
  const isClient = createClientCheck(['10.244.0.0/16', '10.96.0.0/12'], clock, () => own);
  const clients = ['10.244.3.4', '192.0.2.10', '192.0.2.11', '10.245.0.1', 'no address'];
  expect(clients.map(isClient)).toEqual([true, true, false, false, false]);
  own = ['192.0.2.11'];
  await clock.advance(5_001);
  expect(clients.map(isClient)).toEqual([true, false, true, false, false]);
});
