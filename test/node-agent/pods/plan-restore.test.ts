import { describe, expect, it } from 'vitest';
import { parseBody } from '../../../src/api/http/request-body.ts';
import { planRestore } from '../../../src/node-agent/pods/plan-restore.ts';
import type { Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';

/** Three containers with forty variables each, as many people have them. */
const aFullPod = (index: number, valueBytes = 8): Pod =>
  aPod(`web-${index}`, {
    containers: ['main', 'proxy', 'logs'].map((name) => ({
      name,
      image: 'busybox',
      env: Array.from({ length: 40 }, (_, at) => ({ name: `V${at}`, value: 'x'.repeat(valueBytes) })),
    })),
  });
const bodyOf = (items: readonly Pod[]): Buffer => Buffer.from(JSON.stringify({ kind: 'PodList', items }));
const read = (items: readonly Pod[]): unknown => parseBody('application/json', bodyOf(items)).value;

describe('what an agent tells a control plane that lost its data', () => {
  const pods = Array.from({ length: 250 }, (_, index) => aFullPod(index));

  it('is told in as many requests as the server reads, every pod once', () => {
    expect(() => read(pods)).toThrow('Request entity too large');
    const batches = planRestore(pods);
    for (const batch of batches) expect(read(batch)).toMatchObject({ items: batch });
    expect(batches.flat()).toEqual(pods);
    expect(batches.length).toBeLessThan(pods.length / 2);
  });

  it('has a large pod in a request of its own', () => {
    const large = aFullPod(1, 10_000);
    const batches = planRestore([aFullPod(0), large, aFullPod(2), aFullPod(3)]);
    expect(batches.map((batch) => batch.map(({ metadata }) => metadata.name))).toEqual([
      ['web-0'],
      ['web-1'],
      ['web-2', 'web-3'],
    ]);
  });

  it('leaves out what the server does not restore', () => {
    const pod = aPod('web');
    const metadata = { ...pod.metadata, resourceVersion: '7', managedFields: [{ manager: 'm' }] };
    expect(planRestore([{ ...pod, metadata }])).toEqual([[pod]]);
    expect(planRestore([])).toEqual([]);
  });
});
