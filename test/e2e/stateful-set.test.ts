/** StatefulSets as kubectl works with them, on hollow nodes. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';

const manifest = (name: string): string => `
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: ${name}
  annotations: {kubernetes.io/change-cause: first}
spec:
  serviceName: ${name}
  replicas: 2
  selector: {matchLabels: {app: ${name}}}
  template:
    metadata: {labels: {app: ${name}}}
    spec:
      containers: [{name: c, image: "any/image:1"}]
`;

describe('a StatefulSet', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];
  beforeAll(async () => {
    symphony = await startSymphony({
      nodes: 2,
      files: { 'db.yaml': manifest('db') },
      args: ['--runtime', 'hollow'],
    });
    kubectl = symphony.kubectl;
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const rolledOut = (name: string): Promise<string> =>
    kubectl('rollout', 'status', `sts/${name}`, WAIT_TIMEOUT);

  it('from Git is rolled out, and shown', async () => {
    await eventually('the StatefulSet of Git is there', () => kubectl('get', 'sts', 'db'));
    await kubectl('wait', '--for=jsonpath={.status.readyReplicas}=2', 'sts/db', WAIT_TIMEOUT);
    expect(await rolledOut('db')).toContain('partitioned roll out complete: 2 new pods have been updated');
    expect(await kubectl('get', 'sts')).toMatch(/^NAME +READY +AGE\ndb +2\/2 +/);
    expect(await kubectl('get', 'pods', '-o', 'name')).toBe('pod/db-0\npod/db-1\n');
    expect((await kubectl.json('get', 'pod', 'db-1')).spec).toMatchObject({
      hostname: 'db-1',
      subdomain: 'db',
    });
  });

  it('is updated, undone, restarted and scaled', async () => {
    const file = join(symphony.dataDir, 'box.yaml');
    await writeFile(file, manifest('box'));
    const images = async (): Promise<readonly string[]> => {
      await rolledOut('box');
      const { items } = await kubectl.json('get', 'pods', '-l', 'app=box');
      return (items as readonly KubeJson[]).map(({ spec }) =>
        String((spec.containers as KubeJson[])[0]?.['image']),
      );
    };
    await kubectl('create', '-f', file);
    expect(await images()).toEqual(['any/image:1', 'any/image:1']);
    await kubectl('set', 'image', 'sts/box', 'c=any/image:2');
    await kubectl('annotate', 'sts/box', 'kubernetes.io/change-cause=second', '--overwrite');
    expect(await images()).toEqual(['any/image:2', 'any/image:2']);
    expect(await kubectl('rollout', 'history', 'sts/box')).toMatch(
      /^statefulset.apps\/box\s+REVISION +CHANGE-CAUSE\n1 +first\n2 +/,
    );
    expect(await kubectl('rollout', 'history', 'sts/box', '--revision=1')).toContain('any/image:1');
    await kubectl('rollout', 'undo', 'sts/box');
    expect(await images()).toEqual(['any/image:1', 'any/image:1']);
    await kubectl('rollout', 'undo', 'sts/box', '--to-revision=2');
    expect(await images()).toEqual(['any/image:2', 'any/image:2']);
    const restarted = (await kubectl.json('get', 'pod', 'box-0')).metadata['uid'];
    await kubectl('rollout', 'restart', 'sts/box');
    expect(await images()).toEqual(['any/image:2', 'any/image:2']);
    expect((await kubectl.json('get', 'pod', 'box-0')).metadata['uid']).not.toBe(restarted);
    await kubectl('scale', 'sts/box', '--replicas=1');
    await kubectl('wait', '--for=delete', 'pod/box-1', WAIT_TIMEOUT);
    expect(await images()).toEqual(['any/image:2']);
  });
});
