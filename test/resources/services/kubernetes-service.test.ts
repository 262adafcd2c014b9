import { expect, it } from 'vitest';
import type { Service } from '../../../src/schemas/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { kindNamed, startTestCore } from '../../api/test-api.ts';

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

it('keeps the labels and annotations that people give the service of the API', async () => {
  const clock = createFakeClock();
  await using test = await startTestCore(clock);
  const announced = test.core.announce(6443);
  await clock.advance(1);
  const body = { metadata: { labels: { a: 'b' }, annotations: { c: 'd' } } };
  const options = { dryRun: false, fieldValidation: 'Strict' } as const;
  for (const format of ['strategic', 'merge'] as const)
    await test.core.patch(ref, { format, body }, options, test.context, undefined);
  await clock.advance(60_000);
  const { metadata, spec } = (await test.core.get(ref)) as Service;
  expect(metadata.labels).toMatchObject({ a: 'b', component: 'apiserver' });
  expect(metadata.annotations).toMatchObject({ c: 'd' });
  expect(spec.clusterIP).toBe('10.96.0.1');
  await announced[Symbol.asyncDispose]();
});

it('gives the address of the API to no other service', async () => {
  await using test = await startTestCore(createFakeClock());
  const body = { metadata: { name: 'thief' }, spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }] } };
  const options = { dryRun: false, fieldValidation: 'Strict' } as const;
  await expect(
    test.core.create({ kind: ref.kind, namespace: 'default' }, body, options, test.context),
  ).rejects.toThrow('provided IP is already allocated');
});
