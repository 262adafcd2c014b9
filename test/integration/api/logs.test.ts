/**
 * Logs from the client through the API server and a real tunnel to an agent's containers (on the
 * fake engine).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comesTrue } from '../../support/comes-true.ts';
import { systemClock } from '../../../src/base/clock.ts';
import { silentLogger } from '../../../src/base/logger.ts';
import { seededRng } from '../../../src/base/rng.ts';
import { openConnection, type Connection } from '../../../src/client/connection.ts';
import { openTunnel } from '../../../src/node-agent/tunnel/keep-tunnel.ts';
import { startTestServer, type TestServer } from '../../api/test-server.ts';
import { type AgentWorld, aPod, createAgentWorld } from '../../support/agent-world.ts';

let server: TestServer;
let world: AgentWorld;
let connection: Connection;
let tunnel: AsyncDisposable;

beforeAll(async () => {
  server = await startTestServer();
  world = await createAgentWorld({ programOf: () => ({ output: ['one', 'two', 'three'] }) });
  world.api.put('pods', aPod('web'));
  await world.clock.advance(5_000);
  await server.core.objects.create({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web', namespace: 'default' },
    spec: { ...aPod('web').spec, nodeName: 'n1' },
  });
  const token = await server.tokens.issue('system:node:n1', ['system:nodes']);
  connection = openConnection({ server: server.server.url, ca: server.caPem, token, clock: systemClock });
  tunnel = openTunnel({
    connection,
    runtime: world.runtime,
    clock: systemClock,
    rng: seededRng(1),
    logger: silentLogger,
    nodeName: 'n1',
    findPod: (namespace, name) => world.agent.findPod(namespace, name),
  });
  await comesTrue(() => expect(server.server.connectedNodes).toEqual(['n1']));
});
afterAll(async () => {
  await tunnel[Symbol.asyncDispose]();
  connection[Symbol.dispose]();
  await world[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});

describe('kubectl logs', () => {
  it('prints the lines of the container', async () => {
    expect(await server.kubectl(['logs', 'web'])).toMatchObject({ code: 0, stdout: 'one\ntwo\nthree\n' });
  });

  it('prints the last lines, or a part of them, as asked', async () => {
    expect((await server.kubectl(['logs', 'web', '--tail=1'])).stdout).toBe('three\n');
    expect((await server.kubectl(['logs', 'web', '--limit-bytes=5'])).stdout).toBe('one\nt');
    expect((await server.kubectl(['logs', 'web', '--timestamps', '--tail=1'])).stdout).toMatch(
      /^\d{4}-.+ three\n$/,
    );
  });

  it('says which container there is, and that none ran before', async () => {
    expect((await server.kubectl(['logs', 'web', '-c', 'other'])).stderr).toContain(
      'container other is not valid for pod web',
    );
    expect((await server.kubectl(['logs', 'web', '--previous'])).stderr).toContain(
      'previous terminated container "main" in pod "web" not found',
    );
  });

  it('says that a node is away when its tunnel is closed', async () => {
    await server.core.objects.create({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'far', namespace: 'default' },
      spec: { ...aPod('far').spec, nodeName: 'n2' },
    });
    expect((await server.kubectl(['logs', 'far'])).stderr).toContain('its agent has no tunnel open');
  });
});

describe('a tunnel', () => {
  it('is refused to who speaks for another node', async () => {
    const path = '/apis/symphony.dev/v1/nodes/n2/tunnel';
    await expect(
      connection.upgrade(path, 'symphony-tunnel', new AbortController().signal),
    ).rejects.toMatchObject({ code: 403 });
  });
});
