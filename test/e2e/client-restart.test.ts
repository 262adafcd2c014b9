/**
 * The JavaScript client through a restart of the server: an informer goes on and misses nothing,
 * and every kind of session can be opened again at once, into the same containers.
 */
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import type { KubeConfig, V1ConfigMap, V1Status } from '@kubernetes/client-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadClientNode } from '../support/client-node.ts';
import { eventually, WAIT_TIMEOUT } from '../support/kubectl.ts';
import { startSymphony, type Symphony } from '../support/symphony.ts';
import { STAY, tool } from './manifests.ts';

/**
 * As the library's documentation has it: after an error the informer is started again by its user.
 */
const RESTART_AFTER_MS = 500;

describe('the JavaScript client', () => {
  let symphony: Symphony;
  let client: Awaited<ReturnType<typeof loadClientNode>>;
  let config: KubeConfig;

  beforeAll(async () => {
    client = await loadClientNode();
    symphony = await startSymphony();
    config = new client.KubeConfig();
    config.loadFromFile(join(symphony.dataDir, 'kubeconfig'));
    const talker = tool({ name: 'talker', script: `echo hello; ${STAY}` });
    await symphony.kubectl.withInput(talker, 'apply', '-f', '-');
    await symphony.kubectl('wait', '--for=condition=Ready', 'pod/talker', WAIT_TIMEOUT);
  });
  afterAll(() => symphony?.[Symbol.asyncDispose]());
  beforeEach(() => symphony.explainFailure());

  const exec = async (): Promise<string> => {
    const stdout = new PassThrough();
    const output = buffer(stdout);
    const status = await new Promise<V1Status>((resolve, reject) => {
      const command = ['sh', '-c', 'read x; echo "said $x"'];
      const input = Readable.from(['word\n']);
      new client.Exec(config)
        .exec('default', 'talker', 'main', command, stdout, new PassThrough(), input, false, resolve)
        .catch(reject);
    });
    stdout.end();
    expect(status.status).toBe('Success');
    return (await output).toString();
  };

  it('informs of everything across a restart, and opens sessions again', async () => {
    const api = config.makeApiClient(client.CoreV1Api);
    const seen = new Map<string, string>();
    let isOver = false;
    let restarts = 0;
    const informer = client.makeInformer<V1ConfigMap>(config, '/api/v1/namespaces/default/configmaps', () =>
      api.listNamespacedConfigMap({ namespace: 'default' }),
    );
    const note = ({ metadata, data }: V1ConfigMap): void => {
      seen.set(metadata?.name ?? '', data?.['value'] ?? '');
    };
    informer.on('add', note);
    informer.on('update', note);
    informer.on('delete', ({ metadata }) => void seen.delete(metadata?.name ?? ''));
    const again = (): void => {
      if (isOver) return;
      restarts += 1;
      setTimeout(() => void informer.start().catch(again), RESTART_AFTER_MS);
    };
    informer.on('error', again);
    await informer.start();

    const { kubectl } = symphony;
    await kubectl('create', 'configmap', 'before', '--from-literal=value=1');
    await kubectl('create', 'configmap', 'gone', '--from-literal=value=1');
    await eventually('both are seen', async () => seen.has('before') && seen.has('gone'));
    expect(await exec()).toBe('said word\n');
    const containers = await symphony.containers();

    await symphony.stop();
    await symphony.start();
    await kubectl('create', 'configmap', 'after', '--from-literal=value=2');
    await kubectl('patch', 'configmap', 'before', '-p', '{"data":{"value":"changed"}}');
    await kubectl('delete', 'configmap', 'gone');
    await eventually('everything since is seen', async () => {
      return seen.get('after') === '2' && seen.get('before') === 'changed' && !seen.has('gone');
    });
    isOver = true;
    await informer.stop();

    expect(restarts).toBeLessThan(100);
    expect(await symphony.containers()).toEqual(containers);
    await eventually('a session into the container', async () => (await exec()) === 'said word\n');
    expect(await kubectl('logs', 'talker')).toBe('hello\n');
  });
});
