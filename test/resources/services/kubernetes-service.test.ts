import { describe, expect, it } from 'vitest';
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

describe('the Service of the DNS', () => {
  const dns = { kind: ref.kind, namespace: 'kube-system', name: 'kube-dns' };
  const options = { dryRun: false, fieldValidation: 'Strict' } as const;
  const service = (name: string, clusterIP?: string) => ({
    metadata: { name },
    spec: { ports: [{ port: 80 }], ...(clusterIP === undefined ? {} : { clusterIP }) },
  });

  it('has the tenth address of the range, and is kept', async () => {
    const clock = createFakeClock();
    await using test = await startTestCore(clock);
    await using announced = test.core.announce(6443);
    expect(announced).toBeDefined();
    await clock.advance(1);
    const made = (await test.core.get(dns)) as Service;
    expect(made.spec).toMatchObject({
      clusterIP: '10.96.0.10',
      ports: [
        { name: 'dns', protocol: 'UDP', port: 53 },
        { name: 'dns-tcp', protocol: 'TCP', port: 53 },
      ],
    });
    await test.core.delete(dns, { dryRun: false }, test.context);
    await clock.advance(10_000);
    expect((await test.core.get(dns)).metadata.uid).not.toBe(made.metadata.uid);
  });

  it('has an address that no other Service gets', async () => {
    await using test = await startTestCore(createFakeClock());
    await expect(
      test.core.create(
        { kind: ref.kind, namespace: 'default' },
        service('thief', '10.96.0.10'),
        options,
        test.context,
      ),
    ).rejects.toThrow('provided IP is already allocated');
  });
});

describe('ServiceCIDRs', () => {
  const kind = kindNamed('ServiceCIDR');
  const options = { dryRun: false, fieldValidation: 'Strict' } as const;
  const readyOf = (object: unknown) =>
    (object as { readonly status: { readonly conditions: readonly unknown[] } }).status.conditions;

  it('show the range of the cluster, also after they were deleted, and that no other is used', async () => {
    const clock = createFakeClock();
    await using test = await startTestCore(clock);
    const [first, second] = [test.core.announce(6443), test.core.announce(6443)];
    await clock.advance(1);
    const ref = { kind, namespace: undefined, name: 'kubernetes' };
    const made = await test.core.get(ref);
    expect(made['spec']).toEqual({ cidrs: ['10.96.0.0/16'] });
    expect(readyOf(made)).toMatchObject([{ type: 'Ready', status: 'True', reason: '' }]);
    await test.core.delete(ref, { dryRun: false }, test.context);
    const other = { metadata: { name: 'more' }, spec: { cidrs: ['203.0.113.0/24'] } };
    await test.core.create({ kind, namespace: undefined }, other, options, test.context);
    await clock.advance(10_000);
    expect((await test.core.get(ref)).metadata.uid).not.toBe(made.metadata.uid);
    const more = await test.core.get({ kind, namespace: undefined, name: 'more' });
    expect(readyOf(more)).toMatchObject([{ type: 'Ready', status: 'False', reason: 'NotUsed' }]);
    await first[Symbol.asyncDispose]();
    await second[Symbol.asyncDispose]();
  });
});
