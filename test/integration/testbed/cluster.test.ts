/** A cluster on the test bed: every host is a node that runs pods, and outlives what happens to it. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TEST_IMAGE } from '../../support/docker.ts';
import { startTestbedCluster, type TestbedCluster } from '../../support/testbed/cluster.ts';

let cluster: TestbedCluster;

beforeAll(async () => {
  cluster = await startTestbedCluster({ hosts: 3 });
});
afterAll(() => cluster[Symbol.asyncDispose]());

it('runs pods on every host', async () => {
  const { kubectl } = cluster;
  await kubectl(
    'create',
    'deployment',
    'web',
    `--image=${TEST_IMAGE}`,
    '--replicas=3',
    '--',
    'sleep',
    '1000',
  );
  await kubectl('rollout', 'status', 'deployment/web', '--timeout=60s');
  const nodes = await kubectl('get', 'pods', '-o', 'jsonpath={.items[*].spec.nodeName}');
  expect(nodes.split(' ').sort()).toEqual(['h1', 'h2', 'h3']);
});
