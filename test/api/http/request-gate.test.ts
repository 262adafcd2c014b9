import type { IncomingMessage } from 'node:http';
import { expect, it } from 'vitest';
import type { Entered } from '../../../src/api/http/access.ts';
import { defaultConnectionLimits } from '../../../src/api/http/connection-limits.ts';
import { createRateLimits, defaultRequestLimits } from '../../../src/api/http/rate-limits.ts';
import { createRequestGate } from '../../../src/api/http/request-gate.ts';
import { systemClock } from '../../../src/base/clock.ts';

it('a client that leaves while it is identified takes no place', async () => {
  const limits = createRateLimits(defaultRequestLimits, systemClock);
  const entered = { user: { name: 'bob', groups: [] }, routed: undefined } as unknown as Entered;
  let identify: (value: Entered) => void = () => undefined;
  const identified = new Promise<Entered>((resolve) => (identify = resolve));
  const gate = createRequestGate({
    access: { enter: () => identified },
    limits,
    connections: defaultConnectionLimits,
    clock: systemClock,
    onAnswer: undefined,
  });
  const request = { method: 'GET', headers: {}, rawHeaders: [], socket: {} } as unknown as IncomingMessage;
  const attempt = {};
  const entering = gate.enter(request, new URL('http://api/version'), attempt);
  gate.over(request, attempt, 200);
  identify(entered);
  await entering;
  expect(limits.inFlight).toEqual({ reads: 0, writes: 0, unknown: 0 });
});
