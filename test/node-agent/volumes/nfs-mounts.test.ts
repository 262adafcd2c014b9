import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { NetworkMounter } from '../../../src/node-agent/volumes/nfs-mounter.ts';
import type { NfsPlan } from '../../../src/node-agent/volumes/plan-claim-volume.ts';
import { createFakeClock } from '../../support/fake-clock.ts';
import { aVolumeStore, type TestVolumeStore } from '../../support/volume-store.ts';

let dir = '';
let mounter: ReturnType<typeof createFakeMounter>;
let store: TestVolumeStore;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'symphony-nfs-'));
  await mkdir(join(dir, 'pods'));
  mounter = createFakeMounter(['/export']);
  store = start();
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const start = () =>
  aVolumeStore({ podsDir: join(dir, 'pods'), clock: createFakeClock(), canMount: async () => true, mounter });

/** Knows the directories of a server. Work of the agent on an export is seen as made there. */
function createFakeMounter(directories: readonly string[]) {
  const known = new Set(directories);
  const mounted = new Map<string, string>();
  const calls: string[] = [];
  let answers = true;
  const fake: NetworkMounter & {
    calls: string[];
    known: Set<string>;
    mounted: Map<string, string>;
    away(): void;
    stale: Set<string>;
  } = {
    calls,
    known,
    mounted,
    stale: new Set(),
    away: () => {
      answers = false;
    },
    async mount(source, target, options) {
      calls.push(`mount ${source} ${options.join(',')}`.trim());
      const share = source.slice(source.indexOf(':') + 1);
      if (!answers) throw new Error('Cannot run mount: it took longer than 120 s');
      if (!known.has(share))
        throw new Error(
          `mount.nfs: mounting ${source} failed, reason given by server: No such file or directory`,
        );
      mounted.set(target, share);
    },
    async unmount(target) {
      calls.push(`unmount ${mounted.get(target) ?? ''}`);
      const share = mounted.get(target) ?? '';
      // The directories that were made while it was mounted are on the server now.
      const made = await readdir(target, { recursive: true, withFileTypes: true });
      for (const entry of made)
        if (entry.isDirectory()) known.add(join(share, entry.parentPath.slice(target.length), entry.name));
      for (const entry of await readdir(target)) await rm(join(target, entry), { recursive: true });
      mounted.delete(target);
      fake.stale.delete(target);
    },
    async state(target) {
      return mounted.has(target) ? (fake.stale.has(target) ? 'stale' : 'mounted') : 'absent';
    },
  };
  return fake;
}

const aPlan = (over: Partial<NfsPlan> = {}): NfsPlan => ({
  kind: 'nfs',
  name: 'data',
  path: join(dir, 'pods-nfs', 'digest'),
  server: 'server',
  share: '/export',
  mountOptions: [],
  isProvisioned: false,
  ...over,
});
const use = async (podUid: string, plan = aPlan()): Promise<unknown> => {
  const mounted = await store.podStorage.of(podUid);
  store.podStorage.begin(podUid, [plan]);
  const applied = await store.apply([plan], mounted);
  if (applied.ok) await store.podStorage.save(podUid, [plan]);
  return applied;
};

describe('an export', () => {
  it('is mounted once for the pods of a node, and unmounted after the last of them', async () => {
    await use('p1');
    await use('p2');
    expect(mounter.calls).toEqual(['mount server:/export']);
    // The agent starts again: the pods on the disk still count.
    store = start();
    await store.tearDown('p1');
    expect(mounter.calls).toHaveLength(1);
    await store.tearDown('p2');
    expect(mounter.calls).toEqual(['mount server:/export', 'unmount /export']);
    expect(existsSync(aPlan().path)).toBe(false);
  });

  it('is mounted with its options, and again when it is stale', async () => {
    await use('p1', aPlan({ readOnly: true, mountOptions: ['hard', 'nfsvers=4.2'] }));
    mounter.stale.add(aPlan().path);
    await use('p2', aPlan({ readOnly: true, mountOptions: ['hard', 'nfsvers=4.2'] }));
    const mount = 'mount server:/export ro,hard,nfsvers=4.2';
    expect(mounter.calls).toEqual([mount, 'unmount /export', mount]);
  });

  it('that does not answer is an event, and keeps nothing', async () => {
    mounter.away();
    expect(await use('p1')).toMatchObject({
      reason: 'FailedMount',
      message: 'MountVolume.SetUp failed for volume "data" : Cannot run mount: it took longer than 120 s',
    });
    await store.tearDown('p1');
    expect(await store.podStorage.users(() => true)).toEqual([]);
  });

  it('gets the directory of a provisioned volume, all of its parts', async () => {
    const plan = aPlan({ share: '/export/a/pvc-1', isProvisioned: true, volumeName: 'pvc-1' });
    expect(await use('p1', plan)).toMatchObject({ ok: true });
    expect([...mounter.known]).toEqual(expect.arrayContaining(['/export/a', '/export/a/pvc-1']));
    expect(mounter.mounted.get(plan.path)).toBe('/export/a/pvc-1');
    expect(await readdir(join(dir, 'pods-nfs', 'work'))).toEqual([]);
  });

  it('gets no directory for a volume that was made by hand', async () => {
    const applied = await use('p1', aPlan({ share: '/export/typo' }));
    expect(applied).toMatchObject({
      reason: 'FailedMount',
      message: expect.stringContaining('No such file or directory') as string,
    });
    expect(mounter.calls).toEqual(['mount server:/export/typo']);
  });
});

describe('a directory of a local volume', () => {
  const volume = (uid = 'u1') => ({
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: {
      name: 'pvc-1',
      uid,
      annotations: { 'pv.kubernetes.io/provisioned-by': 'symphony.dev/local' },
    },
    spec: { local: { path: join(store.directories.root, 'pvc-1') } },
  });

  it("is everybody's, recorded, and made once", async () => {
    await store.directories.ensure(volume());
    await writeFile(join(store.directories.root, 'pvc-1', 'x'), '');
    await store.directories.ensure(volume());
    expect((await stat(volume().spec.local.path)).mode & 0o7777).toBe(0o777);
    expect(await store.directories.recorded()).toEqual([volume()]);
    expect(await readdir(volume().spec.local.path)).toEqual(['x']);
  });

  it('is not removed for another volume of its name', async () => {
    await store.directories.ensure(volume());
    await expect(store.directories.remove(volume('u2'))).rejects.toThrow('its data is kept');
    expect(existsSync(volume().spec.local.path)).toBe(true);
    await store.directories.remove(volume());
    expect(await readdir(store.directories.root)).toEqual([]);
    // A removal that was broken off is done again.
    await store.directories.remove(volume());
  });

  it('is never any other directory', async () => {
    const elsewhere = { ...volume(), spec: { local: { path: dir } } };
    await expect(store.directories.ensure(elsewhere)).rejects.toThrow('is not one of the directory');
    await expect(store.directories.remove(elsewhere)).rejects.toThrow('is not one of the directory');
    expect(existsSync(dir)).toBe(true);
  });

  it('stays when a record is damaged', async () => {
    await store.directories.ensure(volume());
    await writeFile(`${volume().spec.local.path}.json`, '{"kind":');
    expect(await store.directories.recorded()).toEqual([]);
    expect(existsSync(volume().spec.local.path)).toBe(true);
    await store.directories.note(volume());
    expect(await store.directories.recorded()).toEqual([volume()]);
  });
});
