/**
 * A push of a commit with 50 new single-container pods for one node → all 50 running, through the
 * built program on the real Engine, against the same 50 containers created and started by the bare
 * client at the Engine's best concurrency; and the time from a webhook to the first create call
 * that reaches the Engine's socket, over many one-pod commits.
 */
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerCreateOptions } from 'dockerode';
import { createSlots } from '../src/base/slots.ts';
import { labelKeys } from '../src/node-agent/runtime/types.ts';
import {
  TEST_IMAGE,
  connectDocker,
  engineHost,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  uniqueCluster,
} from '../test/support/docker.ts';
import { clusterLabel, countOf, followEngine } from './support/engine-events.ts';
import { median, numberAfter, percentile, progress, reporter, spread } from './support/figures.ts';
import { SLEEP_COMMAND, podFiles, podManifest } from './support/pods.ts';
import { tapSocket } from './support/socket-tap.ts';
import { startSymphony } from './support/symphony.ts';
import { cpuSecondsOf, usageOf } from './support/usage.ts';

const PODS = numberAfter('--pods', 50);
const ROUNDS = numberAfter('--rounds', 3);
const COMMITS = numberAfter('--commits', 100);
/** Measured on the test bed: more calls at once only queue inside the Engine. */
const BEST_CONCURRENCY = 8;
const slots = createSlots(BEST_CONCURRENCY);

const report = reporter('rollout');
const docker = connectDocker();
await ensureTestImages(docker);
if (PODS > 0) await rollouts();
if (COMMITS > 0) await firstCalls();

async function rollouts(): Promise<void> {
  const symphony = await startSymphony({});
  const events = await followEngine(docker, clusterLabel(symphony.cluster));
  const rawCluster = uniqueCluster('bench');
  const net = await freeSubnet(docker);
  const network = `symphony-${rawCluster}`;
  await docker.createNetwork({
    Name: network,
    Driver: 'bridge',
    IPAM: { Driver: 'default', Config: [{ Subnet: net.subnet, Gateway: net.gateway }] },
    Labels: { [labelKeys.cluster]: rawCluster },
  });
  const times = { symphony: [] as number[], raw: [] as number[] };
  const cpu = {
    symphony: [] as number[],
    redis: [] as number[],
    engine: [] as number[],
    rawEngine: [] as number[],
  };

  async function push(round: number): Promise<void> {
    events.forget();
    const commit = await symphony.repository.commit(podFiles(`r${round}`, PODS));
    const before = [usageOf(symphony.pid), usageOf(symphony.redisPid)] as const;
    const engine = cpuSecondsOf('dockerd');
    const begin = performance.now();
    await symphony.webhook(commit);
    await events.until((seen) => countOf(seen, 'start') >= PODS);
    times.symphony.push(performance.now() - begin);
    cpu.symphony.push(usageOf(symphony.pid).cpuSeconds - before[0].cpuSeconds);
    cpu.redis.push(usageOf(symphony.redisPid).cpuSeconds - before[1].cpuSeconds);
    cpu.engine.push(cpuSecondsOf('dockerd') - engine);
    const gone = Object.fromEntries(Object.keys(podFiles(`r${round}`, PODS)).map((file) => [file, null]));
    const removal = await symphony.repository.commit(gone);
    await symphony.webhook(removal);
    await events.until((seen) => countOf(seen, 'destroy') >= PODS);
  }

  async function raw(round: number): Promise<void> {
    const bodies = Array.from(
      { length: PODS },
      (_, index): ContainerCreateOptions => ({
        name: `bench_${rawCluster}_${round}_${index}`,
        Image: TEST_IMAGE,
        Entrypoint: SLEEP_COMMAND,
        Cmd: [],
        Labels: { [labelKeys.cluster]: rawCluster },
        HostConfig: { NetworkMode: network },
        NetworkingConfig: {
          EndpointsConfig: { [network]: { IPAMConfig: { IPv4Address: net.ip(10 + index) } } },
        },
      }),
    );
    const engine = cpuSecondsOf('dockerd');
    const begin = performance.now();
    const run = async (body: ContainerCreateOptions) => {
      const container = await docker.createContainer(body);
      await container.start();
      return container;
    };
    const containers = await Promise.all(bodies.map((body) => slots.run(() => run(body))));
    times.raw.push(performance.now() - begin);
    cpu.rawEngine.push(cpuSecondsOf('dockerd') - engine);
    const remove = { force: true, v: true };
    await Promise.all(containers.map((container) => slots.run(() => container.remove(remove))));
  }

  try {
    for (let round = 0; round < ROUNDS; round += 1) {
      progress(`round ${round + 1} of ${ROUNDS}`);
      const pair = [() => push(round), () => raw(round)];
      for (const run of round % 2 === 0 ? pair : pair.reverse()) await run();
    }
    report({
      name: `push of ${PODS} pods to all running`,
      value: median(times.symphony),
      unit: 'ms',
      baseline: median(times.raw),
      ratio: median(times.symphony) / median(times.raw),
      note: `${spread(times.symphony)}; bare ${spread(times.raw)}`,
    });
    report({ name: 'CPU time of symphony for a push', value: median(cpu.symphony), unit: 's' });
    report({ name: 'CPU time of its Redis for a push', value: median(cpu.redis), unit: 's' });
    report({
      name: 'CPU time of the Engine for a push',
      value: median(cpu.engine),
      unit: 's',
      baseline: median(cpu.rawEngine),
      ratio: median(cpu.engine) / median(cpu.rawEngine),
    });
  } finally {
    events[Symbol.dispose]();
    await symphony[Symbol.asyncDispose]();
    await removeCluster(rawCluster, docker);
  }
}

async function firstCalls(): Promise<void> {
  const socket = engineHost().replace(/^unix:\/\//, '');
  const tap = await tapSocket(socket, join(tmpdir(), `symphony-bench-${process.pid}.sock`));
  const symphony = await startSymphony({ dockerHost: tap.url });
  const events = await followEngine(docker, clusterLabel(symphony.cluster));
  const delays: number[] = [];
  try {
    for (let index = 0; index < COMMITS; index += 1) {
      if (index % 20 === 0) progress(`commit ${index} of ${COMMITS}`);
      events.forget();
      // Each commit takes the pod of the one before away, so that one pod runs at a time.
      const commit = await symphony.repository.commit({ 'pod.yaml': podManifest(`p${index}`) });
      tap.creates.length = 0;
      const begin = performance.now();
      await symphony.webhook(commit);
      const stopped = index === 0 ? 0 : 1;
      await events.until((seen) => countOf(seen, 'start') >= 1 && countOf(seen, 'destroy') >= stopped);
      delays.push((tap.creates[0] ?? Number.NaN) - begin);
    }
    // The first commit also makes the network, so it is counted like any other: it is part of the
    // tail.
    report({ name: 'webhook to first Docker call, p50', value: median(delays), unit: 'ms' });
    report({
      name: 'webhook to first Docker call, p99',
      value: percentile(delays, 99),
      unit: 'ms',
      note: spread(delays),
    });
  } finally {
    events[Symbol.dispose]();
    await symphony[Symbol.asyncDispose]();
    await tap[Symbol.asyncDispose]();
  }
}
