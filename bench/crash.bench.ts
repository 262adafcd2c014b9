/**
 * The main process of a container is killed → the replacement runs, for the first restart: the
 * agent's (a new container, as in Kubernetes) against the Engine's own `restart=always` (the same
 * container again, after its 100 ms). Both are read off the Engine's events, from `die` to `start`;
 * the two sides alternate in one run.
 */
import { labelKeys } from '../src/node-agent/runtime/types.ts';
import {
  TEST_IMAGE,
  connectDocker,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  uniqueCluster,
} from '../test/support/docker.ts';
import { type EngineEvents, clusterLabel, countOf, followEngine } from './support/engine-events.ts';
import { median, numberAfter, percentile, reporter, spread } from './support/figures.ts';
import { SLEEP_COMMAND, podFiles } from './support/pods.ts';
import { startSymphony } from './support/symphony.ts';

/** Each repeat needs a pod of its own: only the first restart comes without back-off. */
const REPEATS = numberAfter('--repeats', 15);

const report = reporter('crash');
const docker = connectDocker();
await ensureTestImages(docker);
const symphony = await startSymphony({});
const rawCluster = uniqueCluster('bench');
const ours = await followEngine(docker, clusterLabel(symphony.cluster));
const engines = await followEngine(docker, clusterLabel(rawCluster));
const times = { symphony: [] as number[], engine: [] as number[] };

try {
  await symphony.webhook(await symphony.repository.commit(podFiles('crash', REPEATS)));
  await startEngineContainers();
  await ours.until((seen) => countOf(seen, 'start') >= REPEATS);
  const pods = [...ours.seen].filter(({ action }) => action === 'start').map(({ id }) => id);
  const containers = [...engines.seen].filter(({ action }) => action === 'start').map(({ id }) => id);
  // The statuses of the pods are written: what follows measures restarts, not the rest of a
  // rollout.
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  for (let index = 0; index < REPEATS; index += 1) {
    const pair = [
      async () => times.symphony.push(await crash(ours, pods[index] ?? '')),
      async () => times.engine.push(await crash(engines, containers[index] ?? '')),
    ];
    for (const run of index % 2 === 0 ? pair : pair.reverse()) await run();
  }
  report({
    name: 'crash to running again, first restart',
    value: median(times.symphony),
    unit: 'ms',
    baseline: median(times.engine),
    ratio: median(times.symphony) / median(times.engine),
    note: `${spread(times.symphony)}; restart=always ${spread(times.engine)}`,
  });
  report({
    name: 'crash to running again, first restart, p90',
    value: percentile(times.symphony, 90),
    unit: 'ms',
    baseline: percentile(times.engine, 90),
    ratio: percentile(times.symphony, 90) / percentile(times.engine, 90),
  });
} finally {
  ours[Symbol.dispose]();
  engines[Symbol.dispose]();
  await symphony[Symbol.asyncDispose]();
  await removeCluster(rawCluster, docker);
}

async function startEngineContainers(): Promise<void> {
  const net = await freeSubnet(docker);
  const network = `symphony-${rawCluster}`;
  await docker.createNetwork({
    Name: network,
    Driver: 'bridge',
    IPAM: { Driver: 'default', Config: [{ Subnet: net.subnet, Gateway: net.gateway }] },
    Labels: { [labelKeys.cluster]: rawCluster },
  });
  for (let index = 0; index < REPEATS; index += 1) {
    const container = await docker.createContainer({
      Image: TEST_IMAGE,
      Entrypoint: SLEEP_COMMAND,
      Cmd: [],
      Labels: { [labelKeys.cluster]: rawCluster },
      HostConfig: { NetworkMode: network, RestartPolicy: { Name: 'always' } },
    });
    await container.start();
  }
}

/**
 * Kills the container's first process from outside, as a crash would end it; the Engine is not told
 * to stop it.
 */
async function crash(events: EngineEvents, id: string): Promise<number> {
  const { State } = await docker.getContainer(id).inspect();
  events.forget();
  process.kill(State.Pid, 'SIGKILL');
  await events.until((seen) => seen.some(({ action }) => action === 'start'));
  const died = events.seen.find(({ action, id: which }) => action === 'die' && which === id);
  const started = events.seen.find(({ action }) => action === 'start');
  if (!died || !started) throw new Error(`Container ${id} did not die as expected`);
  return started.atMs - died.atMs;
}
