/**
 * A whole all-in-one process at rest: 20 pods on three nodes, nothing changes. Resident memory and
 * CPU of the process that is control plane and agents at once, of the children that it starts
 * meanwhile, and of its Redis.
 */
import { connectDocker, ensureTestImages } from '../test/support/docker.ts';
import { clusterLabel, countOf, followEngine } from './support/engine-events.ts';
import { numberAfter, progress, reporter } from './support/figures.ts';
import { podFiles } from './support/pods.ts';
import { startSymphony } from './support/symphony.ts';
import { cpuSecondsOf, type Usage, usageOf } from './support/usage.ts';

const PODS = numberAfter('--pods', 20);
const NODES = numberAfter('--nodes', 3);
const SECONDS = numberAfter('--seconds', 60);
/** Nodes that start no containers (docs/HOLLOW.md). */
const HOLLOW = process.argv.includes('--hollow');
/** The commit is done with, and V8 has compiled what the start made hot: that is not what a rest costs. */
const SETTLE_SECONDS = numberAfter('--settle', 60);

const report = reporter('rest');
const docker = connectDocker();
await ensureTestImages(docker);
// The default interval: looking at the repository belongs to being at rest.
const flags = ['--nodes', String(NODES), ...(HOLLOW ? ['--runtime', 'hollow'] : [])];
const symphony = await startSymphony({ pollInterval: '30s', flags });
const events = await followEngine(docker, clusterLabel(symphony.cluster));

interface Look {
  readonly process: Usage;
  readonly redis: Usage;
  readonly engineSeconds: number;
}

const look = (): Look => ({
  process: usageOf(symphony.pid),
  redis: usageOf(symphony.redisPid),
  engineSeconds: cpuSecondsOf('dockerd'),
});
const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

try {
  await symphony.webhook(await symphony.repository.commit(podFiles('rest', PODS)));
  if (!HOLLOW) await events.until((seen) => countOf(seen, 'start') >= PODS);
  progress(`${PODS} pods run; waiting ${SETTLE_SECONDS} s for calm, then measuring ${SECONDS} s`);
  await pause(SETTLE_SECONDS);
  const before = look();
  await pause(SECONDS);
  const after = look();
  const share = (of: (seen: Look) => number): number => ((of(after) - of(before)) / SECONDS) * 100;
  const unit = '% of a core';
  const tree = ({ process, redis }: Look): number =>
    process.cpuSeconds + process.endedCpuSeconds + redis.cpuSeconds;
  report({ name: 'memory of control plane and agents', value: after.process.residentMib, unit: 'MiB' });
  report({ name: 'memory of Redis', value: after.redis.residentMib, unit: 'MiB' });
  report({ name: 'CPU of control plane and agents', value: share((seen) => seen.process.cpuSeconds), unit });
  report({ name: 'CPU of their children', value: share((seen) => seen.process.endedCpuSeconds), unit });
  report({ name: 'CPU of Redis', value: share((seen) => seen.redis.cpuSeconds), unit });
  report({ name: 'CPU of all of it', value: share(tree), unit });
  report({ name: 'CPU of the Engine meanwhile', value: share((seen) => seen.engineSeconds), unit });
} finally {
  events[Symbol.dispose]();
  await symphony[Symbol.asyncDispose]();
}
