/**
 * Claims through the whole agent on a real engine: data outlives containers, pods and the agent,
 * and goes only when its volume is deleted. Needs root.
 */
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { comesTrue } from '../../support/comes-true.ts';
import type { KubeObject } from '../../../src/schemas/object.ts';
import type { Container, Event, PersistentVolume, Pod } from '../../../src/schemas/types.ts';
import { aPod } from '../../support/agent-world.ts';
import { type DockerAgent, eventually, startDockerAgent } from '../../support/docker-agent.ts';
import { TEST_IMAGE } from '../../support/docker.ts';
import { aLocalVolume } from '../../support/volumes.ts';

let node: DockerAgent;
beforeAll(async () => {
  node = await startDockerAgent('claims', true);
});
afterAll(() => node[Symbol.asyncDispose]());

const WAIT = 'trap "exit 0" TERM; while :; do sleep 1 & wait $!; done';
const DATA = { name: 'data', mountPath: '/data' };
const volumesDir = (): string => join(node.dataDir, 'volumes');
const pathOf = (claim: string): string => join(volumesDir(), `pvc-${claim}`);

const put = (name: string, claim: string, script: string, over: Partial<Pod['spec']> = {}): void =>
  node.api.put(
    'pods',
    aPod(name, {
      terminationGracePeriodSeconds: 1,
      volumes: [{ name: 'data', persistentVolumeClaim: { claimName: claim } }],
      containers: [aContainer('main', script)],
      ...over,
    }),
  );
const aContainer = (name: string, script: string, over: Partial<Container> = {}): Container => ({
  name,
  image: TEST_IMAGE,
  command: ['sh', '-c', script],
  volumeMounts: [DATA],
  ...over,
});

/** A claim with its volume, bound by hand as the control plane binds them. */
function bind(
  claim: string,
  spec: Partial<PersistentVolume['spec']> = {},
  over: Partial<KubeObject['metadata']> = {},
): void {
  const volume = aLocalVolume(volumesDir(), `pvc-${claim}`);
  node.api.put('persistentvolumes', {
    ...volume,
    metadata: { ...volume.metadata, ...over },
    spec: {
      ...volume.spec,
      accessModes: ['ReadWriteOnce'],
      persistentVolumeReclaimPolicy: 'Delete',
      claimRef: { namespace: 'default', name: claim, uid: `uid-of-${claim}` },
      ...spec,
    },
  });
  node.api.put('persistentvolumeclaims', {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name: claim, namespace: 'default', uid: `uid-of-${claim}` },
    spec: { volumeName: volume.metadata.name },
    status: { phase: 'Bound' },
  });
}
const containerOf = (pod: string) => node.pod(pod)?.status?.containerStatuses?.[0];
const idOf = (pod: string): string => containerOf(pod)?.containerID?.replace('docker://', '') ?? '';
const end = async (pod: string): Promise<void> => {
  node.deletePod(pod);
  await eventually(() => node.pod(pod) === undefined);
};
const told = (reason: string): readonly string[] =>
  node.api.list<Event>('events').flatMap((event) => (event.reason === reason ? [event.message ?? ''] : []));
function deleteVolume(claim: string): void {
  node.api.remove('persistentvolumeclaims', `default/${claim}`);
  const volume = node.api.get<PersistentVolume>('persistentvolumes', `pvc-${claim}`);
  if (!volume) throw new Error('there is no volume');
  const metadata = { ...volume.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' };
  node.api.put('persistentvolumes', { ...volume, metadata });
}

it('tells where its volumes are, and how large their file system is', async () => {
  const read = () => node.api.get('nodes', 'n1')?.metadata.annotations ?? {};
  await eventually(() => read()['symphony.dev/volumes-directory']);
  const annotations = read();
  expect(annotations['symphony.dev/volumes-directory']).toBe(volumesDir());
  expect(Number(annotations['symphony.dev/volumes-capacity'])).toBeGreaterThan(1_000_000);
});

describe('the data of a claim', () => {
  it('outlives its container, its pod and the agent, and goes with its volume', async () => {
    put('first', 'one', `echo begin >> /data/log; ${WAIT}`);
    await eventually(() =>
      told('FailedMount').some((text) => text.includes('persistentvolumeclaims "one" not found')),
    );
    bind('one');
    await eventually(() => containerOf('first')?.ready);
    await node.docker.getContainer(idOf('first')).kill();
    await eventually(() => containerOf('first')?.restartCount === 1 && containerOf('first')?.ready);
    const before = containerOf('first');
    await node.restart();
    await eventually(() => node.agent.synced);
    expect(containerOf('first')).toEqual(before);
    await end('first');
    put('second', 'one', `echo again >> /data/log; ${WAIT}`);
    await eventually(() => containerOf('second')?.ready);
    expect(await readFile(join(pathOf('one'), 'log'), 'utf8')).toBe('begin\nbegin\nagain\n');
    const record = JSON.parse(await readFile(`${pathOf('one')}.json`, 'utf8')) as PersistentVolume;
    expect(record).toMatchObject({
      metadata: { uid: 'uid-of-pvc-one' },
      spec: { claimRef: { name: 'one' } },
    });

    deleteVolume('one');
    await eventually(() =>
      told('VolumeFailedDelete').some((text) => text.includes('is still used on node n1')),
    );
    expect(existsSync(join(pathOf('one'), 'log'))).toBe(true);
    await node.restart();
    await eventually(() => node.agent.synced);
    expect(existsSync(join(pathOf('one'), 'log'))).toBe(true);
    await end('second');
    await eventually(() => node.api.get('persistentvolumes', 'pvc-one') === undefined);
    expect((await readdir(volumesDir())).filter((name) => name.startsWith('pvc-one'))).toEqual([]);
  });

  it('is kept while a container that is not ours uses it', async () => {
    bind('two');
    put('ours', 'two', WAIT);
    await eventually(() => containerOf('ours')?.ready);
    const foreign = await node.docker.createContainer({
      Image: TEST_IMAGE,
      Cmd: ['sh', '-c', 'sleep 600'],
      HostConfig: { Binds: [`${pathOf('two')}:/x`] },
    });
    try {
      await foreign.start();
      await end('ours');
      deleteVolume('two');
      await eventually(() =>
        told('VolumeFailedDelete').some((text) => text.includes('used on node n1 by container')),
      );
      expect(existsSync(pathOf('two'))).toBe(true);
    } finally {
      await foreign.remove({ force: true });
    }
    await comesTrue(async () => expect(existsSync(pathOf('two'))).toBe(false));
  });

  it('loses nothing that was written and synced when containers are killed', async () => {
    bind('wal');
    // As a database does: append, sync, and only then acknowledge.
    const script = `i=$(wc -l < /data/wal 2>/dev/null || echo 0); while :; do i=$((i+1)); echo "row $i" >> /data/wal && sync /data/wal && echo "ack $i"; done`;
    put('database', 'wal', script);
    let acknowledged = 0;
    for (let cycle = 0; cycle < 4; cycle += 1) {
      await eventually(
        () => containerOf('database')?.restartCount === cycle && containerOf('database')?.ready,
      );
      const container = node.docker.getContainer(idOf('database'));
      const acks = async (): Promise<readonly string[]> =>
        (await container.logs({ stdout: true, tail: 5 })).toString().match(/(?<=ack )\d+/g) ?? [];
      await comesTrue(async () => expect(await acks()).not.toEqual([]));
      await container.kill();
      const last = Number((await acks()).at(-1));
      expect(last).toBeGreaterThan(acknowledged);
      acknowledged = last;
      const rows = (await readFile(join(pathOf('wal'), 'wal'), 'utf8')).split('\n');
      expect(rows.slice(0, last)).toEqual(Array.from({ length: last }, (_, index) => `row ${index + 1}`));
    }
    await end('database');
  });

  it('that vanished from the disk is not replaced by an empty directory', async () => {
    bind('gone');
    put('before', 'gone', `touch /data/x; ${WAIT}`);
    await eventually(() => containerOf('before')?.ready);
    await end('before');
    await rm(pathOf('gone'), { recursive: true });
    put('after', 'gone', WAIT);
    await eventually(() => told('FailedMount').some((text) => text.includes('its data is missing')));
    expect(existsSync(pathOf('gone'))).toBe(false);
    await end('after');
  });
});

describe('a claim', () => {
  it('mounts read-only, by sub-path, and with the group of the pod', async () => {
    bind('shared');
    put(
      'writer',
      'shared',
      `mkdir -p /data/sub; echo hello > /data/sub/file; chmod 600 /data/sub/file; ${WAIT}`,
    );
    await eventually(() => existsSync(join(pathOf('shared'), 'sub/file')));
    put('reader', 'shared', `cat /sub/file; touch /data/no; id -G; ${WAIT}`, {
      securityContext: { fsGroup: 4321, runAsUser: 1234, runAsGroup: 1234 },
      containers: [
        aContainer('main', `cat /sub/file > /data/copy && echo made; touch /ro/no; ${WAIT}`, {
          volumeMounts: [
            DATA,
            { name: 'data', mountPath: '/sub', subPath: 'sub' },
            { name: 'data', mountPath: '/ro', readOnly: true },
          ],
        }),
      ],
    });
    await eventually(() => containerOf('reader')?.ready);
    await comesTrue(async () => {
      const log = (
        await node.docker.getContainer(idOf('reader')).logs({ stdout: true, stderr: true })
      ).toString();
      expect(log).toMatch(/made/);
      expect(log).toMatch(/no: Read-only file system/);
    });
    const file = await stat(join(pathOf('shared'), 'sub/file'));
    expect([file.gid, file.mode & 0o7777]).toEqual([4321, 0o660]);
    const copied = await stat(join(pathOf('shared'), 'copy'));
    expect([copied.uid, copied.gid]).toEqual([1234, 4321]);
    await end('writer');
    await end('reader');
  });

  it('of a local volume that was made by hand needs its directory, and is never removed', async () => {
    const path = join(node.dataDir, 'disk');
    const spec = { local: { path } };
    bind('static', spec, { annotations: {}, finalizers: ['symphony.dev/volume'] });
    put('static', 'static', `touch /data/x; ${WAIT}`);
    await eventually(() =>
      told('FailedMount').some((text) => text.includes(`path "${path}" does not exist`)),
    );
    await mkdir(path, { mode: 0o777 });
    await eventually(() => containerOf('static')?.ready);
    await end('static');
    deleteVolume('static');
    await eventually(() => told('VolumeFailedDelete').some((text) => text.includes('it is kept')));
    expect(await readdir(path)).toEqual(['x']);
  });

  it('with mount options gets a mount of its own, which goes with the pod', async () => {
    bind('options', { mountOptions: ['ro', 'noexec'] });
    put('options', 'options', `touch /data/x; grep " /data " /proc/mounts; ${WAIT}`);
    await eventually(() => containerOf('options')?.ready);
    await comesTrue(async () => {
      const log = (
        await node.docker.getContainer(idOf('options')).logs({ stdout: true, stderr: true })
      ).toString();
      expect(log).toMatch(/Read-only file system/);
      expect(log).toMatch(/noexec/);
    });
    await end('options');
    expect(existsSync(pathOf('options'))).toBe(true);
  });
});
