/**
 * A node agent on the fake engine and simulated time, with everything a test needs to push it
 * around.
 */
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { type NodeAgent, createNodeAgent } from '../../src/node-agent/agent.ts';
import { createMemoryPodVolumes } from '../../src/node-agent/volumes/memory-pod-volumes.ts';
import type { PodVolumes } from '../../src/node-agent/volumes/pod-volumes.ts';
import { createMemoryRecordStore } from './memory-record-store.ts';
import type { Routes } from '../../src/node-agent/node/read-routes.ts';
import type { RecordStore } from '../../src/node-agent/ports.ts';
import { pretendedProbeIo } from '../../src/node-agent/probes/pretended-probe-io.ts';
import type { ProbeIo } from '../../src/node-agent/probes/probe-io.ts';
import { createHollowParts } from '../../src/node-agent/runtime/hollow/create-hollow-parts.ts';
import {
  type FakeRuntime,
  type FakeRuntimeOptions,
  createFakeRuntime,
} from '../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import type { Pod } from '../../src/schemas/types.ts';
import { type AgentFakeApi, createAgentFakeApi } from './agent-fake-api.ts';
import { type FakeClock, createFakeClock } from './fake-clock.ts';

export interface AgentWorld extends AsyncDisposable {
  readonly clock: FakeClock;
  readonly records: RecordStore;
  readonly api: AgentFakeApi;
  readonly runtime: FakeRuntime;
  agent: NodeAgent;
  /** Ends the agent (not the containers) and starts another on the same records. */
  restartAgent(): Promise<void>;
  pod(name: string): Pod | undefined;
  running(): readonly string[];
}

export async function createAgentWorld(
  options: Partial<FakeRuntimeOptions> & {
    readonly probeIo?: Partial<ProbeIo>;
    readonly podCidr?: string;
    /** How long pods run that are meant to end; makes the node hollow. */
    readonly hollowRunForMs?: number;
    readonly routes?: Routes;
    readonly volumes?: Partial<PodVolumes>;
    readonly logger?: Logger;
  } = {},
): Promise<AgentWorld> {
  const clock = createFakeClock();
  const api = createAgentFakeApi();
  const rng = seededRng(7);
  const common = { clock, rng, cluster: 'test', node: 'n1' };
  const parts =
    options.hollowRunForMs === undefined
      ? {
          runtime: createFakeRuntime({ ...common, ...options }),
          volumes: createMemoryPodVolumes(),
          probeIo: { ...pretendedProbeIo, ...options.probeIo },
        }
      : createHollowParts({
          ...{ ...common, client: api.client, logger: silentLogger },
          runForMs: options.hollowRunForMs,
          podOf: (namespace, name) => world.agent.findPod(namespace, name)?.pod,
        });
  const { runtime } = parts;
  const records = createMemoryRecordStore();
  const make = (): NodeAgent =>
    createNodeAgent({
      ...parts,
      client: api.client,
      clock,
      rng,
      logger: options.logger ?? silentLogger,
      ...(options.routes ? { routes: options.routes } : {}),
      nodeName: 'n1',
      nodeIp: '192.0.2.1',
      cluster: 'test',
      records,
      volumes: { ...parts.volumes, ...options.volumes },
      network: { name: 'symphony-test', subnet: '10.244.0.0/16', gateway: '10.244.0.1' },
    });
  api.put('nodes', {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: 'n1' },
    spec: { podCIDR: options.podCidr ?? '10.244.1.0/24' },
  });
  const world: AgentWorld = {
    clock,
    api,
    runtime,
    records,
    agent: make(),
    async restartAgent() {
      await stopAgent();
      world.agent = make();
      await startAgent();
    },
    pod: (name) => api.get<Pod>('pods', `default/${name}`),
    running: () =>
      runtime
        .snapshot()
        .filter((record) => record.phase === 'running')
        .map((record) => record.name)
        .sort(),
    [Symbol.asyncDispose]: stopAgent,
  };
  async function startAgent(): Promise<void> {
    const started = world.agent.start();
    await clock.advance(2_000);
    await started;
  }
  async function stopAgent(): Promise<void> {
    const stopped = world.agent[Symbol.asyncDispose]();
    await clock.advance(5_000);
    await stopped;
  }
  await startAgent();
  return world;
}

export function aPod(name: string, spec: Partial<Pod['spec']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default', uid: `uid-of-${name}` },
    spec: {
      nodeName: 'n1',
      restartPolicy: 'Always',
      terminationGracePeriodSeconds: 30,
      containers: [{ name: 'main', image: 'busybox' }],
      ...spec,
    },
    status: {
      phase: 'Pending',
      conditions: [{ type: 'PodScheduled', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    },
  };
}
