import { expect, it } from 'vitest';
import { planUsage } from '../../../src/node-agent/tunnel/plan-usage.ts';
import { createUsageSampler } from '../../../src/node-agent/tunnel/usage-sampler.ts';
import { type ContainerStats, labelKeys } from '../../../src/node-agent/runtime/types.ts';
import { createFakeClock } from '../../support/fake-clock.ts';

const reading = (id: string, atMs: number, cpuNanosTotal: number, role = 'container'): ContainerStats => ({
  id,
  labels: { [labelKeys.podUid]: 'u1', [labelKeys.containerName]: 'main', [labelKeys.role]: role },
  atMs,
  cpuNanosTotal,
  memoryWorkingSetBytes: 4_096,
});
const earlier = (...readings: ContainerStats[]): Map<string, ContainerStats> =>
  new Map(readings.map((one) => [one.id, one]));

it('makes a rate of two readings: half a core is five hundred million billionths', () => {
  expect(planUsage(earlier(reading('a', 1_000, 0)), [reading('a', 3_000, 1e9)])).toEqual([
    {
      podUid: 'u1',
      container: 'main',
      atMs: 3_000,
      windowMs: 2_000,
      cpuNanoCores: 500_000_000,
      memoryBytes: 4_096,
    },
  ]);
});

it('says nothing of a container without an earlier reading, without a window, or whose counter went back', () => {
  const before = earlier(reading('a', 1_000, 0), reading('b', 1_000, 50));
  const now = [reading('a', 1_000, 5), reading('b', 2_000, 40), reading('c', 2_000, 1)];
  expect(planUsage(before, now)).toEqual([]);
});

it('gives the sandbox no name', () => {
  const before = earlier(reading('a', 0, 0, 'pod'));
  expect(planUsage(before, [reading('a', 1_000, 5, 'pod')])[0]?.container).toBe('');
});

it('reads a new container twice, a known one once, and answers at once again within a few seconds', async () => {
  const clock = createFakeClock();
  let reads = 0;
  const ids = ['a'];
  const sample = createUsageSampler({
    clock,
    runtime: {
      async stats() {
        reads += 1;
        return ids.map((id) => reading(id, clock.now(), clock.now() * 1_000));
      },
    },
  });
  const ask = async (): Promise<readonly unknown[]> => {
    const asked = sample();
    await clock.advance(1_000);
    return (await asked).containers;
  };
  expect(await ask()).toMatchObject([{ windowMs: 1_000, cpuNanoCores: 1_000_000 }]);
  expect(reads).toBe(2);
  await ask();
  expect(reads).toBe(2);
  await clock.advance(10_000);
  expect(await ask()).toMatchObject([{ windowMs: 11_000 }]);
  expect(reads).toBe(3);
  ids.push('b');
  await clock.advance(10_000);
  expect(await ask()).toMatchObject([{ windowMs: 12_000 }, { windowMs: 1_000 }]);
  expect(reads).toBe(5);
});

it('asks the engine once for callers that come at the same time', async () => {
  const clock = createFakeClock();
  let reads = 0;
  const sample = createUsageSampler({
    clock,
    runtime: {
      async stats() {
        reads += 1;
        return [];
      },
    },
  });
  await Promise.all([sample(), sample(), sample()]);
  expect(reads).toBe(1);
});
