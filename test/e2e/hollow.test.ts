/** The first start of hollow nodes: where the first pods go, and what kubectl is told. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { eventually, type KubeJson, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { web } from './manifests.ts';

describe('hollow nodes', () => {
  let symphony: Symphony;
  let kubectl: Symphony['kubectl'];
  beforeAll(async () => {
    symphony = await startSymphony({
      nodes: 3,
      files: { 'web.yaml': web({ replicas: 3 }) },
      args: ['--runtime', 'hollow', '--hollow-run-for', '1s'],
    });
    kubectl = symphony.kubectl;
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const ready = async (): Promise<readonly KubeJson[]> => {
    const { items } = await kubectl.json('get', 'pods', '-l', 'app=web');
    return (items as readonly KubeJson[]).filter(({ status }) =>
      (status.conditions as KubeJson[] | undefined)?.some(
        (condition) => condition['type'] === 'Ready' && condition['status'] === 'True',
      ),
    );
  };

  it('get one of three first replicas each, and no pod is refused before', async () => {
    const pods = await eventually('three pods are ready', async () => {
      const found = await ready();
      return found.length === 3 && found;
    });
    expect(pods.map(({ spec }) => spec.nodeName).sort()).toEqual(['node-1', 'node-2', 'node-3']);
    expect(await kubectl('get', 'events', '-A')).not.toContain('FailedScheduling');
  });

  it('say what they are where a program would have to run', async () => {
    const hollow = /^Node "node-\d" is hollow \(--runtime hollow\): /;
    expect(await kubectl('logs', 'deployment/web')).toMatch(hollow);
    const exec = await kubectl.try('exec', 'deployment/web', '--', 'ls');
    expect(exec).toMatchObject({ code: 126, stdout: '' });
    expect(exec.stderr).toMatch(hollow);
  });

  it('let a pod succeed that is meant to end', async () => {
    await kubectl('run', 'once', '--image=any/image', '--restart=Never');
    await kubectl('wait', '--for=jsonpath={.status.phase}=Succeeded', 'pod/once', WAIT_TIMEOUT);
  });
});
