/**
 * Fifty containers created and started through the runtime adapter, against the same through the
 * bare client at the Engine's best concurrency. Interleaved in one run, the order swapped each
 * round; the ratio of medians is the figure.
 */
import type Docker from 'dockerode';
import { systemClock } from '../src/base/clock.ts';
import { silentLogger } from '../src/base/logger.ts';
import { createSlots } from '../src/base/slots.ts';
import { createDockerRuntime } from '../src/node-agent/runtime/docker/create-docker-runtime.ts';
import { toCreateBody } from '../src/node-agent/runtime/docker/create-body.ts';
import { asRequest } from '../src/node-agent/runtime/docker/engine.ts';
import { type PlacedContainer, placeContainer } from '../src/node-agent/runtime/docker/placed-container.ts';
import { type ContainerSpec, labelKeys, type Sandbox } from '../src/node-agent/runtime/types.ts';
import {
  connectDocker,
  engineHost,
  ensureTestImages,
  freeSubnet,
  removeCluster,
  TEST_IMAGE,
  uniqueCluster,
} from '../test/support/docker.ts';
import { aContainerSpec, vacantSandbox } from '../test/support/sandbox.ts';

const json = process.argv.includes('--json');
const numberAfter = (flag: string, fallback: number): number => {
  const index = process.argv.indexOf(flag);
  return index < 0 ? fallback : Number(process.argv[index + 1]);
};
const CONTAINERS = numberAfter('--containers', 50);
const ROUNDS = numberAfter('--rounds', 5);
/** Measured on the test bed: more calls at once only queue inside the Engine. */
const BEST_CONCURRENCY = 8;
const slots = createSlots(BEST_CONCURRENCY);

const cluster = uniqueCluster('bench');
const docker: Docker = connectDocker();
await ensureTestImages(docker);
const runtime = createDockerRuntime({
  host: engineHost(),
  cluster,
  node: 'n1',
  clock: systemClock,
  logger: silentLogger,
});
const net = await freeSubnet(docker);
const network = `symphony-${cluster}`;
await runtime.ensureNetwork({ name: network, subnet: net.subnet, gateway: net.gateway });

const specs = (round: string): ContainerSpec[] =>
  Array.from({ length: CONTAINERS }, (_, index) =>
    aContainerSpec({
      name: `k8s_bench_${round}-${index}_default_${cluster}_0`,
      image: TEST_IMAGE,
      labels: {
        [labelKeys.cluster]: cluster,
        [labelKeys.node]: 'n1',
        [labelKeys.podUid]: `${round}-${index}`,
      },
      command: ['sleep', '100000'],
    }),
  );

const sandboxOf = (index: number): Sandbox =>
  vacantSandbox({ network: { type: 'pod', network, ip: net.ip(10 + index) } });

async function throughRuntime(round: string): Promise<void> {
  await Promise.all(
    specs(round).map(async (spec, index) => runtime.start(await runtime.create(spec, sandboxOf(index)))),
  );
}
async function raw(round: string): Promise<void> {
  const signal = new AbortController().signal;
  const placed = specs(round).map((spec, index) => placeContainer(spec, sandboxOf(index)));
  const run = async (spec: PlacedContainer): Promise<void> => {
    const container = await docker.createContainer(asRequest(spec.name, toCreateBody(spec), signal));
    await container.start();
  };
  await Promise.all(placed.map((spec) => slots.run(() => run(spec))));
}
async function measure(run: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await run();
  const took = performance.now() - started;
  const ours = await docker.listContainers({
    all: true,
    filters: { label: [`${labelKeys.cluster}=${cluster}`] },
  });
  const remove = (id: string): Promise<unknown> => docker.getContainer(id).remove({ force: true, v: true });
  await Promise.all(ours.map(({ Id }) => slots.run(() => remove(Id))));
  return took;
}
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

try {
  const times = { runtime: [] as number[], raw: [] as number[] };
  for (let round = 0; round < ROUNDS; round += 1) {
    const pair = [
      async () => times.runtime.push(await measure(() => throughRuntime(`a${round}`))),
      async () => times.raw.push(await measure(() => raw(`b${round}`))),
    ];
    for (const run of round % 2 === 0 ? pair : pair.reverse()) await run();
  }
  const value = Math.round(median(times.runtime));
  const baseline = Math.round(median(times.raw));
  const ratio = Number((median(times.runtime) / median(times.raw)).toFixed(3));
  const name = `create+start of ${CONTAINERS} containers`;
  if (json) console.log(JSON.stringify({ bench: 'engine', name, value, unit: 'ms', baseline, ratio }));
  else console.log(`${name}: ${value} ms, bare client ${baseline} ms, ratio ${ratio} (median of ${ROUNDS})`);
} finally {
  await removeCluster(cluster, docker);
  await runtime[Symbol.asyncDispose]();
}
