/**
 * Logs from the client through the API server and a real tunnel to an agent's containers (on the
 * fake engine).
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TestServer } from '../../api/test-server.ts';
import { aPod } from '../../support/agent-world.ts';
import { startTunnelledAgent, type TunnelledAgent } from '../../support/tunnelled-agent.ts';

let agent: TunnelledAgent;
let server: TestServer;

beforeAll(async () => {
  agent = await startTunnelledAgent({ programOf: () => ({ output: ['one', 'two', 'three'] }) });
  ({ server } = agent);
});
afterAll(() => agent[Symbol.asyncDispose]());

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
  it('is refused to a client that speaks for another node', async () => {
    const path = '/apis/symphony.dev/v1/nodes/n2/tunnel';
    await expect(
      agent.connection.upgrade(path, 'symphony-tunnel', new AbortController().signal),
    ).rejects.toMatchObject({ code: 403 });
  });
});
