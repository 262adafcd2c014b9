/**
 * A whole all-in-one process at rest: 50 pods on one node, nothing changes. Resident memory and CPU of the process that
 * is control plane and agent at once, and of its Redis.
 */
import { connectDocker, ensureTestImages } from '../test/support/docker.ts';
import { clusterLabel, countOf, followEngine } from './support/engine-events.ts';
import { numberAfter, progress, reporter } from './support/figures.ts';
import { podFiles } from './support/pods.ts';
import { startSymphony } from './support/symphony.ts';
import { cpuSecondsOf, usageOf } from './support/usage.ts';

const PODS = numberAfter('--pods', 50);
const SECONDS = numberAfter('--seconds', 30);
/** Longer than the stability window, so that the commit is done with. */
const SETTLE_SECONDS = numberAfter('--settle', 15);

const report = reporter('rest');
const docker = connectDocker();
await ensureTestImages(docker);
// The default interval: looking at the repository belongs to being at rest.
const symphony = await startSymphony({ pollInterval: '30s' });
const events = await followEngine(docker, clusterLabel(symphony.cluster));
const pause = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1_000));

try {
  await symphony.webhook(await symphony.repository.commit(podFiles('rest', PODS)));
  await events.until((seen) => countOf(seen, 'start') >= PODS);
  progress(`${PODS} pods run; waiting ${SETTLE_SECONDS} s for calm, then measuring ${SECONDS} s`);
  await pause(SETTLE_SECONDS);
  const before = [usageOf(symphony.pid), usageOf(symphony.redisPid), cpuSecondsOf('dockerd')] as const;
  await pause(SECONDS);
  const [process, redis] = [usageOf(symphony.pid), usageOf(symphony.redisPid)];
  const share = (from: number, to: number): number => ((to - from) / SECONDS) * 100;
  report({ name: 'memory of control plane and agent', value: process.residentMib, unit: 'MiB' });
  report({ name: 'memory of Redis', value: redis.residentMib, unit: 'MiB' });
  report({
    name: 'CPU of control plane and agent',
    value: share(before[0].cpuSeconds, process.cpuSeconds),
    unit: '% of a core',
  });
  report({
    name: 'CPU of Redis',
    value: share(before[1].cpuSeconds, redis.cpuSeconds),
    unit: '% of a core',
  });
  report({
    name: 'CPU of the Engine meanwhile',
    value: share(before[2], cpuSecondsOf('dockerd')),
    unit: '% of a core',
  });
} finally {
  events[Symbol.dispose]();
  await symphony[Symbol.asyncDispose]();
}
