/** Addresses of pods that lead to somebody else, through the whole agent. */
import { afterEach, expect, it } from 'vitest';
import type { Route, RouteTable } from '../../../src/node-agent/node/plan-pod-route.ts';
import type { Routes } from '../../../src/node-agent/node/read-routes.ts';
import type { Node } from '../../../src/schemas/types.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../../support/agent-world.ts';

let world: AgentWorld;
afterEach(() => world[Symbol.asyncDispose]());

const OURS: Route = { interface: 'sy-1', destination: 0x0af40000, mask: 0xffff0000, gateway: 0, metric: 0 };
const THEIRS: Route = { ...OURS, interface: 'br-2', destination: 0x0af40100, mask: 0xffffff00 };

function routesOf(state: { routes: readonly Route[] }): Routes {
  const table = (): RouteTable => ({ routes: state.routes, interfaces: ['sy-1', 'br-2'] });
  return { table: async () => table(), sourceFor: async () => '10.244.0.1' };
}
const eventsOf = (reason: string) =>
  world.api.list('events').filter((event) => event['reason'] === reason) as unknown as {
    readonly message: string;
    readonly involvedObject: { readonly kind: string };
  }[];
const networkCondition = () =>
  world.api.get<Node>('nodes', 'n1')?.status?.conditions?.find(({ type }) => type === 'NetworkUnavailable');

it('refuses a pod whose address is somebody else’s, says so everywhere, and starts it when it is its own', async () => {
  const state = { routes: [OURS, THEIRS] as readonly Route[] };
  world = await createAgentWorld({ bridge: 'sy-1', routes: routesOf(state) });
  world.api.put('pods', aPod('web'));
  await world.clock.advance(15_000);
  expect(world.running()).toEqual([]);
  expect(world.pod('web')?.status?.containerStatuses?.[0]?.state?.waiting).toMatchObject({
    reason: 'FailedCreatePodSandBox',
    message: expect.stringContaining('leads to interface br-2') as string,
  });
  const [refused] = eventsOf('FailedCreatePodSandBox');
  expect(refused?.message).toMatch(
    /^Failed to create pod sandbox: address 10\.244\.1\.2 leads to .*--cluster-cidr/,
  );
  expect(networkCondition()).toMatchObject({ status: 'True', reason: 'PodNetworkTaken' });
  expect(eventsOf('NetworkUnavailable')[0]?.involvedObject.kind).toBe('Node');
  state.routes = [OURS];
  await world.clock.advance(15_000);
  expect(world.running()).toHaveLength(1);
  expect(networkCondition()).toMatchObject({ status: 'False', reason: 'PodNetworkReachable' });
});

it('asks no stranger how a pod does: it is not ready, and is not ended for what the stranger says', async () => {
  const state = { routes: [OURS] as readonly Route[] };
  const asked: string[] = [];
  const probeIo = {
    http: async ({ host }: { readonly host: string }) => {
      asked.push(host);
      return { status: 200, body: '' };
    },
  };
  world = await createAgentWorld({ bridge: 'sy-1', routes: routesOf(state), probeIo });
  const probe = { httpGet: { port: 80 }, periodSeconds: 1, failureThreshold: 1 };
  const containers = [{ name: 'main', image: 'x', readinessProbe: probe, livenessProbe: probe }];
  world.api.put('pods', aPod('web', { containers }));
  await world.clock.advance(5_000);
  const status = () => world.pod('web')?.status?.containerStatuses?.[0];
  expect(status()).toMatchObject({ ready: true, restartCount: 0 });
  state.routes = [OURS, THEIRS];
  await world.clock.advance(11_000);
  const before = asked.length;
  await world.clock.advance(20_000);
  expect(asked).toHaveLength(before);
  expect(status()).toMatchObject({ ready: false, restartCount: 0 });
  const said = eventsOf('Unhealthy').map(({ message }) => message);
  expect(said).toContainEqual(expect.stringMatching(/^Readiness probe failed: address .* leads to/));
  expect(said).toContainEqual(
    expect.stringMatching(/^Liveness probe errored and resulted in unknown state: /),
  );
});
