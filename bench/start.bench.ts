/**
 * A first start: `symphony up` on an empty data directory, until it says that it is ready with all
 * its nodes. Time by the clock, and CPU of the process and its Redis, which says more where others
 * use the machine as well.
 */
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';
import { startSymphony } from './support/symphony.ts';
import { usageOf } from './support/usage.ts';

const NODES = numberAfter('--nodes', 3);
const REPEATS = numberAfter('--repeats', 5);

const report = reporter('start');
const seen = { ms: [] as number[], cpu: [] as number[], memory: [] as number[] };
for (let repeat = 1; repeat <= REPEATS; repeat += 1) {
  progress(`start ${repeat} of ${REPEATS}`);
  await using symphony = await startSymphony({ flags: ['--nodes', String(NODES)] });
  const [process, redis] = [usageOf(symphony.pid), usageOf(symphony.redisPid)];
  seen.ms.push(symphony.readyAfterMs);
  seen.cpu.push(process.cpuSeconds + process.endedCpuSeconds + redis.cpuSeconds);
  seen.memory.push(process.residentMib + redis.residentMib);
}
const { ms, cpu, memory } = seen;
report({ name: 'first start to ready', value: median(ms), unit: 'ms', note: spread(ms) });
report({ name: 'CPU of it', value: median(cpu), unit: 's', note: spread(cpu) });
report({ name: 'memory when ready', value: median(memory), unit: 'MiB', note: spread(memory) });
