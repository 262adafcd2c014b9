import { expect, it } from 'vitest';
import type { Service } from '../../../src/schemas/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { kindNamed, startTestCore } from '../test-api.ts';

const ref = { kind: kindNamed('Service'), namespace: 'default', name: 'kubernetes' };

it('keeps the service of the API at the first address of the range, also after it was deleted', async () => {
  const clock = createFakeClock();
  const test = await startTestCore(clock);
  const [first, second] = [test.core.announce(6443), test.core.announce(6443)];
  await clock.advance(1);
  const made = (await test.core.get(ref)) as Service;
  expect(made.spec).toMatchObject({
    type: 'ClusterIP',
    clusterIP: '10.96.0.1',
    clusterIPs: ['10.96.0.1'],
    sessionAffinity: 'None',
    ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: 6443 }],
  });
  await test.core.delete(ref, { dryRun: false }, test.context);
  await clock.advance(10_000);
  expect((await test.core.get(ref)).metadata.uid).not.toBe(made.metadata.uid);
  await first[Symbol.asyncDispose]();
  await second[Symbol.asyncDispose]();
  expect(clock.nextTimerAt).toBeUndefined();
  await test[Symbol.asyncDispose]();
});
