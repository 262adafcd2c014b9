/**
 * An agent's process is stopped, as a host that is cut off: the time until all its pods run on other
 * nodes. Once with the defaults, once with the shortest settings that are recommended. The baseline
 * of both is Docker Swarm's 18.6 s, measured on an idle machine of the same kind.
 */
import { eventually, type Kubectl } from '../test/support/kubectl.ts';
import { startAgentProcesses } from '../test/support/agent-processes.ts';
import { median, numberAfter, progress, reporter, spread } from './support/figures.ts';

const REPEATS = numberAfter('--repeats', 3);
const SWARM_SECONDS = 18.6;
const PODS = 6;
const QUICK = ['--node-grace-period', '1s', '--default-unreachable-toleration-seconds', '0'];
const report = reporter('node-loss');

async function nodesOfPods(kubectl: Kubectl): Promise<readonly string[]> {
  const columns = 'NODE:.spec.nodeName,DELETED:.metadata.deletionTimestamp,PHASE:.status.phase';
  const text = await kubectl('get', 'pods', '--no-headers', '-o', `custom-columns=${columns}`);
  return text
    .split('\n')
    .map((line) => line.split(/\s+/))
    .filter(([, deleted, phase]) => deleted === '<none>' && phase === 'Running')
    .map(([node]) => node ?? '');
}

/** Seconds from the stop of each of the nodes in turn until its pods run elsewhere. */
async function measure(flags: readonly string[]): Promise<readonly number[]> {
  await using cluster = await startAgentProcesses(['n1', 'n2', 'n3'], flags);
  const { kubectl, agents } = cluster;
  await kubectl('create', 'deployment', 'web', '--image=example.test/web:1', `--replicas=${PODS}`);
  await kubectl('wait', '--for=condition=Available', 'deployment/web', '--timeout=60s');
  const seconds: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat += 1) {
    const silent = (await nodesOfPods(kubectl))[0] ?? '';
    const beganMs = performance.now();
    agents.get(silent)?.kill('SIGSTOP');
    await eventually('the pods run elsewhere', async () => {
      const nodes = await nodesOfPods(kubectl);
      return nodes.length === PODS && !nodes.includes(silent);
    });
    seconds.push((performance.now() - beganMs) / 1_000);
    agents.get(silent)?.kill('SIGCONT');
    await kubectl('wait', '--for=condition=Ready', `node/${silent}`, '--timeout=60s');
  }
  return seconds;
}

for (const [name, flags] of [
  ['by default', []],
  ['with the shortest settings', QUICK],
] as const) {
  progress(name);
  const seconds = await measure(flags);
  report({
    name: `a node falls silent until its pods run elsewhere, ${name}`,
    value: median(seconds),
    unit: 's',
    baseline: SWARM_SECONDS,
    ratio: median(seconds) / SWARM_SECONDS,
    note: `${spread(seconds.map((value) => value * 1_000))} ms`,
  });
}
