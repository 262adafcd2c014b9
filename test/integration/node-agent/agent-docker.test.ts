/**
 * The whole agent on a real engine: several containers, an init container, a ConfigMap volume,
 * probes, a restart, the agent's own restart.
 */
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';
import { type DockerAgent, eventually, startDockerAgent } from '../../support/docker-agent.ts';
import { comesTrue } from '../../support/comes-true.ts';
import { TEST_IMAGE } from '../../support/docker.ts';

let node: DockerAgent;
beforeAll(async () => {
  node = await startDockerAgent('agent', false);
});
afterAll(() => node[Symbol.asyncDispose]());

const statusOf = (): Pod['status'] => node.pod('web')?.status;
const isReady = (): boolean =>
  statusOf()?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;

it('runs, restarts, takes over and ends a pod of several containers on a real engine', async () => {
  node.api.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'page', namespace: 'default' },
    data: { 'index.html': 'hello' },
  });
  node.api.put(
    'pods',
    aPod('web', {
      terminationGracePeriodSeconds: 2,
      volumes: [
        { name: 'page', configMap: { name: 'page' } },
        { name: 'shared', emptyDir: {} },
      ],
      initContainers: [
        {
          name: 'prepare',
          image: TEST_IMAGE,
          command: ['sh', '-c', 'cp /page/index.html /shared/'],
          volumeMounts: [
            { name: 'page', mountPath: '/page' },
            { name: 'shared', mountPath: '/shared' },
          ],
        },
      ],
      containers: [
        {
          name: 'httpd',
          image: TEST_IMAGE,
          command: ['httpd', '-f', '-p', '8080', '-h', '/shared'],
          volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
          readinessProbe: { httpGet: { port: 8080, path: '/index.html' }, periodSeconds: 1 },
          livenessProbe: { exec: { command: ['cat', '/shared/index.html'] }, periodSeconds: 1 },
        },
        {
          name: 'side',
          image: TEST_IMAGE,
          command: ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done'],
          readinessProbe: {
            tcpSocket: { host: '127.0.0.1', port: 1 },
            periodSeconds: 1,
            failureThreshold: 1000,
          },
        },
      ],
    }),
  );
  await eventually(() => statusOf()?.containerStatuses?.find(({ name }) => name === 'httpd')?.ready);
  // The other container may start after the first is ready.
  await eventually(() => statusOf()?.phase === 'Running');
  expect(isReady()).toBe(false);
  expect(statusOf()?.initContainerStatuses?.[0]?.state?.terminated).toMatchObject({
    exitCode: 0,
    reason: 'Completed',
  });

  const httpd = (await node.listed()).find(
    ({ Names, State }) => Names[0]?.includes('k8s_httpd') && State === 'running',
  );
  await node.docker.getContainer(httpd?.Id ?? '').kill();
  await eventually(() => {
    const status = statusOf()?.containerStatuses?.find(({ name }) => name === 'httpd');
    return status?.restartCount === 1 && status.ready;
  });
  expect(statusOf()?.containerStatuses?.find(({ name }) => name === 'httpd')?.lastState).toMatchObject({
    terminated: { exitCode: 137, reason: 'Error' },
  });

  const before = (await node.listed()).map(({ Id, State }) => `${Id} ${State}`).sort();
  await node.restart();
  await eventually(() => node.agent.synced);
  expect((await node.listed()).map(({ Id, State }) => `${Id} ${State}`).sort()).toEqual(before);

  node.deletePod('web');
  await eventually(() => node.pod('web') === undefined);
  expect(await node.listed()).toEqual([]);
});

it('makes a crashed container again without the control plane, with its configuration, and keeps its last words', async () => {
  const object = (kind: string, name: string, data: Record<string, string>) => ({
    apiVersion: 'v1',
    kind,
    metadata: { name, namespace: 'default' },
    data,
  });
  node.api.put('configmaps', object('ConfigMap', 'greeting', { text: 'hello' }));
  node.api.put('secrets', object('Secret', 'key', { KEY: Buffer.from('s3cret').toString('base64') }));
  node.api.put(
    'pods',
    aPod('away', {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'greeting', configMap: { name: 'greeting' } }],
      containers: [
        {
          name: 'main',
          image: TEST_IMAGE,
          command: ['sh', '-c', 'echo "$KEY $(cat /greeting/text)"; sleep 3600; echo ended'],
          envFrom: [{ secretRef: { name: 'key' } }],
          volumeMounts: [{ name: 'greeting', mountPath: '/greeting' }],
        },
      ],
    }),
  );
  const status = () => node.pod('away')?.status?.containerStatuses?.[0];
  const attempt = async (number: number) =>
    (await node.listed()).find(({ Names, State }) => Names[0]?.endsWith(`_${number}`) && State === 'running');
  await eventually(() => status()?.ready);
  node.api.setAway(true);
  await node.restart();
  await node.docker.getContainer((await attempt(0))?.Id ?? '').kill();
  await comesTrue(async () => expect(await attempt(1)).toBeDefined());
  const logs = await node.docker.getContainer((await attempt(1))?.Id ?? '').logs({ stdout: true });
  expect(logs.toString()).toContain('s3cret hello');
  node.api.setAway(false);
  await eventually(() => status()?.restartCount === 1);
  expect(status()?.lastState?.terminated).toMatchObject({ exitCode: 137, message: 's3cret hello' });
});
