/**
 * The agent's data directory on a full disk: what runs goes on, what is new waits and says why,
 * nothing is lost, and everything heals when there is room. Needs root.
 */
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, open, readdir, readFile, realpath, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { comesTrue } from '../../support/comes-true.ts';
import type { Event } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';
import { type DockerAgent, eventually, startDockerAgent } from '../../support/docker-agent.ts';
import { TEST_IMAGE } from '../../support/docker.ts';
import { aLocalVolume } from '../../support/volumes.ts';

const DISK_BYTES = 16 * 2 ** 20;
const WAIT = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';

let dir = '';
let disk = '';
let node: DockerAgent;
beforeAll(async () => {
  dir = await realpath(await mkdtemp(join(tmpdir(), 'symphony-full-')));
  disk = join(dir, 'disk');
  await mkdir(disk);
  await writeFile(join(dir, 'image'), '');
  await truncate(join(dir, 'image'), DISK_BYTES);
  run('mkfs.ext4', '-q', '-m', '0', join(dir, 'image'));
  run('mount', '-o', 'loop', join(dir, 'image'), disk);
  node = await startDockerAgent('full-disk', true, disk);
});
afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
  // The agent's end has unmounted it with all that is below.
  await rm(dir, { recursive: true });
});

function run(program: string, ...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program}: ${error?.message ?? stderr}`);
}

const FILLER = 'filler';
async function fill(): Promise<void> {
  await using file = await open(join(disk, FILLER), 'a');
  for (const bytes of [2 ** 20, 2 ** 10, 1])
    for (;;) {
      const isWritten = await file.write(Buffer.alloc(bytes)).then(
        () => file.sync().then(() => true),
        () => false,
      );
      if (!isWritten) break;
    }
}

function bind(claim: string): void {
  const volume = aLocalVolume(join(disk, 'volumes'), `pvc-${claim}`);
  const claimRef = { namespace: 'default', name: claim, uid: `uid-of-${claim}` };
  node.api.put('persistentvolumes', { ...volume, spec: { ...volume.spec, claimRef } });
  node.api.put('persistentvolumeclaims', {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claim, namespace: 'default', uid: `uid-of-${claim}` },
    spec: { volumeName: `pvc-${claim}` },
    status: { phase: 'Bound' },
  });
}

function put(name: string, script: string): void {
  bind(name);
  const volumeMounts = [
    { name: 'data', mountPath: '/data' },
    { name: 'config', mountPath: '/config' },
  ];
  node.api.put(
    'pods',
    aPod(name, {
      terminationGracePeriodSeconds: 1,
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: name } },
        { name: 'config', configMap: { name: 'config' } },
      ],
      containers: [{ name: 'main', image: TEST_IMAGE, command: ['sh', '-c', script], volumeMounts }],
    }),
  );
}
const statusOf = (pod: string) => node.pod(pod)?.status?.containerStatuses?.[0];
const told = (pod: string): string =>
  node.api
    .list<Event>('events')
    .flatMap((event) => (event.involvedObject.name === pod ? [`${event.reason}: ${event.message}`] : []))
    .join('\n');
const containers = async (): Promise<readonly string[]> =>
  (await node.listed()).map(({ Id, State }) => `${Id} ${State}`).sort();

/** Every file of the agent, without the data of volumes. */
async function ownFiles(): Promise<readonly string[]> {
  const all = await readdir(disk, { recursive: true, withFileTypes: true });
  return all
    .filter((entry) => entry.isFile() && !/\/pvc-[^/]*$/.test(entry.parentPath))
    .map((entry) => join(entry.parentPath, entry.name));
}

it('keeps what runs, lets new pods wait, and heals', async () => {
  node.api.put('configmaps', {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'config', namespace: 'default' },
    data: { key: 'value'.repeat(1_000) },
  });
  put('old', `echo start >> /data/log; ${WAIT}`);
  await eventually(() => statusOf('old')?.ready);
  const [before, files] = [await containers(), await ownFiles()];

  await fill();
  put('new', `echo start >> /data/log; ${WAIT}`);
  await eventually(() => /FailedMount: .*no space left on device/.test(told('new')));
  expect(node.pod('new')?.status?.phase).toBe('Pending');
  // The next agent knows what the last one has made.
  await node.restart();
  await eventually(() => node.agent.synced);
  expect(await containers()).toEqual(before);
  expect(statusOf('old')).toMatchObject({ ready: true, restartCount: 0 });

  // A container that could not be recorded would be a stranger to the next agent.
  await node.docker.getContainer(statusOf('old')?.containerID?.replace('docker://', '') ?? '').kill();
  await eventually(() => /Failed: Error: .*no space left on device/.test(told('old')));
  await node.restart();
  await eventually(() => node.agent.synced);
  expect(await containers()).toEqual(before.map((line) => line.replace('running', 'exited')));
  expect((await ownFiles()).filter((file) => !file.endsWith('.tmp'))).toEqual(
    expect.arrayContaining([...files]),
  );

  await rm(join(disk, FILLER));
  for (const pod of ['old', 'new']) await eventually(() => statusOf(pod)?.ready);
  expect(statusOf('old')?.restartCount).toBe(1);
  const logs = ['old', 'new'].map((pod) => readFile(join(disk, `volumes/pvc-${pod}/log`), 'utf8'));
  expect(await Promise.all(logs)).toEqual(['start\nstart\n', 'start\n']);
  expect((await readdir(join(disk, 'volumes'))).sort()).toEqual(
    ['new', 'old'].flatMap((name) => [`pvc-${name}`, `pvc-${name}.json`]),
  );
  await comesTrue(async () => expect((await ownFiles()).filter((file) => file.endsWith('.tmp'))).toEqual([]));
});
