/** DaemonSets as kubectl works with them, on hollow nodes. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';

const MANIFEST = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: agent
  annotations: {kubernetes.io/change-cause: first}
spec:
  selector: {matchLabels: {app: agent}}
  template:
    metadata: {labels: {app: agent}}
    spec:
      containers: [{name: c, image: "any/image:1"}]
`;

describe('a DaemonSet', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];
  beforeAll(async () => {
    symphony = await startSymphony({ nodes: 2, args: ['--runtime', 'hollow'] });
    kubectl = symphony.kubectl;
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const pods = async (): Promise<readonly KubeJson[]> =>
    (await kubectl.json('get', 'pods', '-l', 'app=agent'))['items'] as readonly KubeJson[];
  const rolledOut = (): Promise<string> => kubectl('rollout', 'status', 'ds/agent', WAIT_TIMEOUT);
  const images = async (): Promise<readonly string[]> => {
    await rolledOut();
    return (await pods()).map(({ spec }) => String((spec.containers as KubeJson[])[0]?.['image']));
  };

  it('runs on each node, and is updated, undone and restarted', async () => {
    await kubectl.withInput(MANIFEST, 'create', '-f', '-');
    expect(await images()).toEqual(['any/image:1', 'any/image:1']);
    expect(await kubectl('get', 'ds')).toMatch(/\nagent +2 +2 +2 +2 +2 +<none> +/);
    expect(await kubectl('get', 'all')).toContain('daemonset.apps/agent');
    await kubectl('set', 'image', 'ds/agent', 'c=any/image:2');
    expect(await images()).toEqual(['any/image:2', 'any/image:2']);
    expect(await kubectl('rollout', 'history', 'ds/agent')).toMatch(
      /^daemonset.apps\/agent\s+REVISION +CHANGE-CAUSE\n1 +first\n2 +/,
    );
    expect(await kubectl('rollout', 'history', 'ds/agent', '--revision=1')).toContain('any/image:1');
    await kubectl('rollout', 'undo', 'ds/agent');
    expect(await images()).toEqual(['any/image:1', 'any/image:1']);
    const before = (await pods()).map(({ metadata }) => metadata['uid']);
    await kubectl('rollout', 'restart', 'ds/agent');
    expect(await images()).toEqual(['any/image:1', 'any/image:1']);
    for (const { metadata } of await pods()) expect(before).not.toContain(metadata['uid']);
  });

  it('stays on a node that is drained', async () => {
    const [node = ''] = (await kubectl('get', 'nodes', '-o', 'name')).split('\n');
    const name = node.replace('node/', '');
    await expect(kubectl('drain', name, WAIT_TIMEOUT)).rejects.toThrow('DaemonSet-managed Pods');
    await kubectl('drain', name, '--ignore-daemonsets', WAIT_TIMEOUT);
    await rolledOut();
    expect(await pods()).toHaveLength(2);
  });
});
