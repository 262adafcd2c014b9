/** A start of the agent in which one call fails: whatever it has begun by then ends with it. */
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import { type Logger, silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { createNodeAgent } from '../../src/node-agent/agent.ts';
import type { RecordStore } from '../../src/node-agent/ports.ts';
import { pretendedProbeIo } from '../../src/node-agent/probes/pretended-probe-io.ts';
import { createMemoryRecordStore } from '../support/memory-record-store.ts';
import { createFakeRuntime } from '../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { createMemoryPodVolumes } from '../../src/node-agent/volumes/memory-pod-volumes.ts';
import { createAgentFakeApi } from '../support/agent-fake-api.ts';
import { aPod } from '../support/agent-world.ts';
import { createFakeClock, settle } from '../support/fake-clock.ts';

/** More calls than a start makes. */
const MAX_CALLS = 60;

type Calls = Record<string, unknown>;

/** The same object, each call of which passes `onCall` first. */
function counted<T extends object>(target: T, onCall: (name: string) => void): T {
  return new Proxy(target, {
    get(of, name) {
      const value: unknown = Reflect.get(of as Calls, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        onCall(String(name));
        return Reflect.apply(value, of, args) as unknown;
      };
    },
    ownKeys: (of) => Reflect.ownKeys(of),
  });
}

/** Iterates like the source, and is in `open` for as long as it does. */
async function* tracked<T>(source: AsyncIterable<T>, open: Set<object>): AsyncGenerator<T> {
  const mark = {};
  open.add(mark);
  try {
    yield* source;
  } finally {
    open.delete(mark);
  }
}

/** Starts an agent whose call number `failing` throws, ends it, and answers what is left. */
async function startAndEnd(failing: number, end: (name: string) => boolean) {
  const clock = createFakeClock();
  const api = createAgentFakeApi();
  const rng = seededRng(3);
  const fake = createFakeRuntime({ clock, rng, cluster: 'test', node: 'n1' });
  const open = new Set<object>();
  const sockets: PassThrough[] = [];
  let calls = 0;
  let failed: string | undefined;
  let isArmed = false;
  const onCall = (name: string): void => {
    if (!isArmed) return;
    calls += 1;
    if (calls !== failing) return;
    failed = name;
    throw new Error(`${name} fails`);
  };
  const records: RecordStore = createMemoryRecordStore();
  await records.savePod('uid-of-web', { pod: aPod('web') });
  // Workers and the tunnel take a logger first; the tunnel is the last part that starts.
  const logger: Logger = {
    ...silentLogger,
    child: (fields) => {
      onCall(typeof fields['component'] === 'string' ? fields['component'] : '');
      return logger;
    },
  };
  const client = {
    ...counted({ ...api.client }, onCall),
    watch: (...args: Parameters<typeof api.client.watch>) => {
      onCall('watch');
      return tracked(api.client.watch(...args), open);
    },
  };
  const runtime = {
    ...fake,
    info: counted(fake, onCall).info,
    list: counted(fake, onCall).list,
    listImages: counted(fake, onCall).listImages,
    events: (signal: AbortSignal) => {
      onCall('events');
      return tracked(fake.events(signal), open);
    },
  };
  const agent = createNodeAgent({
    client: client as typeof api.client,
    runtime,
    clock,
    rng,
    logger,
    nodeName: 'n1',
    nodeIp: '192.0.2.1',
    cluster: 'test',
    records: {
      ...records,
      loadMemory: counted(records, onCall).loadMemory,
      loadPods: counted(records, onCall).loadPods,
    },
    volumes: createMemoryPodVolumes(),
    probeIo: pretendedProbeIo,
    network: { name: 'symphony-test', subnet: '10.244.0.0/16', gateway: '10.244.0.1' },
    tunnel: {
      upgrade: async () => {
        onCall('upgrade');
        const socket = new PassThrough();
        sockets.push(socket);
        return socket;
      },
    },
  });
  isArmed = true;
  const started = agent.start().then(
    () => true,
    () => false,
  );
  await clock.advance(3_000);
  const isStarted = await started;
  // A start that has failed has undone everything by itself.
  if (isStarted || end(failed ?? '')) {
    const ended = agent[Symbol.asyncDispose]();
    await clock.advance(3_000);
    await ended;
  }
  await settle();
  return {
    failed,
    isStarted,
    reported: agent.reported,
    left: {
      streams: open.size,
      sockets: sockets.filter((socket) => !socket.destroyed).length,
      timer: clock.nextTimerAt,
    },
  };
}

it('leaves no stream, socket or timer, whichever call of the start fails', async () => {
  const failedStarts: string[] = [];
  const failedCalls = new Set<string>();
  for (let failing = 1; failing <= MAX_CALLS; failing += 1) {
    const { failed, isStarted, left } = await startAndEnd(failing, () => false);
    expect({ failed, left }).toEqual({ failed, left: { streams: 0, sockets: 0, timer: undefined } });
    if (failed === undefined) break;
    failedCalls.add(failed);
    if (!isStarted) failedStarts.push(failed);
  }
  expect(failedStarts).toEqual(['loadMemory', 'loadPods', 'pod-worker', 'tunnel']);
  expect([...failedCalls]).toEqual(
    expect.arrayContaining(['info', 'events', 'list', 'watch', 'upgrade', 'update', 'clusterState']),
  );
});

it('ends as quietly when it is disposed after a start that failed, and lets nobody wait for its report', async () => {
  const { isStarted, left, reported } = await startAndEnd(2, () => true);
  expect({ isStarted, left }).toEqual({
    isStarted: false,
    left: { streams: 0, sockets: 0, timer: undefined },
  });
  await reported;
});
