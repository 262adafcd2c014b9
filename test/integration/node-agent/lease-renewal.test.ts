/**
 * The Lease of a node at rest, over a real API server and a real tunnel. All parts share a clock
 * that runs five times as fast.
 */
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createAbort } from '../../../src/base/abort.ts';
import { type Clock, systemClock } from '../../../src/base/clock.ts';
import { TransientError } from '../../../src/base/errors.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { openScope } from '../../../src/base/scope.ts';
import { createHttpClient } from '../../../src/client/http.ts';
import type { ApiClient } from '../../../src/client/types.ts';
import { leaseRenewal } from '../../../src/controllers/node-lifecycle/lease-renewal-controller.ts';
import { leaseAgeMs } from '../../../src/controllers/node-lifecycle/plan-lease-renewals.ts';
import { runController } from '../../../src/controllers/run-controller.ts';
import { createNodeAgent } from '../../../src/node-agent/agent.ts';
import { pretendedProbeIo } from '../../../src/node-agent/probes/pretended-probe-io.ts';
import { createFakeRuntime } from '../../../src/node-agent/runtime/fake/create-fake-runtime.ts';
import { createMemoryPodVolumes } from '../../../src/node-agent/volumes/memory-pod-volumes.ts';
import { API_SERVER } from '../../../src/resources/resource-core.ts';
import type { Lease } from '../../../src/schemas/types.ts';
import type { ResourceCache } from '../../../src/store/cache/cache.ts';
import { startTestServer } from '../../api/test-server.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { createMemoryRecordStore } from '../../support/memory-record-store.ts';

const SPEED = 5;
const beganMs = Date.now();
const clock: Clock = {
  now: () => beganMs + (Date.now() - beganMs) * SPEED,
  setTimer: (task, delayMs) => systemClock.setTimer(task, delayMs / SPEED),
};
const common = { clock, rng: seededRng(1), logger: silentLogger };

let cluster: AsyncDisposable;
let connected: () => readonly string[];
let leases: ResourceCache<Lease> | undefined;
/** Requests of the agent about its Lease. */
let requests = 0;
let isCut = false;
const sockets: Duplex[] = [];

const lease = (): Lease | undefined => leases?.get('kube-node-lease/n1');
const renewTime = (): string => lease()?.spec.renewTime ?? '';

beforeAll(async () => {
  cluster = await openScope(async (scope) => {
    const leaseAge = (node: string): number | undefined => leaseAgeMs(lease(), node, clock.now());
    const api = scope.use(
      await startTestServer({ clock, heartbeats: { leaseAgeMs: leaseAge } }, ['default', 'kube-node-lease']),
    );
    const { core, caches, registry, store } = api.core;
    connected = () => api.server.connectedNodes;
    leases = await caches.open<Lease>('leases.coordination.k8s.io');
    const { heartbeats } = api.server;
    scope.use(
      await runController(leaseRenewal({ heartbeats, renewals: new Map() }), {
        ...{ ...common, caches, registry, store, writer: core.as(API_SERVER), signal: createAbort().signal },
        events: {
          record: () => undefined,
          flush: async () => undefined,
          [Symbol.asyncDispose]: async () => undefined,
        },
        mayAct: () => true,
        onConditionChange: () => ({ [Symbol.dispose]: () => undefined }),
      }),
    );
    const token = await api.tokens.issue('system:node:n1', ['system:nodes']);
    const http = createHttpClient({ server: api.server.url, ca: api.caPem, token, ...common });
    scope.defer(() => http[Symbol.dispose]());
    const agent = scope.use(
      createNodeAgent({
        ...{ ...common, nodeName: 'n1', nodeIp: '192.0.2.1', cluster: 'test' },
        client: counting(http),
        runtime: createFakeRuntime({ ...common, cluster: 'test', node: 'n1' }),
        volumes: createMemoryPodVolumes(),
        probeIo: pretendedProbeIo,
        records: createMemoryRecordStore(),
        network: { name: 'symphony-test', subnet: '10.244.0.0/16', gateway: '10.244.0.1' },
        tunnel: {
          async upgrade(...asked) {
            if (isCut) throw new TransientError('cut');
            const socket = await http.connection.upgrade(...asked);
            sockets.push(socket);
            return socket;
          },
        },
      }),
    );
    await agent.start();
    return {};
  });
});
afterAll(() => cluster[Symbol.asyncDispose]());

function counting(client: ApiClient): ApiClient {
  const count = ({ plural }: { readonly plural: string }): void => {
    if (plural === 'leases') requests += 1;
  };
  return {
    ...client,
    create(resource, ...rest) {
      count(resource);
      return client.create(resource, ...rest);
    },
    patch(resource, ...rest) {
      count(resource);
      return client.patch(resource, ...rest);
    },
  };
}

/** Resolves when the Lease was renewed once more, to a later time. */
async function renewed(): Promise<void> {
  const before = renewTime();
  await comesTrue(() => expect(renewTime() > before).toBe(true));
}

it('is renewed by the control plane while the agent asks for nothing', async () => {
  await comesTrue(() => expect([connected(), renewTime()]).toEqual([['n1'], expect.stringMatching(/Z$/)]));
  // On a busy machine a ping may come late, and the agent be careful once.
  await comesTrue(async () => {
    const before = requests;
    for (let times = 0; times < 3; times += 1) await renewed();
    expect(requests).toBe(before);
  });
  expect(lease()?.spec).toMatchObject({ holderIdentity: 'n1', leaseDurationSeconds: 40 });
});

it('is renewed by the agent once its tunnel is cut, and by the control plane again afterwards', async () => {
  isCut = true;
  for (const socket of sockets.splice(0)) socket.destroy();
  const before = requests;
  await comesTrue(() => expect(connected()).toEqual([]));
  await renewed();
  await comesTrue(() => expect(requests - before).toBeGreaterThan(3));
  await renewed();
  isCut = false;
  await comesTrue(() => expect(connected()).toEqual(['n1']));
  await comesTrue(async () => {
    const asked = requests;
    for (let times = 0; times < 2; times += 1) await renewed();
    expect(requests).toBe(asked);
  });
});
