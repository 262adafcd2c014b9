/**
 * A real API server and an agent on the fake engine with the pod `web`, joined by a real tunnel.
 */
import { expect } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { silentLogger } from '../../src/base/logger.ts';
import { seededRng } from '../../src/base/rng.ts';
import { openScope } from '../../src/base/scope.ts';
import { type Connection, openConnection } from '../../src/client/connection.ts';
import { openTunnel } from '../../src/node-agent/tunnel/keep-tunnel.ts';
import { startTestServer, type TestServer } from '../api/test-server.ts';
import { type AgentWorld, aPod, createAgentWorld } from './agent-world.ts';
import { comesTrue } from './comes-true.ts';

export interface TunnelledAgent extends AsyncDisposable {
  readonly server: TestServer;
  /** The agent's, with its rights. */
  readonly connection: Connection;
}

export const startTunnelledAgent = (
  options: Parameters<typeof createAgentWorld>[0],
): Promise<TunnelledAgent> =>
  openScope(async (scope) => {
    const server = scope.use(await startTestServer());
    const world = scope.use(await createAgentWorld(options));
    world.api.put('pods', aPod('web'));
    await world.clock.advance(5_000);
    await server.core.objects.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', namespace: 'default' },
      spec: { ...aPod('web').spec, nodeName: 'n1' },
    });
    const token = await server.tokens.issue('system:node:n1', ['system:nodes']);
    const connection = scope.use(
      openConnection({ server: server.server.url, ca: server.caPem, token, clock: systemClock }),
    );
    scope.use(openTunnelOf(world, connection));
    await comesTrue(() => expect(server.server.connectedNodes).toEqual(['n1']));
    return { server, connection };
  });

/** The agent's end of a tunnel on this connection. */
export const openTunnelOf = (
  { runtime, agent }: AgentWorld,
  connection: Pick<Connection, 'upgrade'>,
): ReturnType<typeof openTunnel> =>
  openTunnel({
    connection,
    runtime,
    clock: systemClock,
    rng: seededRng(1),
    logger: silentLogger,
    nodeName: 'n1',
    findPod: (namespace, name) => agent.findPod(namespace, name),
  });
