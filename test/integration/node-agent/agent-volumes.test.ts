/**
 * Volumes through the whole agent on a real engine: what pods must not reach, and what they must.
 * Needs root.
 */
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { listMountsBelow } from '../../../src/node-agent/volumes/mounts.ts';
import type { Container, Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';
import { type DockerAgent, eventually, startDockerAgent } from '../../support/docker-agent.ts';
import { TEST_IMAGE } from '../../support/docker.ts';

let node: DockerAgent;
beforeAll(async () => {
  node = await startDockerAgent('volumes', true);
});
afterAll(() => node[Symbol.asyncDispose]());

const WAIT = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';
const aContainer = (name: string, script: string, over: Partial<Container> = {}): Container => ({
  name,
  image: TEST_IMAGE,
  command: ['sh', '-c', script],
  ...over,
});
const put = (name: string, spec: Partial<Pod['spec']>): void =>
  node.api.put('pods', aPod(name, { terminationGracePeriodSeconds: 1, ...spec }));
const containerOf = (pod: string, name: string) =>
  node.pod(pod)?.status?.containerStatuses?.find((entry) => entry.name === name);
const logOf = async (pod: string, name: string): Promise<string> => {
  const id = containerOf(pod, name)?.containerID?.replace('docker://', '') ?? '';
  if (id === '') return '';
  return (await node.docker.getContainer(id).logs({ stdout: true, stderr: true })).toString();
};
const podDir = (pod: string): string => join(node.dataDir, 'pods', `uid-of-${pod}`);
const end = async (pod: string): Promise<void> => {
  node.deletePod(pod);
  await eventually(() => node.pod(pod) === undefined);
  expect(await listMountsBelow(podDir(pod))).toEqual([]);
  expect(existsSync(podDir(pod))).toBe(false);
};

it('mounts sub-paths, keeps them over restarts, and unmounts them at the end', async () => {
  node.api.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'page', namespace: 'default' },
    data: { 'index.html': 'hello', 'other.html': 'other' },
  });
  const look = 'cat /index.html; ls -d /data/* /ro/*; touch /data/made; touch /ro/no; touch /page/no; ';
  put('sub', {
    volumes: [
      { name: 'page', configMap: { name: 'page' } },
      { name: 'shared', emptyDir: {} },
      { name: 'nested', emptyDir: {} },
    ],
    initContainers: [
      aContainer('prepare', 'mkdir -p /shared/app/logs; touch /shared/app/logs/first', {
        volumeMounts: [{ name: 'shared', mountPath: '/shared' }],
      }),
    ],
    containers: [
      aContainer('main', `${look}${WAIT}`, {
        env: [{ name: 'APP', value: 'app' }],
        volumeMounts: [
          { name: 'page', mountPath: '/index.html', subPath: 'index.html' },
          { name: 'page', mountPath: '/page' },
          { name: 'nested', mountPath: '/page/in/side' },
          { name: 'shared', mountPath: '/data', subPathExpr: '$(APP)/logs' },
          { name: 'shared', mountPath: '/ro', subPath: 'app', readOnly: true },
          { name: 'shared', mountPath: '/new', subPath: 'not/there' },
        ],
      }),
    ],
  });
  await eventually(() => containerOf('sub', 'main')?.ready);
  const first = await logOf('sub', 'main');
  expect(first).toMatch(/hello.*\/data\/first.*\/ro\/logs/s);
  expect(first).toMatch(/\/ro\/no: Read-only file system/);
  expect(first).toMatch(/\/page\/no: Read-only file system/);
  const shared = join(podDir('sub'), 'volumes/kubernetes.io~empty-dir/shared');
  expect(await readdir(join(shared, 'app/logs'))).toEqual(['first', 'made']);
  expect(await readdir(join(shared, 'not/there'))).toEqual([]);
  const mounted = await listMountsBelow(podDir('sub'));
  expect(mounted).toHaveLength(4);

  const before = containerOf('sub', 'main');
  await node.restart();
  await eventually(() => node.agent.synced);
  expect(containerOf('sub', 'main')).toEqual(before);
  expect(await listMountsBelow(podDir('sub'))).toEqual(mounted);

  await node.docker.getContainer(before?.containerID?.replace('docker://', '') ?? '').kill();
  await eventually(() => containerOf('sub', 'main')?.restartCount === 1 && containerOf('sub', 'main')?.ready);
  expect(await logOf('sub', 'main')).toMatch(/\/data\/first.*\/data\/made/s);
  expect(await listMountsBelow(podDir('sub'))).toHaveLength(4);
  await end('sub');
});

it("shows no container the host's root, however a neighbour swaps the directory", async () => {
  const shared = { name: 'shared', mountPath: '/shared' };
  const made = `/symphony-made-by-${process.pid}`;
  const swap = `mkdir -p /shared/dir; touch /shared/up; while :; do
    mv /shared/dir /shared/kept; ln -s / /shared/dir; rm -rf /shared/dir; mv /shared/kept /shared/dir; sleep 0.01; done`;
  const victims = Array.from({ length: 8 }, (_, index) =>
    aContainer(`victim-${index}`, `ls -a /m; echo end; ${WAIT}`, {
      volumeMounts: [{ name: 'shared', mountPath: '/m', subPath: index % 2 === 0 ? 'dir' : `dir${made}` }],
    }),
  );
  put('race', {
    volumes: [{ name: 'shared', emptyDir: {} }],
    initContainers: [
      aContainer('swapper', swap, { restartPolicy: 'Always', volumeMounts: [shared] }),
      aContainer('ready', 'until [ -e /shared/up ]; do sleep 0.1; done', { volumeMounts: [shared] }),
    ],
    containers: victims,
  });
  for (const { name } of victims) {
    await eventually(async () => (await logOf('race', name).catch(() => '')).includes('end'));
    expect(await logOf('race', name)).not.toMatch(/^.*\b(etc|proc|usr)\b/m);
  }
  expect(existsSync(made)).toBe(false);
  await end('race');
});

it("mounts the host's root where a pod may ask for it", async () => {
  await writeFile(join(node.dataDir, 'marker'), 'here\n');
  put('root', {
    volumes: [{ name: 'host', hostPath: { path: '/' } }],
    containers: [
      aContainer('main', `cat /host${node.dataDir}/marker; ${WAIT}`, {
        volumeMounts: [{ name: 'host', mountPath: '/host', readOnly: true }],
      }),
    ],
  });
  await eventually(async () => containerOf('root', 'main')?.ready && (await logOf('root', 'main')) !== '');
  expect(await logOf('root', 'main')).toContain('here');
  await end('root');
  expect(await readFile(join(node.dataDir, 'marker'), 'utf8')).toBe('here\n');
});

it.each([
  [
    'token',
    {
      projected: {
        sources: [{ downwardAPI: { items: [{ path: '../x', fieldRef: { fieldPath: 'metadata.name' } }] } }],
      },
    },
  ],
  ['host', { hostPath: { path: '/tmp/../etc' } }],
])('refuses a path that leaves its volume, in words: %s', async (name, volume) => {
  put(name, {
    volumes: [{ name: 'v', ...volume }],
    containers: [aContainer('main', WAIT, { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
  });
  await eventually(() => containerOf(name, 'main')?.state?.waiting?.message !== undefined);
  expect(containerOf(name, 'main')?.state?.waiting).toMatchObject({
    reason: 'CreateContainerConfigError',
    message: expect.stringContaining("'..'") as string,
  });
  await end(name);
});

it('leaves a container with copied labels alone, running beside the pod', async () => {
  put('own', { containers: [aContainer('main', WAIT)] });
  await eventually(() => containerOf('own', 'main')?.ready);
  const own = containerOf('own', 'main')?.containerID?.replace('docker://', '') ?? '';
  const { Config } = await node.docker.getContainer(own).inspect();
  const copy = await node.docker.createContainer({
    Image: TEST_IMAGE,
    Cmd: ['sh', '-c', WAIT],
    Labels: { ...Config.Labels, 'symphony.dev/attempt': '5' },
    HostConfig: { NetworkMode: 'none' },
  });
  await copy.start();
  await eventually(() => node.api.list('events').some(({ reason }) => reason === 'UnknownContainer'));
  await node.restart();
  await eventually(() => node.agent.synced);
  expect(containerOf('own', 'main')).toMatchObject({
    ready: true,
    restartCount: 0,
    containerID: `docker://${own}`,
  });
  await end('own');
  expect((await copy.inspect()).State.Running).toBe(true);
});
