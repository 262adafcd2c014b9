/**
 * Finished pods on a real engine: their addresses serve the next ones, while their containers and
 * statuses stay.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Node, Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';
import { type DockerAgent, eventually, startDockerAgent } from '../../support/docker-agent.ts';
import { TEST_IMAGE } from '../../support/docker.ts';

let node: DockerAgent;
beforeAll(async () => {
  node = await startDockerAgent('addresses', false);
});
afterAll(() => node[Symbol.asyncDispose]());

const container = (name: string, command: string): Pod['spec']['containers'][number] => ({
  name,
  image: TEST_IMAGE,
  command: ['sh', '-c', command],
});
const numbered = (prefix: string): string[] => [1, 2, 3, 4, 5].map((index) => `${prefix}-${index}`);
const phases = (names: readonly string[]): unknown[] => names.map((name) => node.pod(name)?.status?.phase);
const addresses = (names: readonly string[]): unknown[] =>
  names.map((name) => node.pod(name)?.status?.podIP).sort();

it('gives the addresses of finished pods to others', async () => {
  const object = node.api.get<Node>('nodes', 'n1');
  if (!object) throw new Error('there is no node');
  // Five addresses.
  const podCIDR = (object.spec.podCIDR ?? '').replace(/\d+\/\d+$/, '8/29');
  node.api.put('nodes', { ...object, spec: { podCIDR } });
  await eventually(() => node.api.get<Node>('nodes', 'n1')?.status?.allocatable?.['pods'] === '5');
  for (const [index, name] of numbered('job').entries()) {
    const containers = [container('main', 'exit 0'), ...(index < 2 ? [container('more', 'exit 0')] : [])];
    node.api.put('pods', aPod(name, { restartPolicy: 'Never', containers }));
  }
  await eventually(() => phases(numbered('job')).every((phase) => phase === 'Succeeded'));
  const given = addresses(numbered('job'));
  expect(new Set(given).size).toBe(5);
  await node.restart();
  for (const name of numbered('web')) {
    node.api.put('pods', aPod(name, { containers: [container('main', 'exec sleep 600')] }));
  }
  await eventually(() => phases(numbered('web')).every((phase) => phase === 'Running'));
  expect(addresses(numbered('web'))).toEqual(given);
  expect(addresses(numbered('job'))).toEqual(given);
});
