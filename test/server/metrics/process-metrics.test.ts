import { Registry } from 'prom-client';
import { expect, it } from 'vitest';
import { observeProcess } from '../../../src/server/metrics/process-metrics.ts';

it('says what the process uses, each time anew', async () => {
  const register = new Registry();
  observeProcess(register);
  const valueOf = async (name: string): Promise<number> => {
    const text = await register.metrics();
    return Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(text)?.[1]);
  };
  const before = await valueOf('process_cpu_seconds_total');
  for (let spun = 0; (await valueOf('process_cpu_seconds_total')) <= before; spun += 1)
    expect(spun).toBeLessThan(1_000_000);
  expect(await valueOf('process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
  expect(await valueOf('process_start_time_seconds')).toBeGreaterThan(1_000_000_000);
  expect(await valueOf('nodejs_version_info')).toBe(1);
  expect(await valueOf('nodejs_eventloop_utilization')).toBeLessThanOrEqual(1);
});
